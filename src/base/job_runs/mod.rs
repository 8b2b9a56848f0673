//! How the work in the background goes, as pages of staff show it: when each job was last done, and when and why it
//! last was not.
//!
//! A job notes its turns in memory; every some seconds what has changed is written, a row for each job. Whoever reads
//! sees all servers' jobs: of several servers the one that wrote last.
//! Invariant: what is kept of a failure is one of few words, never what an error says.

mod store;

use super::{
    clock::{Clock, Timestamp},
    db::{Db, DbError, TxError},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How often changes are written.
const PACE: Duration = Duration::from_secs(15);

tokio::task_local! {
    static RUNNING: (&'static str, Arc<JobRuns>);
}

/// How a job goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRun {
    /// Its name.
    pub name: String,
    /// When its work was last done.
    pub done_at: Option<Timestamp>,
    /// When it last failed, and what that was: `database`, `provider`, `stopped` or `other`.
    pub failed: Option<(Timestamp, String)>,
    /// Since when it fails; `None` where its last turn was done.
    pub failing_since: Option<Timestamp>,
}

impl JobRun {
    /// All that ever ran, by name: a query.
    pub async fn all(db: &Db) -> Result<Vec<Self>, DbError> {
        store::all(db).await
    }
}

/// A job in this process.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    done_at: Option<Timestamp>,
    failed: Option<(Timestamp, &'static str)>,
    failing_since: Option<Timestamp>,
    is_changed: bool,
}

/// The jobs of this process.
#[derive(Debug)]
pub struct JobRuns {
    clock: Arc<dyn Clock>,
    jobs: Mutex<BTreeMap<&'static str, Standing>>,
}

impl JobRuns {
    /// No job yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, jobs: Mutex::default() }
    }

    /// Runs a job, whose turns are noted under its name.
    pub async fn of<F: Future>(self: Arc<Self>, name: &'static str, job: F) -> F::Output {
        RUNNING.scope((name, self), job).await
    }

    /// Writes what has changed, until the process ends.
    pub async fn keep(self: Arc<Self>, db: Db) {
        loop {
            tokio::time::sleep(PACE).await;
            if let Err(error) = self.write(&db).await {
                tracing::warn!(%error, "how the jobs go was not written; will retry");
            }
        }
    }

    /// Writes what has changed since the last time.
    pub async fn write(&self, db: &Db) -> Result<(), DbError> {
        let changed = self.take();
        for (name, standing) in &changed {
            let writing = db.in_tx(async |tx| store::write(tx, name, standing).await);
            if let Err(error) = writing.await {
                self.give_back(&changed);
                return Err(error);
            }
        }
        Ok(())
    }

    fn take(&self) -> Vec<(&'static str, Standing)> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = jobs.iter_mut().filter(|(_, standing)| standing.is_changed);
        let taken = changed.map(|(name, standing)| {
            standing.is_changed = false;
            (*name, *standing)
        });
        taken.collect()
    }

    fn give_back(&self, taken: &[(&'static str, Standing)]) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, _) in taken {
            jobs.entry(name).or_default().is_changed = true;
        }
    }

    fn note(&self, name: &'static str, failure: Option<&'static str>) {
        let now = self.clock.now();
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = jobs.entry(name).or_default();
        standing.is_changed = true;
        match failure {
            None => (standing.done_at, standing.failing_since) = (Some(now), None),
            Some(kind) => {
                standing.failed = Some((now, kind));
                standing.failing_since.get_or_insert(now);
            }
        }
    }

    /// A job has ended, or panicked.
    pub fn stopped(&self, name: &'static str) {
        self.note(name, Some("stopped"));
    }
}

/// Notes that the job that calls has done a turn of its work. Elsewhere nothing is noted.
pub fn done() {
    let _ = RUNNING.try_with(|(name, runs)| runs.note(name, None));
}

/// Notes that it has not, by a word.
pub fn failed(kind: &'static str) {
    let _ = RUNNING.try_with(|(name, runs)| runs.note(name, Some(kind)));
}

/// Notes how a turn went, and passes it on.
pub fn noted<T, E: TxError>(turn: Result<T, E>) -> Result<T, E> {
    match &turn {
        Ok(_) => done(),
        Err(error) => failed(if error.db().is_some() { "database" } else { "other" }),
    }
    turn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::ManualClock;

    #[tokio::test]
    async fn a_job_fails_since_its_first_failure_until_it_is_done() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_795_233_600)));
        let ticks: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let runs = Arc::new(JobRuns::new(ticks));
        let first = clock.now();
        let turns = async {
            for turn in [Err(()), Err(()), Ok(())] {
                match turn {
                    Ok(()) => done(),
                    Err(()) => failed("provider"),
                }
                let (_, standing) = runs.take().remove(0);
                let is_failing = turn.is_err().then_some(first);
                assert_eq!(standing.failing_since, is_failing, "{standing:?}");
                clock.advance(Duration::from_mins(1));
            }
        };
        Arc::clone(&runs).of("test", turns).await;
        assert!(runs.take().is_empty(), "nothing has changed since");
        runs.stopped("test");
        let (name, standing) = runs.take().remove(0);
        assert_eq!((name, standing.failed), ("test", Some((clock.now(), "stopped"))));
        assert_eq!(standing.done_at, Some(first.plus(Duration::from_mins(2))));
        done();
        assert!(runs.take().is_empty(), "no job of ours called");
    }
}
