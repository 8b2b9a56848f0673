//! What is to become of a policy: as somebody edits it, and as it waits for a second person.

use super::{
    PolicyBook, PolicyChanges, PolicyDifference, PolicyProblem, PolicyVersion, draft,
    fields::label_of, store,
};
use crate::{
    base::{
        clock::Day,
        db::{Db, DbError, Tx, TxError},
        ids::SchoolId,
    },
    schools::policy::Policy,
};
use serde_json::Value;
use std::collections::HashMap;
use uuid::Uuid;

/// The longest time ahead of which a policy is changed.
const DAYS_AHEAD: i32 = 366;

/// What becomes of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyContent {
    /// These fields change.
    Changes(PolicyChanges),
    /// It becomes what this version was.
    Restored(i64),
}

/// A change of a policy, as it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyEdit {
    /// The newest version that whoever asks has seen.
    pub base: i64,
    /// The day from which it is in force; `None` for at once.
    pub from: Option<Day>,
    /// What changes.
    pub content: PolicyContent,
}

/// The policy that a change makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProposal {
    /// The newest version when it was made.
    pub base: i64,
    /// The first day.
    pub from: Day,
    /// The whole of it.
    pub policy: Policy,
    pub(super) json: String,
}

/// Why a policy is not changed.
#[derive(Debug, thiserror::Error)]
pub enum PolicyRefusal {
    /// No such version or proposal, or this release cannot read it.
    #[error("no such policy")]
    NotFound,
    /// Fields are wrong.
    #[error("{} fields are wrong", .0.len())]
    Invalid(Vec<PolicyProblem>),
    /// It is so already.
    #[error("nothing is left to change")]
    Unchanged,
    /// The day is over, or too far ahead.
    #[error("not a day on which a policy may begin")]
    BadDay,
    /// Another version came in between.
    #[error("another version came in between")]
    Moved {
        /// Its number.
        version: i64,
        /// Who made it, as the audit log names them.
        by: String,
        /// What it changed.
        differences: Vec<PolicyDifference>,
    },
    /// A second person must approve it.
    #[error("a second person must approve it")]
    NeedsTwo,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for PolicyRefusal {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::NotFound
            | Self::Invalid(_)
            | Self::Unchanged
            | Self::BadDay
            | Self::Moved { .. }
            | Self::NeedsTwo => None,
        }
    }
}

impl PolicyEdit {
    /// What it asked for if it was sent on `day`, whatever came since: by it a repeat is recognised. `None`
    /// for what could not be asked.
    pub async fn made(
        &self,
        db: &Db,
        school: SchoolId,
        day: Day,
    ) -> Result<Option<PolicyProposal>, DbError> {
        let from = self.from.unwrap_or(day);
        let seen = PolicyVersion::seen_for(db, school, (self.base, from)).await?;
        let restored = match self.content {
            PolicyContent::Changes(_) => None,
            PolicyContent::Restored(seq) => PolicyVersion::find(db, school, seq).await?,
        };
        let restored = restored.and_then(|restored| restored.policy);
        let Some(before) = seen.and_then(|seen| seen.policy) else { return Ok(None) };
        let Ok(policy) = self.policy_of(&before, restored.as_ref()) else { return Ok(None) };
        let json = policy.to_json()?;
        Ok(Some(PolicyProposal { base: self.base, from, policy, json }))
    }

    fn policy_of(
        &self,
        before: &Policy,
        restored: Option<&Policy>,
    ) -> Result<Policy, PolicyRefusal> {
        match (&self.content, restored) {
            (PolicyContent::Changes(changes), _) => {
                draft::changed(before, changes).map_err(PolicyRefusal::Invalid)
            }
            // The code names the school for good.
            (PolicyContent::Restored(_), Some(old)) => {
                Ok(Policy { code: before.code.clone(), version: before.version, ..old.clone() })
            }
            (PolicyContent::Restored(_), None) => Err(PolicyRefusal::NotFound),
        }
    }
}

impl PolicyProposal {
    /// What waits under a request.
    pub async fn find(db: &Db, school: SchoolId, approval: Uuid) -> Result<Option<Self>, DbError> {
        store::proposed(store::Place::Db(db), school, approval).await
    }

    /// The same in the transaction that decides it.
    pub async fn of(tx: &Tx, school: SchoolId, approval: Uuid) -> Result<Option<Self>, DbError> {
        store::proposed(store::Place::Tx(tx), school, approval).await
    }

    /// Keeps it for a second person. The row of the school is not locked: whoever makes a version locks it
    /// before the audit log, which has the request by now. What comes in between is found at the approval.
    pub async fn keep(
        &self,
        tx: &Tx,
        school: SchoolId,
        (approval, differences): (Uuid, &[PolicyDifference]),
    ) -> Result<(), PolicyRefusal> {
        if let Some(newest) = store::newest(tx, school).await?.filter(|one| one.seq != self.base) {
            let (version, by) = (newest.version, newest.proposed_by);
            return Err(PolicyRefusal::Moved { version, by, differences: Vec::new() });
        }
        let changed: Vec<&str> = differences.iter().map(|one| one.key).collect();
        Ok(store::propose(tx, school, (approval, self), &changed).await?)
    }

    /// The labels of what proposals change, by their requests: a query.
    pub async fn changed(
        db: &Db,
        school: SchoolId,
        requests: Vec<Uuid>,
    ) -> Result<HashMap<Uuid, Vec<&'static str>>, DbError> {
        let found = store::changed(db, school, requests).await?;
        let labels = |keys: &str| keys.split(',').filter_map(label_of).collect();
        Ok(found.iter().map(|(request, keys)| (*request, labels(keys))).collect())
    }

    /// The policy as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.json).unwrap_or_default()
    }

    /// What is fixed of it: the same change makes the same text.
    pub fn fixed(&self) -> String {
        format!("{}|{}|{}", self.base, self.from, self.json)
    }
}

impl PolicyBook {
    /// Makes the policy that a change asks for, with what differs from what would be in force on that day.
    /// `restored` is the version to which it goes back.
    pub fn propose(
        &self,
        edit: &PolicyEdit,
        restored: Option<&Policy>,
        today: Day,
    ) -> Result<(PolicyProposal, Vec<PolicyDifference>), PolicyRefusal> {
        self.check_base(edit.base)?;
        let from = edit.from.unwrap_or(today);
        if from < today || from.number() > today.number().saturating_add(DAYS_AHEAD) {
            return Err(PolicyRefusal::BadDay);
        }
        let before = self.on(from)?;
        let policy = edit.policy_of(before, restored)?;
        let differences = PolicyDifference::between(before, &policy);
        if differences.is_empty() {
            return Err(PolicyRefusal::Unchanged);
        }
        let json = policy.to_json()?;
        Ok((PolicyProposal { base: edit.base, from, policy, json }, differences))
    }

    /// What a proposal changes of what would be in force on its day.
    pub fn differences(
        &self,
        proposal: &PolicyProposal,
    ) -> Result<Vec<PolicyDifference>, PolicyRefusal> {
        Ok(PolicyDifference::between(self.on(proposal.from)?, &proposal.policy))
    }
}
