//! Background maintenance.

use super::{Codes, store};
use crate::base::{clock::Timestamp, db::DbError, job_runs};
use std::time::Duration;

/// How often the table of handles is updated. A lookup that finds no device reads the changes
/// itself, so no request waits for this.
const PACE: Duration = Duration::from_secs(5);
/// How often expired data are removed.
const CLEANING_PACE: Duration = Duration::from_mins(10);
/// How long uses are kept: far longer than a code can be a near miss, and long enough for
/// investigating the day before.
const USES_KEPT: Duration = Duration::from_hours(48);

impl Codes {
    /// Fills the table of handles and keeps it up to date, for as long as the process lives.
    pub async fn maintain(self) {
        let mut cleaned: Option<Timestamp> = None;
        loop {
            let now = self.clock.now();
            if let Err(error) = job_runs::noted(self.refresh().await) {
                tracing::warn!(%error, "devices could not be read; will retry");
            }
            if cleaned.is_none_or(|at| at.distance(now) >= CLEANING_PACE) {
                match self.clean(now).await {
                    Ok(()) => cleaned = Some(now),
                    Err(error) => tracing::warn!(%error, "old codes could not be removed"),
                }
            }
            tokio::time::sleep(PACE).await;
        }
    }

    /// Updates the table of handles: new schools, changes by other servers, the current epoch.
    pub async fn refresh(&self) -> Result<(), DbError> {
        self.directory.refresh().await
    }

    /// Ends expired devices and deletes uses that are no longer needed.
    pub async fn clean(&self, now: Timestamp) -> Result<(), DbError> {
        while store::devices::end_expired(&self.db, now).await? {
            tokio::task::yield_now().await;
        }
        while store::uses::prune(&self.db, now.minus(USES_KEPT)).await? {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
