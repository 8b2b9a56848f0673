//! The id of the request that the current task is serving.

use actix_web::http::header::HeaderName;
use std::future::Future;

/// The header that carries the id, in requests and responses.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LENGTH: usize = 64;

tokio::task_local! {
    static CURRENT: String;
}

/// Runs `work` with this request id.
pub async fn scope<F: Future>(id: String, work: F) -> F::Output {
    CURRENT.scope(id, work).await
}

/// The id of the current request; empty outside of a request.
pub fn current() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// True if an id from a proxy is safe to copy into headers and logs.
pub fn is_acceptable(id: &str) -> bool {
    (1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}
