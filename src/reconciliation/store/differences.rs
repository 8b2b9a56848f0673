//! In what rows and our books differ.

use super::{execute, key_values, refunds::number_of_refund};
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{Column, DbError, Keyset, Rows, Source, Tx, Write},
        ids::{SchoolId, uuid_at},
    },
    orders::{fact::Provider, order::PaymentId},
    reconciliation::{
        day::{Comparison, DayKey, FoundDifference, FoundState},
        difference::{Difference, Differs, Repair},
    },
};
use sea_orm::QueryResult;
use std::collections::HashSet;
use uuid::Uuid;

/// A difference of a shared merchant's day stays the school's that found it first. What a later comparison
/// found stays as that one left it.
const AGAIN: &str = "ON CONFLICT (provider, merchant_number, day, number, field) DO UPDATE SET \
    ours = excluded.ours, theirs = excluded.theirs, stake_fen = excluded.stake_fen, \
    repair = excluded.repair, run = excluded.run, \
    state = CASE WHEN bill_difference.state = 'accepted' AND bill_difference.ours = excluded.ours \
    AND bill_difference.theirs = excluded.theirs THEN 'accepted' ELSE excluded.state END, \
    ended_at = CASE WHEN bill_difference.state = 'accepted' AND bill_difference.ours = excluded.ours \
    AND bill_difference.theirs = excluded.theirs THEN bill_difference.ended_at ELSE 0 END \
    WHERE bill_difference.school_id = excluded.school_id AND bill_difference.run <= excluded.run";
const OF_DAY: &str = "school_id = $1 AND provider = $2 AND merchant_number = $3 AND day = $4";

/// Differences of a day, found by a comparison.
pub(in crate::reconciliation) fn write_of(
    key: &DayKey,
    found: &[FoundDifference],
    comparison: Comparison,
    now: Timestamp,
) -> Write {
    let text = |f: &dyn Fn(&Difference) -> String| {
        Column::Text(found.iter().map(|found| f(&found.difference)).collect())
    };
    let same = |value: &str| Column::Text(vec![value.to_owned(); found.len()]);
    let i64s = |value: i64| Column::I64(vec![value; found.len()]);
    let payment = |found: &FoundDifference| {
        PaymentId::from_out_trade_no(&found.difference.out_trade_no).map(PaymentId::uuid)
    };
    let stakes = found.iter().map(|found| found.difference.stake_fen);
    let how_it_stands = found.iter().map(|found| found.state.code().to_owned()).collect();
    let rows = Rows::new(vec![
        ("id", Column::Uuid(found.iter().map(|_| uuid_at(now)).collect())),
        ("school_id", i64s(key.school.number())),
        ("provider", same(key.provider.code())),
        ("merchant_number", same(&key.merchant)),
        ("day", Column::I32(vec![key.day.number(); found.len()])),
        ("entry", text(&|difference| difference.entry.to_owned())),
        ("number", text(&|difference| difference.number.clone())),
        ("field", text(&|difference| difference.differs.code().to_owned())),
        ("payment_id", Column::OptUuid(found.iter().map(payment).collect())),
        ("out_trade_no", text(&|difference| difference.out_trade_no.clone())),
        ("ours", text(&|difference| difference.ours.clone())),
        ("theirs", text(&|difference| difference.theirs.clone())),
        ("stake_fen", Column::I64(stakes.collect())),
        ("repair", text(&|difference| difference.repair.code().to_owned())),
        ("state", Column::Text(how_it_stands)),
        ("run", i64s(comparison.number)),
        ("found_at", i64s(now.micros())),
        ("ended_at", i64s(0)),
    ]);
    Write::Insert { table: "bill_difference", rows, suffix: AGAIN }
}

