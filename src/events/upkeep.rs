//! Deletion of old events.

use super::store;
use crate::base::{
    clock::{Clock, Timestamp},
    db::{Db, DbError},
    job_runs,
};
use std::{sync::Arc, time::Duration};

/// How long events are kept. Clients that were offline for longer reload what they show.
const KEPT: Duration = Duration::from_hours(30 * 24);
const DELETE_EVERY: Duration = Duration::from_hours(1);
/// The number of events deleted in one transaction.
const DELETE_AT_ONCE: u64 = 1000;

/// Deletes old events periodically, for as long as the process lives.
pub async fn delete_old(db: Db, clock: Arc<dyn Clock>) {
    let mut turn = tokio::time::interval(DELETE_EVERY);
    loop {
        turn.tick().await;
        if let Err(error) = job_runs::noted(delete_old_now(&db, clock.now()).await) {
            tracing::error!(%error, "old events were not deleted");
        }
    }
}

/// Deletes all events that are old at `now`, in batches.
pub async fn delete_old_now(db: &Db, now: Timestamp) -> Result<(), DbError> {
    let (oldest, today) = (now.minus(KEPT).day(), now.day());
    loop {
        let old = store::older(db, oldest, DELETE_AT_ONCE).await?;
        if old.is_empty() {
            return Ok(());
        }
        db.in_tx(async |tx| store::delete_old(tx, &old, today).await).await?;
    }
}
