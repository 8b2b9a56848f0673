//! Days whose bills have not come.

use super::{days::moved, execute, key_values};
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{DbError, Source, Tx},
        ids::uuid_at,
    },
    reconciliation::day::DayKey,
};
use sea_orm::{QueryResult, Value};
use std::collections::HashMap;

/// A day without a bill, with what we count of it ourselves. One that was compared stays as it is.
const AWAIT: &str = "INSERT INTO bill_day (id, school_id, provider, merchant_number, day, state, \
    run, file_hash, bill_rows, our_rows, paid_count, paid_fen, back_count, back_fen, billed_fen, \
    refunded_fen, fee_fen, coupon_fen, open_differences, compared_at) \
    VALUES ($5, $1, $2, $3, $4, 'open', 0, '', 0, 0, $6, $7, $8, $9, 0, 0, 0, 0, 0, 0) \
    ON CONFLICT (school_id, provider, merchant_number, day) DO UPDATE SET \
    paid_count = excluded.paid_count, paid_fen = excluded.paid_fen, \
    back_count = excluded.back_count, back_fen = excluded.back_fen WHERE bill_day.compared_at = 0";

/// The first day from that of the key on of which there is something: a payment, or a bill.
pub(in crate::reconciliation) async fn first_day(
    source: Source<'_>,
    key: &DayKey,
) -> Result<Option<Day>, DbError> {
    let sql = "SELECT (SELECT MIN(day) FROM bill_day WHERE school_id = $1 AND provider = $2 \
               AND merchant_number = $3 AND day >= $4) AS billed, \
               (SELECT paid_at FROM payment WHERE school_id = $1 AND provider = $2 \
               AND merchant = $3 AND state = 'paid' AND paid_at >= $5 \
               ORDER BY paid_at LIMIT 1) AS paid_at";
    let mut values = key_values(key, key.day);
    values.push(key.day.start().micros().into());
    let found = source.select(sql, values).await?;
    let Some(row) = found.first() else { return Ok(None) };
    let billed = row.try_get::<Option<i32>>("", "billed")?.map(Day::from_number);
    let paid = row.try_get::<Option<i64>>("", "paid_at")?;
    let paid = paid.map(|at| Timestamp::from_micros(at).day());
    Ok(billed.into_iter().chain(paid).min_by_key(|day| day.number()))
}

/// The days from that of the key on that are kept, and whether their bills were compared.
pub(in crate::reconciliation) async fn kept_days(
    source: Source<'_>,
    key: &DayKey,
) -> Result<HashMap<i32, bool>, DbError> {
    let sql = "SELECT day, compared_at FROM bill_day WHERE school_id = $1 AND provider = $2 \
               AND merchant_number = $3 AND day >= $4";
    let found = source.select(sql, key_values(key, key.day)).await?;
    let day = |row: &QueryResult| {
        Ok((row.try_get("", "day")?, row.try_get::<i64>("", "compared_at")? > 0))
    };
    found.iter().map(day).collect()
}

/// Keeps a day as one whose bill has not come.
pub(in crate::reconciliation) async fn wait_for(
    tx: &Tx,
    key: &DayKey,
    now: Timestamp,
) -> Result<(), DbError> {
    let ours = moved(Source::Tx(tx), key).await?;
    let count = |n: u64| Value::from(i64::try_from(n).unwrap_or(i64::MAX));
    let mut values = key_values(key, key.day);
    values.extend([
        uuid_at(now).into(),
        count(ours.paid_count),
        ours.paid_fen.into(),
        count(ours.back_count),
        ours.back_fen.into(),
    ]);
    execute(tx, AWAIT, values).await.map(drop)
}
