//! Codes against both databases and both key-value stores: devices, finding whose code it is, and
//! that a code is good once.
//!
//! `ONECARD_LONG=1` replays and races as often as the bounds are stated for.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail loudly; clippy knows only the test functions themselves"
)]

#[macro_use]
#[path = "../common/mod.rs"]
mod common;

#[path = "../common/rows.rs"]
#[expect(dead_code, reason = "shared with tests that need more of it")]
mod rows;

mod finding;
mod misses;
mod races;
mod support;
mod uses;
