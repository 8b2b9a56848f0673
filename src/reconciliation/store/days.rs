//! Days of bills.

use super::{execute, key_values};
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{DbError, Source, Tx},
        ids::{SchoolId, uuid_at},
    },
    orders::fact::Provider,
    reconciliation::day::{Apart, BillDay, Comparison, DayKey, DayState, Totals},
};
use sea_orm::{QueryResult, Value};
use std::collections::HashSet;
use uuid::Uuid;

/// Opens a day, or counts one more comparison of it. Its state stays what it was until something differs,
/// and it counts as compared only when a comparison of it has ended.
const BEGIN: &str = "INSERT INTO bill_day (id, school_id, provider, merchant_number, day, state, \
    run, file_hash, bill_rows, our_rows, paid_count, paid_fen, back_count, back_fen, billed_fen, \
    refunded_fen, fee_fen, coupon_fen, open_differences, compared_at) \
    VALUES ($5, $1, $2, $3, $4, 'open', 1, '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) \
    ON CONFLICT (school_id, provider, merchant_number, day) DO UPDATE SET run = bill_day.run + 1 \
    RETURNING run, state";
const FINISH: &str = "UPDATE bill_day SET state = $5, file_hash = $6, bill_rows = $7, our_rows = $8, \
    paid_count = $9, paid_fen = $10, billed_fen = $11, refunded_fen = $12, fee_fen = $13, \
    coupon_fen = $14, open_differences = $15, compared_at = $16, \
    closed_at = CASE WHEN $5 = 'closed' THEN $16 ELSE NULL END, \
    reopened_at = CASE WHEN $17 = 1 THEN $16 ELSE reopened_at END, back_count = $19, back_fen = $20, \
    confirmed_at = CASE WHEN $5 = 'closed' AND our_rows = $8 AND paid_fen = $10 AND billed_fen = $11 \
    AND refunded_fen = $12 AND fee_fen = $13 AND back_fen = $20 THEN confirmed_at ELSE NULL END \
    WHERE school_id = $1 AND provider = $2 AND merchant_number = $3 AND day = $4 AND run = $18";
const REOPEN: &str = "UPDATE bill_day SET state = 'open', closed_at = NULL, reopened_at = $5, \
    confirmed_at = NULL \
    WHERE school_id = $1 AND provider = $2 AND merchant_number = $3 AND day = $4 \
    AND state = 'closed'";
const MOVED: &str = "SELECT paid.n AS paid_count, paid.fen AS paid_fen, back.n AS back_count, \
    back.fen AS back_fen FROM \
    (SELECT COUNT(*) AS n, CAST(COALESCE(SUM(amount_fen), 0) AS bigint) AS fen FROM payment \
     WHERE school_id = $1 AND provider = $2 AND merchant = $3 AND state = 'paid' \
     AND paid_at >= $4 AND paid_at < $5) AS paid, \
    (SELECT COUNT(*) AS n, CAST(COALESCE(SUM(amount_fen), 0) AS bigint) AS fen FROM refund \
     WHERE school_id = $1 AND provider = $2 AND merchant_number = $3 AND state = 'done' \
     AND ended_at >= $4 AND ended_at < $5) AS back";
/// What is kept of a day's bill.
const BILLED: &str = "SELECT COUNT(*) AS our_rows, \
    CAST(COALESCE(SUM(CASE WHEN entry = 'payment' THEN amount_fen ELSE 0 END), 0) AS bigint) \
    AS billed_fen, \
    CAST(COALESCE(SUM(CASE WHEN entry = 'refund' THEN amount_fen ELSE 0 END), 0) AS bigint) \
    AS refunded_fen, CAST(COALESCE(SUM(fee_fen), 0) AS bigint) AS fee_fen, \
    CAST(COALESCE(SUM(CASE WHEN entry = 'payment' THEN coupon_fen ELSE -coupon_fen END), 0) \
    AS bigint) AS coupon_fen FROM bill_row \
    WHERE school_id = $1 AND provider = $2 AND merchant_number = $3 AND day = $4";

