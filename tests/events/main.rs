//! Events on both databases: numbered without a gap, none missed, old ones forgotten; and told to
//! those who wait for them over real connections.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail loudly; clippy knows only the test functions themselves"
)]

#[macro_use]
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/server.rs"]
#[expect(dead_code, unused_imports, reason = "shared with tests that need more of it")]
mod server;

mod feed;
mod rows;
mod support;
mod waiting;
