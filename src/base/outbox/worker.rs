//! Delivers the jobs that are due.

use super::{
    Delivered, Delivers, Job, OutboxPace,
    store::{self, Recorded, State},
};
use crate::base::{
    clock::{Clock, Timestamp},
    db::{Db, DbError},
    job_runs, write_point,
};
use futures_util::FutureExt;
use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Notify, task::JoinSet};

/// How many jobs of one kind are delivered at once.
const AT_ONCE: usize = 48;
/// How often depth and age are measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// The outbox of this server.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// Claims and records.
    pub db: Db,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What is done with each kind of job.
    pub handlers: Vec<Arc<dyn Delivers>>,
    /// When jobs are tried again.
    pub pace: OutboxPace,
    /// Wakes the outbox after a commit that enqueued something.
    pub wake: Arc<Notify>,
}

/// Jobs under way, and those whose outcome is not recorded yet.
#[derive(Default)]
struct Places {
    under_way: JoinSet<(Job, Delivered)>,
    ended: Vec<(Job, Delivered)>,
    /// How many of both there are of each kind.
    taken: HashMap<&'static str, usize>,
}

impl Places {
    /// How many more jobs of a kind may be begun.
    fn free(&self, kind: &str) -> usize {
        AT_ONCE.saturating_sub(self.taken.get(kind).copied().unwrap_or(0))
    }

    fn take(&mut self, kind: &'static str, jobs: usize) {
        *self.taken.entry(kind).or_default() += jobs;
    }

    /// Gives back the places of jobs whose outcomes are recorded.
    fn give_back(&mut self) {
        for (job, _) in self.ended.drain(..) {
            if let Some(taken) = self.taken.get_mut(job.kind.as_str()) {
                *taken = taken.saturating_sub(1);
            }
        }
    }

    fn gather(&mut self) {
        // A panic of a delivery was caught in its task; a task that was aborted has no outcome.
        while let Some(ended) = self.under_way.try_join_next() {
            self.ended.extend(ended);
        }
    }
}

impl Outbox {
    /// Delivers jobs until the process ends. Each kind has places of its own, so that a counterpart that
    /// hangs keeps jobs of its kind waiting and no others. Jobs of a kind without a handler are left to a
    /// newer release.
    pub async fn run(self) {
        let mut places = Places::default();
        let mut measured: Option<Instant> = None;
        loop {
            places.gather();
            let more = job_runs::noted(self.turn(&mut places).await).unwrap_or_else(|error| {
                tracing::error!(%error, "the outbox failed, will be tried again");
                false
            });
            if measured.is_none_or(|at| at.elapsed() >= MEASURE_EVERY) {
                self.measure().await;
                measured = Some(Instant::now());
            }
            self.wait(&mut places, more).await;
        }
    }

    /// Records what has ended and begins what is due, in one commit. True if there may be more.
    async fn turn(&self, places: &mut Places) -> Result<bool, DbError> {
        let now = self.clock.now();
        let kinds = self.handlers.iter().map(|handler| handler.kind());
        if places.ended.is_empty() && !store::is_any_due(&self.db, kinds, now).await? {
            return Ok(false);
        }
        let recorded: Vec<_> = places.ended.iter().map(|ended| self.becomes(ended, now)).collect();
        let until = self.pace.lease(now);
        let free = self.free(places);
        let turn = self.db.in_tx(async |tx| {
            store::record(tx, &recorded).await?;
            let mut claimed = Vec::new();
            for (handler, most) in &free {
                let which = (handler.kind(), i64::try_from(*most).unwrap_or(0));
                claimed.push(store::claim(tx, now, until, which).await?);
            }
            Ok::<_, DbError>(claimed)
        });
        let claimed = write_point::within("outbox", turn).await?;
        places.give_back();
        self.report(&recorded, now).await;
        let mut more = false;
        for ((handler, most), jobs) in free.into_iter().zip(claimed) {
            more |= jobs.len() == most;
            places.take(handler.kind(), jobs.len());
            for job in jobs {
                places.under_way.spawn_local(deliver(Arc::clone(handler), job));
            }
        }
        Ok(more)
    }

