//! Deletion of sessions of staff that ended long ago. What was done in them stays in the audit log.

use super::{StaffAccounts, store::sessions};
use crate::base::{
    clock::{Clock, Timestamp},
    db::{Db, DbError},
    job_runs,
};
use std::{sync::Arc, time::Duration};

/// How long a session is kept after its end, to be looked at.
const KEPT: Duration = Duration::from_hours(30 * 24);
const DELETE_EVERY: Duration = Duration::from_hours(1);
/// The number of sessions deleted by one statement.
const DELETE_AT_ONCE: i64 = 500;

impl StaffAccounts {
    /// Deletes old sessions periodically, for as long as the process lives.
    pub async fn delete_old_sessions(db: Db, clock: Arc<dyn Clock>) {
        let mut turn = tokio::time::interval(DELETE_EVERY);
        loop {
            turn.tick().await;
            if let Err(error) =
                job_runs::noted(Self::delete_old_sessions_now(&db, clock.now()).await)
            {
                tracing::error!(%error, "old sessions of staff were not deleted");
            }
        }
    }

    /// Deletes all sessions that are old at `now`, in batches.
    pub async fn delete_old_sessions_now(db: &Db, now: Timestamp) -> Result<(), DbError> {
        while sessions::delete_ended(db, now.minus(KEPT), DELETE_AT_ONCE).await? > 0 {}
        Ok(())
    }
}
