//! What the process tells of itself: a log, and counters.
//!
//! Invariant: neither holds personal data or secrets. What is logged names our own ids, codes and
//! durations; a panic is logged with its text only where the text stands in the source.

mod log;
mod metrics;

pub use self::{
    log::{Format, InvalidFilter, Output, start_log},
    metrics::{Counters, CountersTaken},
};
