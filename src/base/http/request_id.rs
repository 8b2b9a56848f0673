//! The id of the request that this task is answering.

use std::cell::RefCell;
use std::future::Future;

tokio::task_local! {
    static CURRENT: RefCell<String>;
}

/// Runs `work` under a request id.
pub async fn scope<F: Future>(id: String, work: F) -> F::Output {
    CURRENT.scope(RefCell::new(id), work).await
}

/// The id of the present request; empty outside one.
pub fn current() -> String {
    CURRENT.try_with(|id| id.borrow().clone()).unwrap_or_default()
}
