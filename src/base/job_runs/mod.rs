//! How the work in the background goes, as pages of staff show it: when each job was last done, and when and why it
//! last was not.
//!
//! A job notes its turns in memory; every some seconds what has changed is written, a row for each job. Whoever reads
//! sees all servers' jobs: of several servers the one that wrote last. A job that no server has written of for
//! a week is none any more: every job that is spawned notes its turns, and rests for some hours at most.
//! Invariant: of jobs of one name, which a process has for several merchants, all are done or the name fails.
//! Invariant: what is kept of a failure is one of few words, never what an error says.

mod store;

use super::{
    clock::{Clock, Timestamp},
    db::{Db, DbError, TxError},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How often changes are written.
const PACE: Duration = Duration::from_secs(15);
/// For how long a job is shown that nobody writes of.
const REMEMBERED: Duration = Duration::from_hours(7 * 24);

tokio::task_local! {
    static RUNNING: (JobId, Arc<JobRuns>);
}

/// A job of this process: its name, and which of that name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobId {
    name: &'static str,
    nth: usize,
}

impl JobId {
    /// Its name.
    pub const fn name(self) -> &'static str {
        self.name
    }
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
    /// All that ran in the last days, by name: a query.
    pub async fn all(db: &Db, now: Timestamp) -> Result<Vec<Self>, DbError> {
        store::all(db, now.minus(REMEMBERED)).await
    }
}

/// The jobs of a name in this process.
#[derive(Clone, Debug, Default)]
struct Standing {
    /// How many there are.
    jobs: usize,
    /// Those of them whose last turn failed.
    failing: BTreeSet<usize>,
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

    /// One more job of this name.
    pub fn named(&self, name: &'static str) -> JobId {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = jobs.entry(name).or_default();
        standing.jobs += 1;
        JobId { name, nth: standing.jobs }
    }

    /// Runs a job, whose turns are noted under its name.
    pub async fn of<F: Future>(self: Arc<Self>, id: JobId, job: F) -> F::Output {
        RUNNING.scope((id, self), job).await
    }

    /// Writes what has changed, until the process ends.
    pub async fn keep(self: Arc<Self>, db: Db) {
        loop {
            tokio::time::sleep(PACE).await;
            if let Err(error) = noted(self.write(&db).await) {
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
            (*name, standing.clone())
        });
        taken.collect()
    }

    fn give_back(&self, taken: &[(&'static str, Standing)]) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, _) in taken {
            jobs.entry(name).or_default().is_changed = true;
        }
    }

    fn note(&self, id: JobId, failure: Option<&'static str>) {
        let now = self.clock.now();
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = jobs.entry(id.name).or_default();
        standing.is_changed = true;
        match failure {
            None => {
                standing.failing.remove(&id.nth);
                if standing.failing.is_empty() {
                    (standing.done_at, standing.failing_since) = (Some(now), None);
                }
            }
            Some(kind) => {
                standing.failing.insert(id.nth);
                standing.failed = Some((now, kind));
                standing.failing_since.get_or_insert(now);
            }
        }
    }

    /// A job has ended, or panicked.
    pub fn stopped(&self, id: JobId) {
        self.note(id, Some("stopped"));
    }
}

/// Notes that the job that calls has done a turn of its work. Elsewhere nothing is noted.
pub fn done() {
    let _ = RUNNING.try_with(|(id, runs)| runs.note(*id, None));
}

/// Notes that it has not, by a word.
pub fn failed(kind: &'static str) {
    let _ = RUNNING.try_with(|(id, runs)| runs.note(*id, Some(kind)));
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
        let (first, id) = (clock.now(), runs.named("test"));
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
        Arc::clone(&runs).of(id, turns).await;
        assert!(runs.take().is_empty(), "nothing has changed since");
        runs.stopped(id);
        let (name, standing) = runs.take().remove(0);
        assert_eq!((name, standing.failed), ("test", Some((clock.now(), "stopped"))));
        assert_eq!(standing.done_at, Some(first.plus(Duration::from_mins(2))));
        done();
        assert!(runs.take().is_empty(), "no job of ours called");
    }

    #[test]
    fn of_jobs_of_one_name_all_are_done_or_the_name_fails() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_795_233_600)));
        let ticks: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let runs = JobRuns::new(ticks);
        let [first, second] = [runs.named("test"), runs.named("test")];
        assert!(runs.take().is_empty(), "neither has had a turn");
        let start = clock.now();
        runs.note(first, Some("provider"));
        clock.advance(Duration::from_mins(1));
        runs.note(second, None);
        let (_, standing) = runs.take().remove(0);
        assert_eq!((standing.done_at, standing.failing_since), (None, Some(start)));
        runs.note(first, None);
        let (_, standing) = runs.take().remove(0);
        assert_eq!((standing.done_at, standing.failing_since), (Some(clock.now()), None));
    }
}
