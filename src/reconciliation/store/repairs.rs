//! What two persons agreed on about differences.

use super::{
    differences::{Stored, recount},
    execute,
};
use crate::base::{
    clock::Timestamp,
    db::{Column, DbError, Tx},
};
use std::collections::HashMap;
use uuid::Uuid;

/// Ends an open difference by what two persons agreed on; false if it is not open. The row is locked then.
pub(in crate::reconciliation) async fn accepted(
    tx: &Tx,
    difference: Uuid,
    now: Timestamp,
) -> Result<bool, DbError> {
    let sql = "UPDATE bill_difference SET state = 'accepted', ended_at = $2 \
               WHERE id = $1 AND state = 'open'";
    Ok(execute(tx, sql, vec![difference.into(), now.micros().into()]).await? == 1)
}

/// Keeps what was agreed on, as the difference stands, and closes its day where it was the last.
pub(in crate::reconciliation) async fn kept_repair(
    tx: &Tx,
    stored: &Stored,
    approval: Uuid,
    now: Timestamp,
) -> Result<(), DbError> {
    let sql = "INSERT INTO bill_repair (approval_id, school_id, difference_id, payment_id, repair, \
               stake_fen, accepted_at, entry, number, out_trade_no, field, ours, theirs, corrected_fen) \
               SELECT $2, school_id, id, payment_id, repair, stake_fen, ended_at, entry, number, \
               out_trade_no, field, ours, theirs, $3 FROM bill_difference WHERE id = $1";
    let values = vec![stored.id.into(), approval.into(), stored.corrected_fen.into()];
    execute(tx, sql, values).await?;
    recount(tx, &stored.key, now).await
}

/// What accepted corrections have moved for these payments, in fen; those without one are left out.
pub(in crate::reconciliation) async fn corrected(
    tx: &Tx,
    payments: Vec<Uuid>,
) -> Result<HashMap<Uuid, i64>, DbError> {
    if payments.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT b.payment_id, CAST(SUM(b.stake_fen - b.corrected_fen) AS bigint) AS corrected_fen \
               FROM bill_repair b WHERE b.payment_id {keys1} AND b.repair = 'correct_balance' \
               GROUP BY b.payment_id";
    let found = tx.select_keys(sql, vec![Column::Uuid(payments)]).await?;
    found
        .iter()
        .map(|row| Ok((row.try_get("", "payment_id")?, row.try_get("", "corrected_fen")?)))
        .collect()
}
