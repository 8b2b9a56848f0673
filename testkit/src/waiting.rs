//! Waiting for something to happen, with a time-out.

use std::time::Duration;

/// The time-out of waits, long enough for a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(10);

/// The future's output; panics after `time`.
pub async fn within<T>(time: Duration, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(time, future).await.unwrap()
}

/// Polls `ask` until it returns a value.
pub async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, ask).await
}

/// Like [`eventually`], with its own time-out.
pub async fn eventually_within<T>(
    time: Duration,
    what: &str,
    ask: impl AsyncFn() -> Option<T>,
) -> T {
    let asking = async {
        let mut turn = tokio::time::interval(POLL);
        loop {
            turn.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    let answered = tokio::time::timeout(time, asking).await;
    answered.unwrap_or_else(|_| panic!("not within {time:?}: {what}"))
}
