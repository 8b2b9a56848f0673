//! The audit log: who did what to whom, when and why.
//!
//! Invariant: an entry is written in the transaction of the change that it names.
//! Invariant: entries are appended and never changed or deleted; the database refuses both. Each is
//! chained to the one before by its hash, and carries a MAC under a key outside the database.
//! Absent on purpose: names, numbers, passwords and keys of people. A person is named by an id,
//! and a member of staff by login and staff number.

mod acts;
mod entry;
mod proof;
mod reading;
mod store;

pub use acts::{AuditAct, AuditKind};
pub use entry::Entry;
pub use proof::{AuditReport, SignedEntries, audit, resign};
pub use reading::{AuditFilter, AuditHead, AuditLine, LedgerCheck};
pub use store::{record, record_all};
