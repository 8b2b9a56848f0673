//! Lanes: group commit. A lane takes the queued requests (one immediately when idle, a few dozen
//! under load), executes them in one transaction, and answers each caller after the commit.
//!
//! A caller that has waited for [`LONGEST_WAIT`] gets [`LaneError::Unavailable`]. A request whose
//! caller has disconnected is skipped if it was not started.

use async_trait::async_trait;
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::task::LocalPoolHandle;

/// The capacity of the queue; callers wait while it is full.
const QUEUE: usize = 1024;

/// The longest time that a lane under load waits for a fuller batch.
const PATIENCE: Duration = Duration::from_millis(1);

/// The longest time that a caller waits.
pub const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// Processes the requests that a lane has gathered.
#[async_trait(?Send)]
pub trait Batch: Send + Sync + 'static {
    /// A caller's request.
    type Request: Send + Sync + 'static;
    /// The answer to a request.
    type Answer: Send + 'static;
    /// Why a batch failed as a whole.
    type Error: Send + 'static;

    /// Executes all requests and commits; answers are in the order of the requests. After an error
    /// it is unknown whether they were committed, so requests must be idempotent.
    async fn run(&self, requests: &[Self::Request]) -> Result<Vec<Self::Answer>, Self::Error>;

    /// True if the database is unreachable, so that every other request would fail too.
    fn is_unreachable(error: &Self::Error) -> bool;
}

/// Why a caller has no answer.
#[derive(Debug, thiserror::Error)]
pub enum LaneError<E> {
    /// The request failed, even when it was executed alone.
    #[error(transparent)]
    Failed(E),
    /// No answer in time, or the database is unreachable. The request may have been committed; the
    /// caller should repeat it.
    #[error("the lane gave no answer in time")]
    Unavailable,
    /// The lane has ended: the process is stopping.
    #[error("the lane has ended")]
    Ended,
}

type Answered<B> = Result<<B as Batch>::Answer, LaneError<<B as Batch>::Error>>;
type Waiting<B> = (<B as Batch>::Request, oneshot::Sender<Answered<B>>);

/// A group of lanes that share one queue.
pub struct Lanes<B: Batch> {
    queue: mpsc::Sender<Waiting<B>>,
}

impl<B: Batch> fmt::Debug for Lanes<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").field("waiting", &(QUEUE - self.queue.capacity())).finish()
    }
}

impl<B: Batch> Clone for Lanes<B> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<B: Batch> Lanes<B> {
    /// Starts `lanes` lanes with batches of at most `most` requests, spread over `threads`. They
    /// stop when the last handle is dropped and the queue is empty.
    pub fn start(threads: &LocalPoolHandle, batch: B, lanes: usize, most: usize) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (batch, waiting) = (Arc::new(batch), Arc::new(Mutex::new(waiting)));
        for _ in 0..lanes {
            let (batch, waiting) = (Arc::clone(&batch), Arc::clone(&waiting));
            threads.spawn_pinned(move || drive(batch, waiting, most));
        }
        Self { queue }
    }

    /// Submits a request and waits until it is committed or refused, for [`LONGEST_WAIT`] at most.
    pub async fn submit(&self, request: B::Request) -> Result<B::Answer, LaneError<B::Error>> {
        self.submit_within(LONGEST_WAIT, request).await
    }

    async fn submit_within(&self, wait: Duration, request: B::Request) -> Answered<B> {
        let waiting = tokio::time::timeout(wait, self.answered(request));
        waiting.await.unwrap_or(Err(LaneError::Unavailable))
    }

    async fn answered(&self, request: B::Request) -> Answered<B> {
        let (answer, answered) = oneshot::channel();
        self.queue.send((request, answer)).await.map_err(|_| LaneError::Ended)?;
        answered.await.map_err(|_| LaneError::Ended)?
    }
}

async fn drive<B: Batch>(
    batch: Arc<B>,
    waiting: Arc<Mutex<mpsc::Receiver<Waiting<B>>>>,
    most: usize,
) {
    let mut last = 0;
    loop {
        let mut taken = Vec::with_capacity(most);
        let mut queue = waiting.lock().await;
        if queue.recv_many(&mut taken, most).await == 0 {
            return;
        }
        gather(&mut queue, &mut taken, last - last / 4, most).await;
        drop(queue);
        last = taken.len();
        taken.retain(|(_, caller)| !caller.is_closed());
        if taken.is_empty() {
            continue;
        }
        let (requests, callers): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
        match batch.run(&requests).await {
            Ok(answers) => answer(callers, answers),
            Err(error) if requests.len() == 1 => {
                if let Some(caller) = callers.into_iter().next() {
                    // The caller may have disconnected.
                    let _ = caller.send(Err(LaneError::Failed(error)));
                }
            }
            // A failing request must not fail the rest of its batch: execute each one alone.
            Err(_) => one_by_one(&*batch, requests, callers).await,
        }
    }
}

/// Under load, waits up to [`PATIENCE`] for `enough` requests: callers that were just answered are
/// about to send the next one, and one full batch is cheaper than two.
async fn gather<T>(queue: &mut mpsc::Receiver<T>, taken: &mut Vec<T>, enough: usize, most: usize) {
    let until = tokio::time::Instant::now() + PATIENCE;
    while taken.len() < enough {
        let left = most - taken.len();
        match tokio::time::timeout_at(until, queue.recv_many(taken, left)).await {
            Ok(more) if more > 0 => {}
            Ok(_) | Err(_) => return,
        }
    }
}

type Callers<B> = Vec<oneshot::Sender<Answered<B>>>;

