//! HTTP as every slice speaks it: problem documents and request ids.

pub mod problem;
pub mod request_id;

pub use problem::{ApiError, FieldError};
