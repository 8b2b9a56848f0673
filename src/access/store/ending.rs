//! How entries end of which nobody knew at first.

use crate::{
    access::log::{AccessEntryId, DoorDecision},
    base::db::{Column, DbError, Rows, Tx, Write},
};

/// Writes down how an entry ended of which nobody knew; nothing where that is known.
pub async fn end(
    tx: &Tx,
    id: AccessEntryId,
    decision: DoorDecision,
    reason: &'static str,
) -> Result<(), DbError> {
    let rows = Rows::new(vec![
        ("id", Column::Uuid(vec![id.uuid()])),
        ("now", Column::Text(vec![decision.code().to_owned()])),
        ("why", Column::Text(vec![reason.to_owned()])),
    ]);
    let (set, guard) = ("decision = r.now, reason = r.why", "access_log.decision = 'unknown'");
    tx.write_some(Write::Update { table: "access_log", rows, set, guard }).await?;
    Ok(())
}
