//! Events on both databases: numbered without a gap, none missed, old ones forgotten.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail loudly; clippy knows only the test functions themselves"
)]

#[macro_use]
#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "shared with tests that need more of it")]
mod common;

mod rows;
