//! The life of a card: lost, damaged, found.
//!
//! Invariant: a report is decided under the person's lock, in the transaction that marks the card. Each
//! charge is either before or after it: after its commit no code of the person is accepted, on any
//! server, with the phone online or not.
//! Invariant: what was said of the person (password, ID number, number of the chip) is compared before
//! the transaction and counted as one attempt; the transaction asks whether it is still in force.
//! Invariant: who may do what is the school's policy and nothing else.

pub mod counter;
pub mod http;
mod loss;
mod problems;

pub use loss::{LossClaim, LossError, LossReason, LossView};

use crate::{
    base::{clock::Clock, crypto::seal::Sealer, db::Db},
    passwords::Passwords,
    schools::{People, Schools},
};
use std::sync::Arc;

/// The journey and its dependencies.
#[derive(Clone, Debug)]
pub struct CardLife {
    /// The database of people and devices.
    pub db: Db,
    /// The schools and their policies.
    pub schools: Arc<Schools>,
    /// The people on the rosters.
    pub people: People,
    /// Query passwords.
    pub passwords: Passwords,
    /// Opens sealed personal data.
    pub sealer: Sealer,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}
