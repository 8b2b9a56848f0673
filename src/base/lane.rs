//! Lanes: callers do not each pay for a commit. A lane takes the requests that are waiting (one at
//! once when it is idle, up to some dozens under load), has them done in one transaction, and
//! answers each caller after that commit.

use async_trait::async_trait;
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::task::LocalPoolHandle;

/// How many requests may wait before callers wait to be let in.
const QUEUE: usize = 1024;

/// The longest that a lane under load waits for a fuller batch.
const PATIENCE: Duration = Duration::from_millis(1);

/// What a lane does with the requests it has gathered.
#[async_trait(?Send)]
pub trait Batch: Send + Sync + 'static {
    /// What callers ask.
    type Request: Send + Sync + 'static;
    /// What each caller gets.
    type Answer: Send + 'static;
    /// Why a batch failed as a whole.
    type Error: Send + 'static;

    /// Does all requests and commits; answers in their order. An error means that nothing was
    /// committed, or that nobody knows: requests must be safe to repeat.
    async fn run(&self, requests: &[Self::Request]) -> Result<Vec<Self::Answer>, Self::Error>;
}

/// Why a caller has no answer.
#[derive(Debug, thiserror::Error)]
pub enum LaneError<E> {
    /// The request failed, also when it was done alone.
    #[error(transparent)]
    Failed(E),
    /// The lane has ended: the process is stopping.
    #[error("the lane has ended")]
    Ended,
}

type Waiting<B> =
    (<B as Batch>::Request, oneshot::Sender<Result<<B as Batch>::Answer, <B as Batch>::Error>>);

/// A group of lanes over one queue.
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
    /// Starts `lanes` lanes of at most `most` requests each, spread over `threads`. They end when the last handle is
    /// dropped and the queue is empty.
    pub fn start(threads: &LocalPoolHandle, batch: B, lanes: usize, most: usize) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (batch, waiting) = (Arc::new(batch), Arc::new(Mutex::new(waiting)));
        for _ in 0..lanes {
            let (batch, waiting) = (Arc::clone(&batch), Arc::clone(&waiting));
            threads.spawn_pinned(move || drive(batch, waiting, most));
        }
        Self { queue }
    }

    /// Hands in a request and waits until it is committed or refused.
    pub async fn submit(&self, request: B::Request) -> Result<B::Answer, LaneError<B::Error>> {
        let (answer, answered) = oneshot::channel();
        self.queue.send((request, answer)).await.map_err(|_| LaneError::Ended)?;
        answered.await.map_err(|_| LaneError::Ended)?.map_err(LaneError::Failed)
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
        let (requests, callers): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
        match batch.run(&requests).await {
            Ok(answers) => answer(callers, answers),
            Err(error) if requests.len() == 1 => {
                if let Some(caller) = callers.into_iter().next() {
                    // A caller that went away no longer wants to know.
                    let _ = caller.send(Err(error));
                }
            }
            // One broken request must not fail its neighbours: each is done alone.
            Err(_) => one_by_one(&*batch, requests, callers).await,
        }
    }
}

/// Under load, waits a moment for as many requests as half of the batch before: callers who were
/// just answered are about to ask again, and one fuller batch is cheaper than two.
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

type Callers<B> = Vec<oneshot::Sender<Result<<B as Batch>::Answer, <B as Batch>::Error>>>;

async fn one_by_one<B: Batch>(batch: &B, requests: Vec<B::Request>, callers: Callers<B>) {
    for (request, caller) in requests.into_iter().zip(callers) {
        let result = batch.run(std::slice::from_ref(&request)).await;
        let Some(result) = result.map(|mut answers| answers.pop()).transpose() else {
            continue;
        };
        let _ = caller.send(result);
    }
}

fn answer<A, E>(callers: Vec<oneshot::Sender<Result<A, E>>>, answers: Vec<A>) {
    for (caller, answer) in callers.into_iter().zip(answers) {
        let _ = caller.send(Ok(answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Doubles numbers; a batch with 13 in it fails.
    #[derive(Default)]
    struct Doubling {
        largest: Arc<AtomicUsize>,
    }

    #[async_trait(?Send)]
    impl Batch for Doubling {
        type Request = u64;
        type Answer = u64;
        type Error = &'static str;

        async fn run(&self, requests: &[u64]) -> Result<Vec<u64>, &'static str> {
            self.largest.fetch_max(requests.len(), Ordering::SeqCst);
            tokio::task::yield_now().await;
            if requests.contains(&13) {
                Err("thirteen")
            } else {
                Ok(requests.iter().map(|n| n * 2).collect())
            }
        }
    }

    #[tokio::test]
    async fn a_broken_request_fails_alone_and_batches_stay_bounded() {
        let largest = Arc::new(AtomicUsize::new(0));
        let batch = Doubling { largest: Arc::clone(&largest) };
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
                Err(LaneError::Ended) => panic!("lane ended"),
            }
        }
        let largest = largest.load(Ordering::SeqCst);
        assert!((2..=8).contains(&largest), "batches of up to {largest}");
    }
}
