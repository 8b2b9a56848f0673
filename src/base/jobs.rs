//! Background jobs that run for as long as the server does.

use super::{
    clock::Clock,
    job_runs::{JobId, JobRuns},
    write_point,
};
use futures_util::FutureExt;
use std::{
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::LocalPoolHandle};

/// The pause before a failed job is started again.
const REST: Duration = Duration::from_secs(1);

/// Running background jobs. [`Jobs::stop`] cancels a job at an await point, so a job must tolerate
/// being interrupted there, as it must tolerate the end of the process.
pub struct Jobs {
    threads: LocalPoolHandle,
    stop: CancellationToken,
    /// How they go.
    runs: Arc<JobRuns>,
    running: Mutex<Vec<JoinHandle<()>>>,
}

impl Jobs {
    /// No jobs yet; they will run on `threads`.
    pub fn new(threads: LocalPoolHandle, clock: Arc<dyn Clock>) -> Self {
        let (stop, runs) = (CancellationToken::new(), Arc::new(JobRuns::new(clock)));
        Self { threads, stop, runs, running: Mutex::default() }
    }

    /// Runs `job` until [`Jobs::stop`]. A job that returns or panics is started again. It notes its turns: see
    /// [`job_runs`](super::job_runs).
    pub fn spawn<F: Future<Output = ()> + 'static>(
        &self,
        name: &'static str,
        job: impl Fn() -> F + Send + 'static,
    ) {
        let (stop, runs) = (self.stop.clone(), Arc::clone(&self.runs));
        let id = runs.named(name);
        let task = self.threads.spawn_pinned(move || async move {
            // Being stopped is not a failure of the job.
            let work = write_point::within(name, keep_running(id, job, runs));
            let _ = stop.run_until_cancelled(work).await;
        });
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    /// How they go.
    pub fn runs(&self) -> Arc<JobRuns> {
        Arc::clone(&self.runs)
    }

    /// Cancels every job and waits until all have ended.
    pub async fn stop(self) {
        self.stop.cancel();
        let running = self.running.into_inner().unwrap_or_else(PoisonError::into_inner);
        for task in running {
            // A job that panicked has ended too.
            let _ = task.await;
        }
    }
}

async fn keep_running<F: Future<Output = ()>>(id: JobId, job: impl Fn() -> F, runs: Arc<JobRuns>) {
    loop {
        // The panic hook logs the panic; this line adds the name of the job.
        let _ = AssertUnwindSafe(Arc::clone(&runs).of(id, job())).catch_unwind().await;
        runs.stopped(id);
        tracing::error!(job = id.name(), "a background job ended and is started again");
        metrics::counter!("onecard_jobs_restarted_total", "job" => id.name()).increment(1);
        tokio::time::sleep(REST).await;
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jobs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::SystemClock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_job_that_panics_is_restarted_until_it_is_stopped() {
        let (runs, (told, mut heard)) =
            (Arc::new(AtomicUsize::new(0)), tokio::sync::mpsc::unbounded_channel());
        let job = {
            let runs = Arc::clone(&runs);
            move || {
                let (run, told) = (runs.fetch_add(1, Ordering::SeqCst), told.clone());
                async move {
                    told.send(run).unwrap();
                    assert!(run != 0, "the first run panics");
                    std::future::pending::<()>().await;
                }
            }
        };
        let jobs = Jobs::new(LocalPoolHandle::new(1), Arc::new(SystemClock));
        jobs.spawn("test", job);
        assert_eq!((heard.recv().await, heard.recv().await), (Some(0), Some(1)));
        jobs.stop().await;
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }
}
