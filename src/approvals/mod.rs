//! Acts that need two persons: who asked, who decided.
//!
//! Invariant: who approves is another person than who asked: another staff number, not merely another
//! login. It is decided in the transaction that acts, under the lock of the request's row, and the
//! database enforces it again.
//! Invariant: of who asks and who approves, neither made the other's login, nor changed its roles or factor, in
//! the last seven days.
//! Invariant: one request is open for each kind and subject, and each is decided once.
//! Invariant: a request and its decision are entries of the audit log, in the same transaction.
//! Absent on purpose: what is asked for. The room that acts reads it from kind, subject and amount;
//! rights are decided by whoever lets somebody ask.

mod approval;
mod asking;
mod listing;
mod store;
mod waiting;

pub use approval::{
    Approval, ApprovalId, ApprovalKind, ApprovalRefusal, ApprovalState, ApprovalVerdict, Decider,
    Decision, Officer,
};
pub use asking::{
    ApprovalError, Asked, NewApproval, Ruling, ask, asked_before, decide, expire_overdue, lock,
    take_back,
};
pub use listing::{ApprovalFilter, ApprovalQuery};
pub use store::{authentic, find, of_subjects};

use crate::base::db::Authority;

/// The tables whose rows carry a MAC.
pub const AUTHORITY: &[&Authority] = &[&store::APPROVAL];
