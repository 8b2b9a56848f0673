//! Terminals over real connections on both databases: registering them, their signatures, made by
//! hand and by a library of another language, their configuration, and what they were answered.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail loudly; clippy knows only the test functions themselves"
)]

#[macro_use]
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/server.rs"]
#[expect(dead_code, unused_imports, reason = "shared with tests that need more of it")]
mod server;

mod answers;
mod config;
mod library;
mod python;
mod registry;
mod sandbox_till;
mod signer;
mod vectors;
