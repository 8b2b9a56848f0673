//! HTTP building blocks: problem documents, request ids, body validation, request signatures.
//!
//! Invariant: every response carries `X-Request-Id`, and every error is a problem document, except
//! where a provider requires its own format.
//! Invariant: what a client sent is never logged: no query, no body, and only the pattern of a
//! path.

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
