//! Doors and library desks: a code is shown, and the door opens for who may pass.
//!
//! Invariant: using the code up, the decision, its entry in the log and the terminal's answer are one
//! transaction under the lock of the person's row.
//! Invariant: nothing fails open: whatever cannot be decided is answered 503 and not stored, and what
//! the door does then is in its configuration, which knows no "open".
//! Invariant: an allocation is replaced as a whole: the row of its group in `door_allocation` says
//! which one holds.
//! Absent on purpose: student numbers. A library's desk gets a pseudonym.

pub mod log;
pub mod rights;
mod store;

use crate::base::db::Authority;

/// The tables whose rows carry a MAC.
pub const AUTHORITY: &[&Authority] = &[&store::authentic::RIGHT, &store::authentic::ALLOCATION];