/// Stops at the first request that finds the database unreachable: the others would time out too.
async fn one_by_one<B: Batch>(batch: &B, requests: Vec<B::Request>, callers: Callers<B>) {
    let mut reachable = true;
    for (request, caller) in requests.into_iter().zip(callers) {
        if !reachable {
            let _ = caller.send(Err(LaneError::Unavailable));
            continue;
        }
        if caller.is_closed() {
            continue;
        }
        let result = batch.run(std::slice::from_ref(&request)).await;
        reachable = result.as_ref().err().is_none_or(|error| !B::is_unreachable(error));
        let Some(result) = result.map(|mut answers| answers.pop()).transpose() else {
            continue;
        };
        let _ = caller.send(result.map_err(LaneError::Failed));
    }
}

fn answer<A, E>(callers: Vec<oneshot::Sender<Result<A, LaneError<E>>>>, answers: Vec<A>) {
    for (caller, answer) in callers.into_iter().zip(answers) {
        let _ = caller.send(Ok(answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    /// Doubles numbers; a batch that contains 13 fails, and one that contains 66 finds the database
    /// unreachable.
    #[derive(Default)]
    struct Doubling {
        largest: Arc<AtomicUsize>,
        /// The requests of each run, recorded if runs are gated by `turns`.
        runs: Arc<std::sync::Mutex<Vec<Vec<u64>>>>,
        turns: Option<Arc<Semaphore>>,
    }

    #[async_trait(?Send)]
    impl Batch for Doubling {
        type Request = u64;
        type Answer = u64;
        type Error = &'static str;

        async fn run(&self, requests: &[u64]) -> Result<Vec<u64>, &'static str> {
            self.largest.fetch_max(requests.len(), Ordering::SeqCst);
            self.runs.lock().unwrap().push(requests.to_vec());
            if let Some(turns) = &self.turns {
                turns.acquire().await.unwrap().forget();
            }
            tokio::task::yield_now().await;
            if requests.contains(&13) {
                Err("thirteen")
            } else if requests.contains(&66) {
                Err("nobody")
            } else {
                Ok(requests.iter().map(|n| n * 2).collect())
            }
        }

        fn is_unreachable(error: &&'static str) -> bool {
            *error == "nobody"
        }
    }

    /// One lane that is busy with request 1 until it gets its turn.
    async fn busy() -> (Lanes<Doubling>, Doubling, tokio::task::JoinHandle<Answered<Doubling>>) {
        let batch = || Doubling::default();
        let (mut here, mut there) = (batch(), batch());
        let turns = Arc::new(Semaphore::new(0));
        (here.turns, there.turns) = (Some(Arc::clone(&turns)), Some(turns));
        there.runs = Arc::clone(&here.runs);
        let lanes = Lanes::start(&LocalPoolHandle::new(1), there, 1, 8);
        let first = {
            let lanes = lanes.clone();
            tokio::spawn(async move { lanes.answered(1).await })
        };
        while here.runs.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        (lanes, here, first)
    }

    fn turns(doubling: &Doubling, n: usize) {
        doubling.turns.as_ref().unwrap().add_permits(n);
    }

    #[tokio::test]
    async fn nobody_waits_for_ever_and_nothing_is_done_for_who_has_gone() {
        let (lanes, doubling, first) = busy().await;
        let late = lanes.submit_within(Duration::from_millis(1), 2).await;
        assert!(matches!(late, Err(LaneError::Unavailable)), "{late:?}");
        turns(&doubling, 2);
        assert_eq!(first.await.unwrap().unwrap(), 2);
        assert_eq!(lanes.answered(3).await.unwrap(), 6);
        assert_eq!(*doubling.runs.lock().unwrap(), [[1], [3]], "2 was never begun");
    }

    #[tokio::test]
    async fn where_nobody_is_reached_the_rest_are_told_at_once() {
        let (lanes, doubling, first) = busy().await;
        let rest = [4, 66, 5, 6].map(|n| lanes.answered(n));
        let told = tokio::join!(futures_util::future::join_all(rest), async {
            while QUEUE - lanes.queue.capacity() < 4 {
                tokio::task::yield_now().await;
            }
            turns(&doubling, 9);
        });
        let told: Vec<String> = told.0.iter().map(|told| format!("{told:?}")).collect();
        let wanted = ["Ok(8)", "Err(Failed(\"nobody\"))", "Err(Unavailable)", "Err(Unavailable)"];
        assert_eq!(told, wanted);
        let runs = doubling.runs.lock().unwrap().clone();
        assert_eq!(runs, [vec![1], vec![4, 66, 5, 6], vec![4], vec![66]]);
        assert_eq!(first.await.unwrap().unwrap(), 2);
    }

    #[tokio::test]
    async fn a_broken_request_fails_alone_and_batches_stay_bounded() {
        let largest = Arc::new(AtomicUsize::new(0));
        let batch = Doubling { largest: Arc::clone(&largest), ..Doubling::default() };
        let lanes = Lanes::start(&LocalPoolHandle::new(1), batch, 2, 8);
        let tasks: Vec<_> = (0..200_u64)
            .map(|n| {
                let lanes = lanes.clone();
                tokio::spawn(async move { (n, lanes.submit(n % 20).await) })
            })
            .collect();
        for task in tasks {
            let (n, result) = task.await.unwrap();
            match result {
                Ok(answer) => assert_eq!(answer, 2 * (n % 20)),
                Err(LaneError::Failed(why)) => assert_eq!((n % 20, why), (13, "thirteen")),
                Err(LaneError::Unavailable | LaneError::Ended) => panic!("no answer"),
            }
        }
        let largest = largest.load(Ordering::SeqCst);
        assert!((2..=8).contains(&largest), "batches of up to {largest}");
    }
}