/// Ends what earlier comparisons found and this one did not.
pub(in crate::reconciliation) async fn end_old(
    tx: &Tx,
    key: &DayKey,
    comparison: Comparison,
    now: Timestamp,
) -> Result<(), DbError> {
    let mut values = key_values(key, key.day);
    values.extend([comparison.number.into(), now.micros().into()]);
    let sql = format!(
        "UPDATE bill_difference SET state = 'gone', ended_at = $6 WHERE {OF_DAY} AND run < $5 \
         AND state IN ('open', 'waiting')"
    );
    execute(tx, &sql, values).await.map(drop)
}

/// Ends a difference that the provider's answer has repaired.
pub(in crate::reconciliation) async fn repaired(
    tx: &Tx,
    key: &DayKey,
    difference: &Difference,
    now: Timestamp,
) -> Result<(), DbError> {
    let mut values = key_values(key, key.day);
    values.extend([
        difference.number.as_str().into(),
        difference.differs.code().into(),
        now.micros().into(),
    ]);
    let sql = format!(
        "UPDATE bill_difference SET state = 'repaired', ended_at = $7 WHERE {OF_DAY} \
         AND number = $5 AND field = $6 AND state = 'open'"
    );
    execute(tx, &sql, values).await.map(drop)
}

/// The differences of these numbers that this school has and that are open: number and field.
pub(in crate::reconciliation) async fn open_among(
    source: Source<'_>,
    key: &DayKey,
    numbers: Vec<String>,
) -> Result<HashSet<(String, String)>, DbError> {
    let sql = "SELECT number, field FROM bill_difference WHERE school_id {keys1} \
               AND provider {keys2} AND merchant_number {keys3} AND day {keys4} \
               AND number {keys5} AND state = 'open'";
    let keys = vec![
        Column::I64(vec![key.school.number()]),
        Column::Text(vec![key.provider.code().to_owned()]),
        Column::Text(vec![key.merchant.clone()]),
        Column::I32(vec![key.day.number()]),
        Column::Text(numbers),
    ];
    let found = source.select_keys(sql, keys).await?;
    let one = |row: &QueryResult| Ok((row.try_get("", "number")?, row.try_get("", "field")?));
    found.iter().map(one).collect()
}

/// The provider was asked about an open difference and cannot repair it: its support is to be asked.
pub(in crate::reconciliation) async fn told(
    tx: &Tx,
    key: &DayKey,
    difference: &Difference,
) -> Result<(), DbError> {
    let mut values = key_values(key, key.day);
    values.extend([
        difference.number.as_str().into(),
        difference.differs.code().into(),
        Repair::AskSupport.code().into(),
    ]);
    let sql = format!(
        "UPDATE bill_difference SET repair = $7 WHERE {OF_DAY} AND number = $5 AND field = $6 \
         AND state = 'open'"
    );
    execute(tx, &sql, values).await.map(drop)
}

/// A payment or refund that waits for the bill of a neighbouring day.
pub(in crate::reconciliation) struct Waiting {
    pub(in crate::reconciliation) id: Uuid,
    /// When it was paid, or done.
    pub(in crate::reconciliation) at: Timestamp,
    pub(in crate::reconciliation) is_billed: bool,
}