const DAY: &str = "SELECT d.id, d.school_id, d.provider, d.merchant_number, d.day, d.state, \
    d.file_hash, d.bill_rows, d.our_rows, d.paid_count, d.paid_fen, d.back_count, d.back_fen, \
    d.billed_fen, d.refunded_fen, d.fee_fen, d.coupon_fen, d.open_differences, d.compared_at, \
    d.closed_at, d.reopened_at, d.confirmed_by, d.confirmed_at, \
    {sum} FROM {billed} AND r.state IN ('requested', 'sent')) AS on_the_way, \
    {sum} FROM {billed} AND r.state = 'done' AND NOT ({within})) AS ours_elsewhere, \
    {sum} FROM refund r JOIN bill_row b ON b.payment_id = r.payment_id \
    AND b.out_refund_no = r.refund_number WHERE r.school_id = d.school_id \
    AND r.provider = d.provider AND r.merchant_number = d.merchant_number AND r.state = 'done' \
    AND {within} AND b.entry = 'refund' AND b.day <> d.day) AS theirs_elsewhere FROM bill_day d";
/// The refunds in the bill of a day.
const BILLED_REFUNDS: &str = "bill_row b JOIN refund r ON r.payment_id = b.payment_id \
    AND r.refund_number = b.out_refund_no WHERE b.school_id = d.school_id \
    AND b.provider = d.provider AND b.merchant_number = d.merchant_number AND b.day = d.day \
    AND b.entry = 'refund'";
/// That a refund was done on the day: from its first instant in Beijing.
const WITHIN: &str = "r.ended_at >= CAST(d.day AS bigint) * 86400000000 - 28800000000 \
    AND r.ended_at < CAST(d.day AS bigint) * 86400000000 + 57600000000";
/// Closes a day by hand as it was seen.
const CONFIRM: &str = "UPDATE bill_day SET confirmed_by = $4, confirmed_at = $5 \
    WHERE id = $1 AND school_id = $2 AND compared_at / 1000000 = $3 AND state = 'closed' \
    AND confirmed_at IS NULL";

/// [`DAY`], whole.
pub(super) fn day_sql() -> String {
    let sum = "(SELECT CAST(COALESCE(SUM(r.amount_fen), 0) AS bigint)";
    let parts = [("{sum}", sum), ("{billed}", BILLED_REFUNDS), ("{within}", WITHIN)];
    parts.into_iter().fold(DAY.to_owned(), |sql, (name, part)| sql.replace(name, part))
}

/// Closes a day by hand, unless it was compared again since `seen`, differs or is closed so already.
pub(in crate::reconciliation) async fn confirm(
    tx: &Tx,
    (school, id): (SchoolId, Uuid),
    seen: Timestamp,
    (by, now): (&str, Timestamp),
) -> Result<bool, DbError> {
    let values = vec![
        id.into(),
        school.number().into(),
        // Answers tell whole seconds.
        seen.micros().div_euclid(1_000_000).into(),
        by.into(),
        now.micros().into(),
    ];
    Ok(execute(tx, CONFIRM, values).await? == 1)
}

/// A day that was compared.
pub(in crate::reconciliation) async fn of_key(
    source: Source<'_>,
    key: &DayKey,
) -> Result<Option<BillDay>, DbError> {
    let sql = format!(
        "{} WHERE d.school_id = $1 AND d.provider = $2 AND d.merchant_number = $3 AND d.day = $4 \
         AND d.compared_at > 0",
        day_sql()
    );
    source.select(&sql, key_values(key, key.day)).await?.first().map(day_of).transpose()
}

/// Begins a comparison: its number, and whether the day was closed.
pub(in crate::reconciliation) async fn begin(
    tx: &Tx,
    key: &DayKey,
    now: Timestamp,
) -> Result<Comparison, DbError> {
    let mut values = key_values(key, key.day);
    values.push(uuid_at(now).into());
    let found = Source::Tx(tx).select(BEGIN, values).await?;
    let row = found.first().ok_or(DbError::Inconsistent { table: "bill_day", what: "no row" })?;
    let state: String = row.try_get("", "state")?;
    Ok(Comparison { number: row.try_get("", "run")?, was_closed: state == DayState::Closed.code() })
}

/// Opens a closed day in which something differs, with the commit that stores it: whatever becomes of the
/// comparison, the day is not closed any more.
pub(in crate::reconciliation) async fn reopen(
    tx: &Tx,
    key: &DayKey,
    now: Timestamp,
) -> Result<(), DbError> {
    let mut values = key_values(key, key.day);
    values.push(now.micros().into());
    execute(tx, REOPEN, values).await.map(drop)
}

