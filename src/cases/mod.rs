//! Cases: what staff must look at, each once.
//!
//! Invariant: a case is unique by school, kind and subject; opening it again changes nothing.
//! Invariant: one member of staff at a time has a case, decided under its row's lock.
//! Absent on purpose: a case moves no money. What moves it are the acts of other rooms, which close the case
//! in their own commit, whoever has it.

mod desk;
mod kind;
mod store;
#[cfg(test)]
mod tests;

pub use desk::{
    CaseAct, CaseEnd, CaseFacts, CaseFilter, CaseHolder, CaseId, CaseRefusal, CaseState,
    CaseWorker, FoundCase, IDLE,
};
pub use kind::CaseKind;
pub use store::write_of;

use crate::base::{
    clock::Timestamp,
    db::{DbError, Tx},
    ids::SchoolId,
};
use std::collections::HashSet;

/// Something that staff must look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The school.
    pub school: SchoolId,
    /// What it belongs to: `payment`.
    pub kind: &'static str,
    /// What it is about: unique within school and kind.
    pub subject: String,
    /// What was found; no personal data.
    pub detail: String,
    /// The same, as far as it is known here.
    pub facts: CaseFacts,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// Opens a case, also one that was closed before: what it is about is open again.
pub async fn reopen(tx: &Tx, case: Case) -> Result<(), DbError> {
    store::reopen(tx, &case).await?;
    tx.write_all(vec![write_of(&[case])]).await
}

/// Closes the open ones of these cases: what they were about has come to its end.
pub async fn close(
    tx: &Tx,
    school: SchoolId,
    kind: &str,
    subjects: Vec<String>,
    now: Timestamp,
) -> Result<(), DbError> {
    store::close(tx, (school, kind), subjects, now).await
}

/// Those of the subjects that have a case of that kind in one of the schools. Without subjects
/// there is no query.
pub async fn among(
    tx: &Tx,
    schools: &[SchoolId],
    kind: &str,
    subjects: Vec<String>,
) -> Result<HashSet<String>, DbError> {
    store::among(tx, schools, kind, subjects).await
}
