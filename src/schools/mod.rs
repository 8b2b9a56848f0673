//! Schools with their policies, and the people on their rosters.
//!
//! Invariant: a policy in the database was valid when it was written; one that no longer reads is
//! as good as absent, and alarms.
//! Invariant: name, ID number and phone of a person are stored sealed to the person's own row, and
//! are found by keyed digests only. Opening one is always spelt out.
//! Invariant: an import says what became of every row that it read.
//! Absent on purpose: a roster never removes anybody. Who is missing from it stays as before.

mod default_password;
pub mod http;
mod id_number;
mod import;
mod password_rule;
mod people;
mod person;
pub mod policy;
pub mod roster;
mod school;
mod store;
mod summaries;

pub use default_password::{DefaultRule, default_password};
pub use id_number::{IdNumberFault, check_id_number};
pub use import::{FileProblem, ImportError, Imported, Outcome, import_schools};
pub use password_rule::{PasswordRule, WeakPassword};
pub use people::People;
pub use person::{Person, PersonKeys, PersonKind, PersonStatus, Standing, mask_name, masked_name};
pub use school::{School, Schools};
pub use summaries::PersonSummary;
