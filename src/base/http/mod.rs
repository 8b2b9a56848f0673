//! HTTP as every slice speaks it: problem documents, request ids, bodies checked before use.
//!
//! Invariant: every answer carries `X-Request-Id`, and every error that is not a provider's own
//! format is a problem document.
//! Invariant: what a client sent is never logged: no query, no path but its pattern, no body.

mod answer_counters;
mod body;
mod foreign;
mod idempotency;
mod principal;
pub mod problem;
pub mod request_id;
mod shell;
pub mod signature;
mod validation;

pub(crate) use body::read as read_body;
pub use body::{MAX_BODY_BYTES, RawBody, ValidJson};
pub use foreign::extractors;
pub use idempotency::IdempotencyKey;
pub use principal::{Caller, Principal};
pub use problem::{ApiError, FieldError};
pub use shell::{Shell, around};