/// Keeps the day for this comparison until the transaction ends: a later one cannot begin meanwhile, and where
/// one has begun, this one is [`DbError::Raced`] and writes nothing more.
pub(in crate::reconciliation) async fn hold(
    tx: &Tx,
    key: &DayKey,
    comparison: Comparison,
) -> Result<(), DbError> {
    let lock = if tx.has_row_locks() { "FOR UPDATE" } else { "" };
    let sql = format!(
        "SELECT run FROM bill_day WHERE school_id = $1 AND provider = $2 AND merchant_number = $3 \
         AND day = $4 {lock}"
    );
    let found = Source::Tx(tx).select(&sql, key_values(key, key.day)).await?;
    let run = found.first().map(|row| row.try_get::<i64>("", "run")).transpose()?;
    if run == Some(comparison.number) { Ok(()) } else { Err(DbError::Raced { table: "bill_day" }) }
}

/// Stores the outcome of a comparison, unless a later one has begun.
pub(in crate::reconciliation) async fn finish(
    tx: &Tx,
    key: &DayKey,
    comparison: Comparison,
    totals: &Totals,
    now: Timestamp,
) -> Result<(), DbError> {
    let count = |n: u64| Value::from(i64::try_from(n).unwrap_or(i64::MAX));
    let mut values = key_values(key, key.day);
    values.extend([totals.state().code().into(), totals.file_hash.as_str().into()]);
    values.extend([totals.bill_rows, totals.our_rows, totals.paid_count].map(count));
    values.extend([
        totals.paid_fen.into(),
        totals.billed_fen.into(),
        totals.refunded_fen.into(),
        totals.fee_fen.into(),
        totals.coupon_fen.into(),
        count(totals.open_differences),
        now.micros().into(),
        i64::from(totals.is_reopened).into(),
        comparison.number.into(),
        count(totals.back_count),
        totals.back_fen.into(),
    ]);
    match execute(tx, FINISH, values).await? {
        1 => Ok(()),
        _ => Err(DbError::Raced { table: "bill_day" }),
    }
}

/// Adds up what there is of a day, ours and theirs.
pub(in crate::reconciliation) async fn found(
    tx: &Tx,
    key: &DayKey,
    totals: &mut Totals,
) -> Result<(), DbError> {
    let found = Source::Tx(tx).select(BILLED, key_values(key, key.day)).await?;
    let row = found.first().ok_or(DbError::Inconsistent { table: "bill_row", what: "no sums" })?;
    totals.our_rows = count_of(row, "our_rows")?;
    totals.billed_fen = row.try_get("", "billed_fen")?;
    totals.refunded_fen = row.try_get("", "refunded_fen")?;
    totals.fee_fen = row.try_get("", "fee_fen")?;
    totals.coupon_fen = row.try_get("", "coupon_fen")?;
    let moved = moved(Source::Tx(tx), key).await?;
    (totals.paid_count, totals.paid_fen) = (moved.paid_count, moved.paid_fen);
    (totals.back_count, totals.back_fen) = (moved.back_count, moved.back_fen);
    Ok(())
}

/// What we count of a day ourselves.
#[derive(PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) paid_count: u64,
    pub(super) paid_fen: i64,
    pub(super) back_count: u64,
    pub(super) back_fen: i64,
}

fn moved_of(row: &QueryResult) -> Result<Moved, DbError> {
    Ok(Moved {
        paid_count: count_of(row, "paid_count")?,
        paid_fen: row.try_get("", "paid_fen")?,
        back_count: count_of(row, "back_count")?,
        back_fen: row.try_get("", "back_fen")?,
    })
}

pub(super) async fn moved(source: Source<'_>, key: &DayKey) -> Result<Moved, DbError> {
    let values = vec![
        key.school.number().into(),
        key.provider.code().into(),
        key.merchant.as_str().into(),
        key.day.start().micros().into(),
        key.day.next().start().micros().into(),
    ];
    let found = source.select(MOVED, values).await?;
    moved_of(found.first().ok_or(DbError::Inconsistent { table: "payment", what: "no sums" })?)
}

fn count_of(row: &QueryResult, name: &str) -> Result<u64, DbError> {
    Ok(u64::try_from(row.try_get::<i64>("", name)?).unwrap_or(0))
}

