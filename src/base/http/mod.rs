//! HTTP building blocks: problem documents, request ids, body validation, request signatures.
//!
//! Invariant: every response carries `X-Request-Id`, and every error is a problem document, except
//! where a provider requires its own format.
//! Invariant: what a client sent is never logged: no query, no body, and only the pattern of a
//! path.
//! Invariant: nothing is spent on a body, a head or a connection before it is bounded in size and in
//! time.

mod answer_counters;
mod arrival;
mod body;
mod bounded;
mod connection;
mod foreign;
mod idempotency;
mod listener;
mod paging;
mod principal;
pub mod problem;
pub mod request_id;
mod shell;
pub mod signature;
mod upload;
mod validation;

pub use arrival::Arrived;
pub use body::{MAX_BODY_BYTES, ValidJson, raw_body};
pub(crate) use body::{check_length, read as read_body};
pub use connection::TimeLimits;
pub use foreign::extractors;
pub use idempotency::IdempotencyKey;
pub use listener::{Capacity, listen};
pub use paging::PageSize;
pub use principal::{Caller, Principal};
pub use problem::{ApiError, FieldError};
pub use shell::{BodyLimits, Shell, around};
pub use upload::{FileForm, UploadedFile, too_large};
pub use validation::not_blank;