/// What waits on a day.
pub(in crate::reconciliation) async fn waiting(
    tx: &Tx,
    key: &DayKey,
    day: Day,
) -> Result<Vec<Waiting>, DbError> {
    let sql = "SELECT d.id, p.paid_at AS at, EXISTS (SELECT 1 FROM bill_row b \
               WHERE b.payment_id = d.payment_id AND b.entry = 'payment' \
               AND b.number = p.transaction_id) AS is_billed, \
               d.number, p.transaction_id, NULL AS refund_number FROM bill_difference d JOIN payment p ON p.id = d.payment_id \
               WHERE d.school_id = $1 AND d.provider = $2 AND d.merchant_number = $3 \
               AND d.day = $4 AND d.entry = 'payment' AND d.state = 'waiting' \
               AND p.paid_at IS NOT NULL UNION ALL \
               SELECT d.id, f.ended_at AS at, EXISTS (SELECT 1 FROM bill_row b \
               WHERE b.payment_id = d.payment_id AND b.entry = 'refund' \
               AND b.out_refund_no = f.refund_number) AS is_billed, \
               d.number, f.transaction_id, f.refund_number \
               FROM bill_difference d JOIN refund f ON f.payment_id = d.payment_id \
               WHERE d.school_id = $1 AND d.provider = $2 AND d.merchant_number = $3 \
               AND d.day = $4 AND d.entry = 'refund' AND d.state = 'waiting' \
               AND f.ended_at IS NOT NULL";
    let found = Source::Tx(tx).select(sql, key_values(key, day)).await?;
    let one = |row: &QueryResult| {
        // A payment has many refunds, and the difference is of one.
        if let Some(refund) = row.try_get::<Option<String>>("", "refund_number")? {
            let transaction: String = row.try_get("", "transaction_id")?;
            let number = number_of_refund(key.provider, &transaction, &refund);
            if row.try_get::<String>("", "number")? != number {
                return Ok(None);
            }
        }
        Ok(Some(Waiting {
            id: row.try_get("", "id")?,
            at: Timestamp::from_micros(row.try_get("", "at")?),
            is_billed: row.try_get("", "is_billed")?,
        }))
    };
    found.iter().filter_map(|row| one(row).transpose()).collect()
}

/// Ends what waited on a neighbouring day, or opens it; then counts what is open or waits there, and
/// closes the day where nothing is.
pub(in crate::reconciliation) async fn settle_waiting(
    tx: &Tx,
    key: &DayKey,
    day: Day,
    waiting: &[Waiting],
    now: Timestamp,
) -> Result<(), DbError> {
    if waiting.is_empty() {
        return Ok(());
    }
    let (gone, open) = ((FoundState::Gone, now.micros()), (FoundState::Open, 0));
    let becomes = || waiting.iter().map(|one| if one.is_billed { gone } else { open });
    let rows = Rows::new(vec![
        ("id", Column::Uuid(waiting.iter().map(|one| one.id).collect())),
        ("now", Column::Text(becomes().map(|(state, _)| state.code().to_owned()).collect())),
        ("ended_at", Column::I64(becomes().map(|(_, ended_at)| ended_at).collect())),
    ]);
    tx.write_some(Write::Update {
        table: "bill_difference",
        rows,
        set: "state = r.now, ended_at = r.ended_at",
        guard: "bill_difference.state = 'waiting'",
    })
    .await?;
    recount(tx, &DayKey { day, ..key.clone() }, now).await
}

/// Counts what is open or waits on a day, and closes it where nothing is.
pub(super) async fn recount(tx: &Tx, key: &DayKey, now: Timestamp) -> Result<(), DbError> {
    let sql = format!(
        "UPDATE bill_day SET open_differences = (SELECT COUNT(*) FROM bill_difference d \
         WHERE d.school_id = $1 AND d.provider = $2 AND d.merchant_number = $3 AND d.day = $4 \
         AND d.state IN ('open', 'waiting')) WHERE {OF_DAY}"
    );
    execute(tx, &sql, key_values(key, key.day)).await?;
    let mut values = key_values(key, key.day);
    values.push(now.micros().into());
    let sql = format!(
        "UPDATE bill_day SET state = 'closed', closed_at = $5 WHERE {OF_DAY} \
         AND open_differences = 0 AND state = 'open' AND compared_at > 0"
    );
    execute(tx, &sql, values).await.map(drop)
}

/// A difference as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::reconciliation) struct Stored {
    pub(in crate::reconciliation) id: Uuid,
    pub(in crate::reconciliation) key: DayKey,
    pub(in crate::reconciliation) found: FoundDifference,
    /// What earlier repairs have moved for the same payment, in fen.
    pub(in crate::reconciliation) corrected_fen: i64,
}

const DIFFERENCE: &str = "SELECT id, school_id, provider, merchant_number, day, entry, number, field, \
    out_trade_no, ours, theirs, stake_fen, repair, state, \
    CAST((SELECT COALESCE(SUM(b.stake_fen - b.corrected_fen), 0) FROM bill_repair b \
    WHERE b.payment_id = bill_difference.payment_id AND b.repair = 'correct_balance') AS bigint) \
    AS corrected_fen FROM bill_difference";

