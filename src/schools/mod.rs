//! Schools with the policies that are in force, and the people on their rosters.
//!
//! Invariant: stored policies were valid when written; a school whose policy cannot be read counts
//! as absent, and an error is logged.
//! Invariant: a policy is replaced by `policies` alone, which keeps each version of it.
//! Invariant: name, ID number and phone number are stored sealed and are only found by keyed
//! digests. Opening one is always explicit.
//! Invariant: an import reports the result of every row.
//! Absent on purpose: a roster removes nobody. People who are missing from it stay unchanged.

mod default_password;
pub mod http;
mod id_number;
mod password_rule;
mod people;
mod person;
pub mod policy;
mod rekey;
pub mod roster;
mod school;
mod store;
mod summaries;

pub use default_password::{DefaultRule, default_password};
pub use id_number::check_id_number;
pub use password_rule::{PasswordRule, WeakPassword};
pub use people::People;
pub use person::{Person, PersonKeys, PersonKind, PersonStatus, Standing, masked_name};
pub use school::{School, Schools};
pub use store::policy::StoredSchool;
pub use summaries::PersonSummary;
