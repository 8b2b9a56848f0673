//! What is done beside the requests.

use super::{Codes, store};
use crate::base::{clock::Timestamp, db::DbError};
use std::time::Duration;

/// How often the table of handles is brought up to date. Nobody waits for it: whoever misses a
/// device there looks by themselves.
const PACE: Duration = Duration::from_secs(5);
/// How often what is too old is removed.
const CLEANING_PACE: Duration = Duration::from_mins(10);
/// How long a use is kept: far longer than its code can be taken for a near miss, and long enough
/// to look into yesterday.
const USES_KEPT: Duration = Duration::from_hours(48);

impl Codes {
    /// Fills the table of handles and keeps it up to date, for as long as the process lives.
    pub async fn maintain(self) {
        let mut cleaned: Option<Timestamp> = None;
        loop {
            let now = self.clock.now();
            if let Err(error) = self.refresh().await {
                tracing::warn!(%error, "devices could not be read, will be tried again");
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

    /// Brings the table of handles up to date: new schools, what other servers changed, the hour.
    pub async fn refresh(&self) -> Result<(), DbError> {
        self.directory.refresh().await
    }

    /// Ends what has expired and removes uses that no longer matter.
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