/// Those of the days whose bills were compared.
pub(in crate::reconciliation) async fn compared_among(
    tx: &Tx,
    key: &DayKey,
    days: [Day; 2],
) -> Result<HashSet<Day>, DbError> {
    let sql = "SELECT day FROM bill_day WHERE school_id = $1 AND provider = $2 \
               AND merchant_number = $3 AND day IN ($4, $5) AND compared_at > 0";
    let [one, other] = days;
    let mut values = key_values(key, one);
    values.push(other.number().into());
    let found = Source::Tx(tx).select(sql, values).await?;
    found.iter().map(|row| Ok(Day::from_number(row.try_get("", "day")?))).collect()
}

/// A day whose bill was compared.
pub(in crate::reconciliation) struct ComparedDay {
    pub(in crate::reconciliation) is_closed: bool,
    moved: Moved,
}

impl ComparedDay {
    /// Whether payments or refunds of the day came to us since.
    pub(in crate::reconciliation) async fn is_changed(
        &self,
        source: Source<'_>,
        key: &DayKey,
    ) -> Result<bool, DbError> {
        Ok(moved(source, key).await? != self.moved)
    }
}

/// How a day was left; `None` if its bill was not compared.
pub(in crate::reconciliation) async fn compared(
    source: Source<'_>,
    key: &DayKey,
) -> Result<Option<ComparedDay>, DbError> {
    let sql = "SELECT state, paid_count, paid_fen, back_count, back_fen FROM bill_day \
               WHERE school_id = $1 AND provider = $2 AND merchant_number = $3 AND day = $4 \
               AND compared_at > 0";
    let found = source.select(sql, key_values(key, key.day)).await?;
    let compared = |row: &QueryResult| {
        let state: String = row.try_get("", "state")?;
        let is_closed = state == DayState::Closed.code();
        Ok(ComparedDay { is_closed, moved: moved_of(row)? })
    };
    found.first().map(compared).transpose()
}

/// A day of a school, also one whose bill has not come.
pub(in crate::reconciliation) async fn by_id(
    source: Source<'_>,
    school: SchoolId,
    id: Uuid,
) -> Result<Option<BillDay>, DbError> {
    let sql = format!("{} WHERE d.id = $1 AND d.school_id = $2", day_sql());
    let found = source.select(&sql, vec![id.into(), school.number().into()]).await?;
    found.first().map(day_of).transpose()
}

pub(super) fn day_of(row: &QueryResult) -> Result<BillDay, DbError> {
    let broken = |what| DbError::Inconsistent { table: "bill_day", what };
    let (provider, state): (String, String) =
        (row.try_get("", "provider")?, row.try_get("", "state")?);
    let time = |name| Ok::<_, DbError>(row.try_get::<Option<i64>>("", name)?);
    let moved = moved_of(row)?;
    Ok(BillDay {
        id: row.try_get("", "id")?,
        key: DayKey {
            school: SchoolId::from_number(row.try_get("", "school_id")?),
            provider: Provider::from_code(&provider).ok_or(broken("unknown provider"))?,
            merchant: row.try_get("", "merchant_number")?,
            day: Day::from_number(row.try_get("", "day")?),
        },
        state: DayState::from_code(&state).ok_or(broken("unknown state"))?,
        totals: Totals {
            file_hash: row.try_get("", "file_hash")?,
            bill_rows: count_of(row, "bill_rows")?,
            our_rows: count_of(row, "our_rows")?,
            paid_count: moved.paid_count,
            paid_fen: moved.paid_fen,
            back_count: moved.back_count,
            back_fen: moved.back_fen,
            billed_fen: row.try_get("", "billed_fen")?,
            refunded_fen: row.try_get("", "refunded_fen")?,
            fee_fen: row.try_get("", "fee_fen")?,
            coupon_fen: row.try_get("", "coupon_fen")?,
            open_differences: count_of(row, "open_differences")?,
            ..Totals::default()
        },
        compared_at: Timestamp::from_micros(row.try_get("", "compared_at")?),
        closed_at: time("closed_at")?.map(Timestamp::from_micros),
        reopened_at: time("reopened_at")?.map(Timestamp::from_micros),
        confirmed: row
            .try_get::<Option<String>>("", "confirmed_by")?
            .zip(time("confirmed_at")?.map(Timestamp::from_micros)),
        apart: Apart {
            on_the_way: row.try_get("", "on_the_way")?,
            ours_elsewhere: row.try_get("", "ours_elsewhere")?,
            theirs_elsewhere: row.try_get("", "theirs_elsewhere")?,
        },
    })
}
