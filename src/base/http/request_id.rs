//! The id of the request that this task is answering.

use std::future::Future;

tokio::task_local! {
    static CURRENT: String;
}

/// Runs `work` under a request id.
pub async fn scope<F: Future>(id: String, work: F) -> F::Output {
    CURRENT.scope(id, work).await
}

/// The id of the present request; empty outside one.
pub fn current() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}
