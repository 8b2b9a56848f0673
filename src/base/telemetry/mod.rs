//! Logs and metrics.
//!
//! Invariant: neither contains personal data or secrets. Logs contain our own ids, codes and
//! durations; the message of a panic is logged only if it is a string literal.

mod log;
mod metrics;
mod warnings;

pub use self::{
    log::{Format, InvalidFilter, Output, start_log},
    metrics::{Counters, RecorderInstalled},
};
