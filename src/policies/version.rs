//! A version of a school's policy. It is kept as it was.

use super::{PolicyProposal, store};
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{Db, DbError, Keyset},
        ids::SchoolId,
    },
    schools::policy::Policy,
};
use serde_json::Value;
use uuid::Uuid;

/// Where a version came from. The name in storage stays for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicySource {
    /// A file.
    File,
    /// A member of staff.
    Console,
}

impl PolicySource {
    /// The name in storage and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Console => "console",
        }
    }

    pub(super) fn from_code(code: &str) -> Option<Self> {
        [Self::File, Self::Console].into_iter().find(|source| source.code() == code)
    }
}

/// A version of a school's policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVersion {
    /// The school.
    pub school: SchoolId,
    /// Rises by one with each version of the school.
    pub seq: i64,
    /// The number that the policy bears; a file that replaces may take it back.
    pub version: i64,
    /// `None` where this release cannot read it.
    pub policy: Option<Policy>,
    /// The first day on which it is in force, unless a later version is by then.
    pub from: Day,
    /// Where it came from.
    pub source: PolicySource,
    /// Who proposed it, as the audit log names them.
    pub proposed_by: String,
    /// The second person, where there must be one.
    pub approved_by: Option<String>,
    /// Why.
    pub reason: String,
    /// The request that was approved.
    pub approval: Option<Uuid>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    pub(super) json: String,
    pub(super) form_key: Option<String>,
}

impl PolicyVersion {
    /// The policy as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.json).unwrap_or_default()
    }

    /// A page of the versions of a school, by their numbers.
    pub async fn page(db: &Db, school: SchoolId, page: Keyset<i64>) -> Result<Vec<Self>, DbError> {
        store::page(db, school, page).await
    }

    /// One of them.
    pub async fn find(db: &Db, school: SchoolId, seq: i64) -> Result<Option<Self>, DbError> {
        store::find(db, school, seq).await
    }

    /// What would have been in force on a day, by whoever saw the version `newest`.
    pub async fn seen_for(
        db: &Db,
        school: SchoolId,
        (newest, day): (i64, Day),
    ) -> Result<Option<Self>, DbError> {
        store::seen_for(db, school, (newest, day)).await
    }

    /// What the same form made before: its answer was lost, or it was sent twice.
    pub async fn of_form(db: &Db, school: SchoolId, key: &str) -> Result<Option<Self>, DbError> {
        store::of_form(db, school, key).await
    }

    /// Whether it is what was asked for, for that reason: its number is its own.
    pub fn is_of(&self, asked: &PolicyProposal, reason: &str) -> bool {
        let version = asked.policy.version;
        let policy = self.policy.as_ref().map(|policy| Policy { version, ..policy.clone() });
        self.from == asked.from && self.reason == reason && policy.as_ref() == Some(&asked.policy)
    }
}