    /// The kinds of which more can be begun once the ended jobs are recorded, and how many.
    fn free(&self, places: &Places) -> Vec<(&Arc<dyn Delivers>, usize)> {
        let free = |handler: &Arc<dyn Delivers>| {
            let ended = places.ended.iter().filter(|(job, _)| job.kind == handler.kind()).count();
            places.free(handler.kind()) + ended
        };
        let all = self.handlers.iter().map(|handler| (handler, free(handler)));
        all.filter(|(_, most)| *most > 0).collect()
    }

    /// Reports jobs whose tries are used up, each in a transaction of its own: what is wrong with one
    /// keeps no other waiting.
    async fn report(&self, recorded: &[Recorded], now: Timestamp) {
        for Recorded { job, state, tries, .. } in recorded {
            let used_up = *state == State::Waiting && OutboxPace::is_used_up(*tries);
            let Some(handler) = self.handler(job).filter(|_| used_up) else { continue };
            let report = self.db.in_tx(async |tx| handler.report(tx, job, now).await);
            if let Err(error) = write_point::within("outbox", report).await {
                tracing::error!(%error, kind = job.kind, "a job without an outcome was not reported");
            }
        }
    }

    fn handler(&self, job: &Job) -> Option<&Arc<dyn Delivers>> {
        self.handlers.iter().find(|handler| handler.kind() == job.kind)
    }

    fn becomes(&self, (job, delivered): &(Job, Delivered), now: Timestamp) -> Recorded {
        let (state, due_at, tries) = match *delivered {
            Delivered::Done => (State::Done, now, job.tries),
            Delivered::Refused => (State::Refused, now, job.tries),
            Delivered::Unknown { wait } => {
                (State::Waiting, self.pace.again(job.tries, wait, now), job.tries)
            }
            Delivered::Later { at } => (State::Waiting, at, 0),
        };
        metrics::counter!("onecard_outbox_tries_total", "kind" => job.kind.clone(),
            "outcome" => code(*delivered))
        .increment(1);
        Recorded { job: job.clone(), state, due_at, tries }
    }

    /// Waits until there may be something to do: at the next turn, when woken, or when half of what is
    /// under way has ended and there was `more` than could be begun, or nothing else is under way.
    async fn wait(&self, places: &mut Places, more: bool) {
        let began = places.under_way.len();
        let mut turn = pin!(tokio::time::sleep(self.pace.turn()));
        loop {
            tokio::select! {
                Some(ended) = places.under_way.join_next() => {
                    places.ended.extend(ended);
                    places.gather();
                    let few = places.under_way.len() <= began / 2;
                    if (few && more) || places.under_way.is_empty() {
                        return;
                    }
                }
                () = &mut turn => return,
                () = self.wake.notified() => return,
            }
        }
    }

    async fn measure(&self) {
        match store::waiting(&self.db).await {
            Ok((jobs, oldest)) => {
                let age = oldest.map_or(0, |oldest| self.clock.now().distance(oldest).as_secs());
                metrics::gauge!("onecard_outbox_jobs").set(u32::try_from(jobs).unwrap_or(u32::MAX));
                metrics::gauge!("onecard_outbox_oldest_seconds")
                    .set(u32::try_from(age).unwrap_or(u32::MAX));
            }
            Err(error) => tracing::warn!(%error, "the outbox could not be measured"),
        }
    }
}

async fn deliver(handler: Arc<dyn Delivers>, job: Job) -> (Job, Delivered) {
    // The panic hook logs the panic.
    let delivery = AssertUnwindSafe(handler.deliver(&job)).catch_unwind();
    let delivered = write_point::within("deliver", delivery).await;
    (job, delivered.unwrap_or(Delivered::Unknown { wait: None }))
}

const fn code(delivered: Delivered) -> &'static str {
    match delivered {
        Delivered::Done => "done",
        Delivered::Refused => "refused",
        Delivered::Unknown { .. } => "unknown",
        Delivered::Later { .. } => "later",
    }
}
