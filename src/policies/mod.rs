//! The versions of schools' policies: what is in force from when, who proposed and who approved it.
//!
//! Invariant: a version is never changed. Going back to an older one makes a new one, and so does a file.
//! Invariant: the row of the school is what is in force; it is replaced here alone, in the transaction that
//! records the version, or when the version's day has come.
//! Invariant: what a policy may say is decided by its types alone; members of staff hear of it in words of
//! the one table of fields.
//! Absent on purpose: who may propose and who may approve. `staff` decides it.

mod asked;
mod book;
mod difference;
mod draft;
mod fields;
mod impact;
mod import;
mod input;
mod proposal;
mod store;
mod tasks;
mod version;

pub use asked::{PolicyAsk, PolicyOutcome, PolicyPreview, PolicyRequest};
pub use book::{HeldPolicy, PolicyBook, PolicyHand, keep_in_force, take_effect};
pub use difference::PolicyDifference;
pub use draft::{PolicyChanges, PolicyProblem, changes_of};
pub use fields::{PolicyField, PolicyInput};
pub use impact::PolicyImpact;
pub use import::{ImportError, ImportOutcome, Imported, import_schools};
pub use input::PolicyForm;
pub use proposal::{PolicyContent, PolicyEdit, PolicyProposal, PolicyRefusal};
pub use tasks::SchoolTask;
pub use version::{PolicySource, PolicyVersion};
