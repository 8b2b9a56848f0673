//! Shared fixtures of the integration tests: a fresh database for each test, a deployment of server
//! and sandbox, clients, forged messages of WeChat Pay, and the program as a process that can be
//! killed. And the weeks of a school that `make run` begins with.
//!
//! Only tests, and `onecard-demo`, depend on this crate. Its functions panic on failure.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    missing_debug_implementations,
    reason = "a panic is how a test fails"
)]

mod answer;
mod authentic;
mod client;
mod database;
mod demo;
mod faults;
mod forge;
mod forge_alipay;
mod http;
mod killing;
mod payers;
mod people;
mod program;
mod proof;
mod redis_server;
mod rows;
mod sampling;
mod serving;
mod staff;
mod stand_ins;
mod template;
mod threads;
mod waiting;
mod world;

pub use answer::Answer;
pub use authentic::{assert_authentic, take_over};
pub use client::{Api, Student, claim, wish, wish_by};
pub use database::{TestDb, macs, on_empty_postgres, on_empty_sqlite, on_postgres, on_sqlite};
pub use demo::{Demo, DemoFigures};
pub use faults::{Fault, Faults};
pub use forge::{Forge, Letter, Signer, ToldRefund, envelope_of, seal, transaction_id};
pub use forge_alipay::{AlipayForge, Notice, Trade, yuan};
pub use http::http_client;
pub use killing::{Killing, Made};
pub use payers::merchant;
pub use people::{ELSEWHERE, KEY, PEOPLE};
pub use program::Program;
pub use proof::{report, report_of};
pub use redis_server::Redis;
pub use rows::Rows;
pub use sampling::sample;
pub use staff::secret_of;
pub use waiting::{PATIENCE, eventually, eventually_within, within};
pub use world::{Server, World, now, sandbox_folder};
