//! Attempts are kept as long as the school's access log.

use super::{DoorKeys, store::openings};
use crate::base::db::DbError;
use crate::base::job_runs;
use std::time::Duration;

const EVERY: Duration = Duration::from_hours(1);

impl DoorKeys {
    /// Deletes old attempts until the process ends.
    pub async fn delete_old(self) {
        let mut turn = tokio::time::interval(EVERY);
        loop {
            turn.tick().await;
            if let Err(error) = job_runs::noted(self.delete_all_old().await) {
                tracing::error!(%error, "old attempts at doors were not deleted");
            }
        }
    }

    async fn delete_all_old(&self) -> Result<(), DbError> {
        for school in self.schools.list().await? {
            let before = self.clock.now().minus(school.policy.doors.log_kept());
            while self.db.in_tx(async |tx| openings::prune(tx, school.id, before).await).await? {}
        }
        Ok(())
    }
}
