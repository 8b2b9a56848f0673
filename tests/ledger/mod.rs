//! The ledger on both databases: what posts and what is refused, many at once, random postings
//! against a model, and that `verify` finds whatever was altered.
//!
//! `ONECARD_LONG=1` makes the random tests long; `ONECARD_SEED` repeats a run whose seed was
//! printed.

mod anchor;
mod concurrency;
mod model;
mod partitions;
mod posting;
mod properties;
mod sealing;
mod since;
mod support;
mod tampering;
mod tools;
