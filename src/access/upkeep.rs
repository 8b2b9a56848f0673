//! Deletes entries of the log after the days of the school's policy, rights that ended, and allocations
//! that were replaced or never came into force.

use super::store;
use crate::{
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError},
        job_runs,
    },
    schools::Schools,
};
use std::{sync::Arc, time::Duration};

const DELETE_EVERY: Duration = Duration::from_mins(10);
/// How long rights are kept that ended, or whose allocation is not in force: far longer than an import
/// runs. What was changed stays in the audit log.
const KEPT: Duration = Duration::from_hours(24);

/// What the upkeep works on.
#[derive(Clone, Debug)]
pub struct AccessUpkeep {
    /// The database.
    pub db: Db,
    /// The schools with their policies.
    pub schools: Arc<Schools>,
}

impl AccessUpkeep {
    /// Deletes what is old, for as long as the process lives.
    pub async fn keep_clean(self, clock: Arc<dyn Clock>) {
        let mut turn = tokio::time::interval(DELETE_EVERY);
        loop {
            turn.tick().await;
            if let Err(error) = job_runs::noted(self.clean(clock.now()).await) {
                tracing::error!(%error, "old entries of the log of doors were not deleted");
            }
        }
    }

    /// Deletes everything that is old at `now`, in small commits.
    pub async fn clean(&self, now: Timestamp) -> Result<(), DbError> {
        for school in self.schools.list().await? {
            let before = now.minus(school.policy.doors.log_kept());
            while store::log::delete_before(&self.db, school.id, before).await? {
                tokio::task::yield_now().await;
            }
        }
        while store::rights::delete_old(&self.db, now.minus(KEPT)).await? {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