/// What differs on a day, a page at a time in the order of ids: what is open or waits, or everything.
pub(in crate::reconciliation) async fn differences(
    source: Source<'_>,
    key: &DayKey,
    with_ended: bool,
    page: Keyset,
) -> Result<Vec<Stored>, DbError> {
    let which = if with_ended { "" } else { "AND state IN ('open', 'waiting')" };
    let mut values = key_values(key, key.day);
    let place = page.sql("id", &mut values);
    let sql = format!("{DIFFERENCE} WHERE {OF_DAY} {which}{place}");
    source.select(&sql, values).await?.iter().map(stored_of).collect()
}

/// A difference of a school.
pub(in crate::reconciliation) async fn difference(
    source: Source<'_>,
    school: SchoolId,
    id: Uuid,
) -> Result<Option<Stored>, DbError> {
    let sql = format!("{DIFFERENCE} WHERE id = $1 AND school_id = $2");
    let found = source.select(&sql, vec![id.into(), school.number().into()]).await?;
    found.first().map(stored_of).transpose()
}

/// Differences of a school, by their ids.
pub(in crate::reconciliation) async fn among(
    source: Source<'_>,
    school: SchoolId,
    ids: Vec<Uuid>,
) -> Result<Vec<Stored>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("{DIFFERENCE} WHERE id {{keys1}} AND school_id {{keys2}}");
    let keys = vec![Column::Uuid(ids), Column::I64(vec![school.number()])];
    source.select_keys(&sql, keys).await?.iter().map(stored_of).collect()
}

pub(super) fn difference_of(row: &QueryResult) -> Result<Difference, DbError> {
    let broken = |what| DbError::Inconsistent { table: "bill_difference", what };
    let text = |name| row.try_get::<String>("", name);
    let entry = match text("entry")?.as_str() {
        "payment" => "payment",
        "refund" => "refund",
        _ => return Err(broken("unknown entry")),
    };
    Ok(Difference {
        entry,
        number: text("number")?,
        out_trade_no: text("out_trade_no")?,
        differs: Differs::from_code(&text("field")?).ok_or(broken("unknown field"))?,
        ours: text("ours")?,
        theirs: text("theirs")?,
        stake_fen: row.try_get("", "stake_fen")?,
        repair: Repair::from_code(&text("repair")?).ok_or(broken("unknown repair"))?,
    })
}

fn stored_of(row: &QueryResult) -> Result<Stored, DbError> {
    let broken = |what| DbError::Inconsistent { table: "bill_difference", what };
    let text = |name| row.try_get::<String>("", name);
    let difference = difference_of(row)?;
    let state = FoundState::from_code(&text("state")?).ok_or(broken("unknown state"))?;
    let provider = Provider::from_code(&text("provider")?).ok_or(broken("unknown provider"))?;
    let key = DayKey {
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        provider,
        merchant: text("merchant_number")?,
        day: Day::from_number(row.try_get("", "day")?),
    };
    Ok(Stored {
        id: row.try_get("", "id")?,
        key,
        found: FoundDifference { difference, state },
        corrected_fen: row.try_get("", "corrected_fen")?,
    })
}

/// How many differences of a day are open, or wait for the neighbouring day.
pub(in crate::reconciliation) async fn count_open(tx: &Tx, key: &DayKey) -> Result<u64, DbError> {
    let sql = format!(
        "SELECT COUNT(*) AS open FROM bill_difference WHERE {OF_DAY} \
         AND state IN ('open', 'waiting')"
    );
    let found = Source::Tx(tx).select(&sql, key_values(key, key.day)).await?;
    let none = DbError::Inconsistent { table: "bill_difference", what: "no count" };
    let row = found.first().ok_or(none)?;
    Ok(u64::try_from(row.try_get::<i64>("", "open")?).unwrap_or(0))
}
