//! Refused rows and examples are not kept for good; that a roster was imported, when and by whom, is.

use super::{RosterDesk, store::refusals};
use crate::base::{clock::Timestamp, db::DbError, job_runs};
use std::time::Duration;

/// How long refused rows and examples are kept.
const KEPT: Duration = Duration::from_hours(30 * 24);
const EVERY: Duration = Duration::from_hours(1);
/// The number of rows deleted by one statement.
const AT_ONCE: u64 = 5000;

impl RosterDesk {
    /// Deletes old refused rows until the process ends.
    pub async fn delete_old(self) {
        let mut turn = tokio::time::interval(EVERY);
        loop {
            turn.tick().await;
            if let Err(error) = job_runs::noted(self.delete_all_old(self.clock.now()).await) {
                tracing::error!(%error, "refused rows of old rosters were not deleted");
            }
        }
    }

    /// Deletes those that are old at `now`, in batches.
    pub async fn delete_all_old(&self, now: Timestamp) -> Result<(), DbError> {
        while let Some(id) = refusals::old(&self.db, now.minus(KEPT)).await? {
            while self.db.in_tx(async |tx| refusals::forget_some(tx, id, AT_ONCE).await).await? {}
        }
        Ok(())
    }
}
