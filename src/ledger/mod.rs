//! The ledger: double entry, posted in batches, sealed after posting, and checked by `verify`.
//!
//! Invariant: no balance changes except by a posted transfer.
//! Invariant: kind and reference are unique within a school; a repeat is a replay, and a repeat
//! with different content is refused and raises an alarm.
//! Invariant: a command never takes a person's balance below zero; a fact always posts.
//! Invariant: rows of the history are never updated or deleted.
//! Absent on purpose: there is no "set balance". A correction is a transfer with a reason.

pub mod account;
pub mod balances;
pub mod closing;
mod decide;
pub mod heads;
mod person_accounts;
mod post;
pub mod seal;
pub mod statement;
mod store;
pub mod transfer;
pub mod verify;

pub use decide::{Outcome, Posted, Refusal};
pub use person_accounts::{HeldPersons, LockedAccounts, PersonAccounts, UnlockedAccounts};
pub use post::{LedgerError, post_all};
pub use store::SealingState;
