//! Rows of bills, of their days and of what differs. Payments are read here as they are stored: a
//! day of 100,000 is compared in one pass.

pub(super) mod audit;
mod awaited;
mod days;
mod differences;
mod holds;
pub(super) mod listing;
mod refunds;
mod repairs;
mod standing;

pub(super) use awaited::{first_day, kept_days, wait_for};
pub(super) use days::{
    begin, by_id, compared, compared_among, confirm, finish, found, hold, of_key, reopen,
};
pub(super) use differences::{
    Stored, among, count_open, difference, differences, end_old, open_among, repaired,
    settle_waiting, told, waiting, write_of as write_of_differences,
};
pub(super) use holds::{give_back, is_held, take};
pub(super) use refunds::{back_on, billed_refunds, refunds};
pub(super) use repairs::{accepted, corrected, kept_repair};
pub(super) use standing::{of_school, open};

use super::{
    bill::BillRow,
    compare::{BilledBefore, KeptRow, OurPayment},
    day::DayKey,
    postings::Posting,
};
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{Column, DbError, Rows, Source, Tx, Write},
        ids::{SchoolId, uuid_at},
        money::Fen,
    },
    orders::order::{PaymentId, PaymentState},
};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use std::collections::HashMap;
use uuid::Uuid;

/// What is read of a payment. It must not be told from the rows of `payment` alone whether it was
/// posted.
const PAYMENT: &str = "SELECT p.id, p.school_id, p.merchant, p.amount_fen, p.state, \
                       p.transaction_id, p.paid_at FROM payment p";

/// The payments with these ids, of whatever school.
pub(super) async fn payments(tx: &Tx, ids: Vec<Uuid>) -> Result<Vec<OurPayment>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("{PAYMENT} WHERE p.id {{keys1}}");
    tx.select_keys(&sql, vec![Column::Uuid(ids)]).await?.iter().map(payment_of).collect()
}

/// A page of the payments that were paid on the day, in the order of their times and ids.
pub(super) async fn paid_on(
    tx: &Tx,
    key: &DayKey,
    after: Option<&OurPayment>,
    most: i64,
) -> Result<Vec<OurPayment>, DbError> {
    let paid_at = |payment: &OurPayment| match &payment.state {
        PaymentState::Paid { paid_at, .. } => *paid_at,
        PaymentState::Open | PaymentState::Closed => key.day.start(),
    };
    let from = after.map_or(key.day.start(), paid_at).micros();
    let last = after.map_or(Uuid::nil(), |payment| payment.id.uuid());
    let sql = format!(
        "{PAYMENT} WHERE p.school_id = $1 AND p.provider = $2 AND p.merchant = $3 \
         AND p.state = 'paid' AND p.paid_at >= $4 AND p.paid_at < $5 \
         AND (p.paid_at > $4 OR p.id > $6) ORDER BY p.paid_at, p.id LIMIT $7"
    );
    let values: Vec<Value> = vec![
        key.school.number().into(),
        key.provider.code().into(),
        key.merchant.as_str().into(),
        from.into(),
        key.day.next().start().micros().into(),
        last.into(),
        most.into(),
    ];
    Source::Tx(tx).select(&sql, values).await?.iter().map(payment_of).collect()
}

