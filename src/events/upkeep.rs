//! Forgetting: events are told while they are news.

use super::store;
use crate::base::{
    clock::{Clock, Timestamp},
    db::{Db, DbError},
};
use std::{sync::Arc, time::Duration};

/// How long an event is kept: a client that was away for longer asks for what it shows.
const KEPT: Duration = Duration::from_hours(30 * 24);
const FORGET_EVERY: Duration = Duration::from_hours(1);
/// So many in one transaction.
const FORGET_AT_ONCE: u64 = 1000;

/// Deletes old events, for as long as the process lives.
pub async fn forget_old(db: Db, clock: Arc<dyn Clock>) {
    let mut turn = tokio::time::interval(FORGET_EVERY);
    loop {
        turn.tick().await;
        if let Err(error) = forget_now(&db, clock.now()).await {
            tracing::error!(%error, "old events were not deleted");
        }
    }
}

/// Deletes what is old at `now`, a part at a time.
pub async fn forget_now(db: &Db, now: Timestamp) -> Result<(), DbError> {
    let (oldest, today) = (now.minus(KEPT).day(), now.day());
    loop {
        let old = store::older(db, oldest, FORGET_AT_ONCE).await?;
        if old.is_empty() {
            return Ok(());
        }
        db.in_tx(async |tx| store::forget(tx, &old, today).await).await?;
    }
}
