//! Spending at tills over real connections on both databases: every refusal, repeats, races,
//! limits, passwords, reversals, and what each of them leaves in the ledger.
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
#[path = "../terminals/signer.rs"]
#[expect(dead_code, reason = "shared with tests that need more of it")]
mod signer;

#[path = "../terminals/python.rs"]
mod python;

mod both_ways;
mod counter;
mod events;
mod late;
mod library;
mod limits;
mod meanwhile;
mod numbers;
mod offsets;
mod passwords;
mod phone;
mod refusals;
mod replays;
mod reversals;
mod shop;
mod statements;
mod write_points;
