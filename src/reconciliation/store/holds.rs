//! Who compares a day just now.

use super::{execute, key_values};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Source, Tx},
    },
    reconciliation::day::DayKey,
};
use uuid::Uuid;

/// Takes a day until `until`, where nobody has it at `free_at`. Whether it was taken.
pub(in crate::reconciliation) async fn take(
    tx: &Tx,
    key: &DayKey,
    token: Uuid,
    (free_at, until): (Timestamp, Timestamp),
) -> Result<bool, DbError> {
    let sql = "INSERT INTO bill_hold (school_id, provider, merchant_number, day, token, held_until) \
               VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT (school_id, provider, merchant_number, day) DO UPDATE \
               SET token = excluded.token, held_until = excluded.held_until \
               WHERE bill_hold.held_until <= $7";
    let mut values = key_values(key, key.day);
    values.extend([token.to_string().into(), until.micros().into(), free_at.micros().into()]);
    Ok(execute(tx, sql, values).await? == 1)
}

/// Gives a day back, unless another has it by now.
pub(in crate::reconciliation) async fn give_back(
    tx: &Tx,
    key: &DayKey,
    token: Uuid,
) -> Result<(), DbError> {
    let sql = "DELETE FROM bill_hold WHERE school_id = $1 AND provider = $2 \
               AND merchant_number = $3 AND day = $4 AND token = $5";
    let mut values = key_values(key, key.day);
    values.push(token.to_string().into());
    execute(tx, sql, values).await.map(drop)
}

/// Whether somebody has a day.
pub(in crate::reconciliation) async fn is_held(
    source: Source<'_>,
    key: &DayKey,
    now: Timestamp,
) -> Result<bool, DbError> {
    let sql = "SELECT 1 AS held FROM bill_hold WHERE school_id = $1 AND provider = $2 \
               AND merchant_number = $3 AND day = $4 AND held_until > $5";
    let mut values = key_values(key, key.day);
    values.push(now.micros().into());
    Ok(!source.select(sql, values).await?.is_empty())
}