fn payment_of(row: &QueryResult) -> Result<OurPayment, DbError> {
    let broken = |what| DbError::Inconsistent { table: "payment", what };
    let (state, transaction): (String, Option<String>) =
        (row.try_get("", "state")?, row.try_get("", "transaction_id")?);
    let paid_at = row.try_get::<Option<i64>>("", "paid_at")?.map(Timestamp::from_micros);
    Ok(OurPayment {
        id: PaymentId::from_uuid(row.try_get("", "id")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        merchant: row.try_get("", "merchant")?,
        amount: Fen::new(row.try_get("", "amount_fen")?).map_err(|_| broken("negative amount"))?,
        state: PaymentState::from_columns(&state, transaction, paid_at)
            .ok_or(broken("state and columns differ"))?,
        is_posted: true,
    })
}

/// Those of the rows that a bill had before, by the provider's number.
pub(super) async fn kept(
    tx: &Tx,
    key: &DayKey,
    numbers: Vec<String>,
) -> Result<HashMap<String, KeptRow>, DbError> {
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT b.number, b.day, b.amount_fen, b.fee_fen, b.coupon_fen \
               FROM bill_row b WHERE b.number {keys1} AND b.merchant_number {keys2} \
               AND b.provider {keys3}";
    let keys = vec![
        Column::Text(numbers),
        Column::Text(vec![key.merchant.clone()]),
        Column::Text(vec![key.provider.code().to_owned()]),
    ];
    let found = tx.select_keys(sql, keys).await?;
    let kept = |row: &QueryResult| {
        let broken = |_| DbError::Inconsistent { table: "bill_row", what: "negative amount" };
        let amount = |name| Fen::new(row.try_get("", name)?).map_err(broken);
        let kept = KeptRow {
            day: Day::from_number(row.try_get("", "day")?),
            amount: amount("amount_fen")?,
            fee_fen: row.try_get("", "fee_fen")?,
            coupon: amount("coupon_fen")?,
        };
        Ok((row.try_get("", "number")?, kept))
    };
    found.iter().map(kept).collect()
}

/// How many rows are kept of a day.
pub(super) async fn count_kept(tx: &Tx, key: &DayKey) -> Result<usize, DbError> {
    let sql = "SELECT COUNT(*) AS kept FROM bill_row WHERE school_id = $1 AND provider = $2 \
               AND merchant_number = $3 AND day = $4";
    let found = Source::Tx(tx).select(sql, key_values(key, key.day)).await?;
    let none = DbError::Inconsistent { table: "bill_row", what: "no count" };
    let row = found.first().ok_or(none)?;
    Ok(usize::try_from(row.try_get::<i64>("", "kept")?).unwrap_or(0))
}

/// A page of the rows that are kept of a day, in the order of their ids.
pub(super) async fn kept_on(
    tx: &Tx,
    key: &DayKey,
    after: Option<Uuid>,
    most: i64,
) -> Result<Vec<BilledBefore>, DbError> {
    let sql = "SELECT id, entry, number, payment_id, amount_fen FROM bill_row \
               WHERE school_id = $1 AND provider = $2 AND merchant_number = $3 AND day = $4 \
               AND id > $5 ORDER BY id LIMIT $6";
    let mut values = key_values(key, key.day);
    values.extend([after.unwrap_or(Uuid::nil()).into(), most.into()]);
    let broken = |what| DbError::Inconsistent { table: "bill_row", what };
    let row = |row: &QueryResult| {
        let entry: String = row.try_get("", "entry")?;
        let amount = Fen::new(row.try_get("", "amount_fen")?);
        Ok(BilledBefore {
            id: row.try_get("", "id")?,
            entry: if entry == "refund" { "refund" } else { "payment" },
            number: row.try_get("", "number")?,
            payment: PaymentId::from_uuid(row.try_get("", "payment_id")?),
            amount: amount.map_err(|_| broken("negative amount"))?,
        })
    };
    Source::Tx(tx).select(sql, values).await?.iter().map(row).collect()
}

/// The values of a school, a provider, a merchant and a day, in this order.
fn key_values(key: &DayKey, day: Day) -> Vec<Value> {
    vec![
        key.school.number().into(),
        key.provider.code().into(),
        key.merchant.as_str().into(),
        day.number().into(),
    ]
}

async fn execute(tx: &Tx, sql: &str, values: Vec<Value>) -> Result<u64, DbError> {
    let statement = Statement::from_sql_and_values(tx.backend(), sql, values);
    Ok(tx.conn().execute_raw(statement).await?.rows_affected())
}

/// The days in whose bills these payments are.
pub(super) async fn days_of(tx: &Tx, payments: Vec<Uuid>) -> Result<HashMap<Uuid, Day>, DbError> {
    if payments.is_empty() {
        return Ok(HashMap::new());
    }
    // Another transaction of a payment is not it.
    let sql = "SELECT b.payment_id, b.day FROM bill_row b JOIN payment p ON p.id = b.payment_id \
               AND p.transaction_id = b.number WHERE b.payment_id {keys1} AND b.entry = 'payment'";
    let found = tx.select_keys(sql, vec![Column::Uuid(payments)]).await?;
    let day = |row: &QueryResult| {
        Ok((row.try_get("", "payment_id")?, Day::from_number(row.try_get("", "day")?)))
    };
    found.iter().map(day).collect()
}

/// A row that is ours, with the payment that it names.
pub(super) struct NewRow<'a> {
    pub(super) row: &'a BillRow,
    pub(super) posting: Posting,
    pub(super) payment: PaymentId,
}

/// New rows of a bill.
pub(super) fn write_of_rows(new: &[NewRow<'_>], now: Timestamp) -> Write {
    let text = |f: &dyn Fn(&NewRow<'_>) -> String| Column::Text(new.iter().map(f).collect());
    let i64s = |f: &dyn Fn(&NewRow<'_>) -> i64| Column::I64(new.iter().map(f).collect());
    let refund_no = |row: &BillRow| row.out_refund_no().unwrap_or_default().to_owned();
    let rows = Rows::new(vec![
        ("id", Column::Uuid(new.iter().map(|_| uuid_at(now)).collect())),
        ("school_id", i64s(&|new| new.posting.school.number())),
        ("provider", text(&|new| new.posting.provider.code().to_owned())),
        ("merchant_number", text(&|new| new.posting.merchant.clone())),
        ("day", Column::I32(new.iter().map(|new| new.posting.day.number()).collect())),
        ("entry", text(&|new| new.row.entry.code().to_owned())),
        ("number", text(&|new| new.posting.number.clone())),
        ("payment_id", Column::Uuid(new.iter().map(|new| new.payment.uuid()).collect())),
        ("out_refund_no", text(&|new| refund_no(new.row))),
        ("stage", text(&|new| new.row.entry.stage().code().to_owned())),
        ("amount_fen", i64s(&|new| new.row.amount.get())),
        ("fee_fen", i64s(&|new| new.posting.fee_fen)),
        ("coupon_fen", i64s(&|new| new.posting.coupon.get())),
        ("at", i64s(&|new| new.row.at.micros())),
        ("kept_at", i64s(&|_| now.micros())),
    ]);
    Write::Insert { table: "bill_row", rows, suffix: "" }
}

/// Gives rows that are kept of the day the amounts of its newest bill.
pub(super) fn write_of_amounts(key: &DayKey, changed: &[&BillRow]) -> Write {
    let same = |value: &str| Column::Text(vec![value.to_owned(); changed.len()]);
    let numbers = changed.iter().map(|row| row.number().to_owned()).collect();
    let rows = Rows::new(vec![
        ("number", Column::Text(numbers)),
        ("provider", same(key.provider.code())),
        ("merchant_number", same(&key.merchant)),
        ("now_fen", Column::I64(changed.iter().map(|row| row.amount.get()).collect())),
    ]);
    Write::Update {
        table: "bill_row",
        rows,
        set: "amount_fen = r.now_fen",
        guard: "bill_row.provider = r.provider AND bill_row.merchant_number = r.merchant_number",
    }
}
