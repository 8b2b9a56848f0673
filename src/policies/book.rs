//! The versions of a school's policy that are in force or will be, and how another one is added.

use super::{
    PolicyDifference, PolicyProposal, PolicyRefusal, PolicyVersion, draft,
    store::{self, Place},
    version::PolicySource,
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::{Clock, Day, Timestamp},
        db::{Actor, Db, DbError, Tx},
        ids::SchoolId,
        job_runs,
    },
    schools::{StoredSchool, policy::Policy},
};
use std::{num::NonZeroU32, ops::Deref, sync::Arc, time::Duration};
use uuid::Uuid;

/// How often versions that begin are looked for: the row of a school follows midnight within so long.
const PACE: Duration = Duration::from_secs(1);

/// The versions of a school's policy that are in force or will be.
#[derive(Clone, Debug)]
pub struct PolicyBook {
    /// What is in force.
    pub in_force: PolicyVersion,
    /// What will be, in the order of days. A later version that begins no later takes the place of one.
    pub coming: Vec<PolicyVersion>,
    /// The newest version.
    pub newest: PolicyVersion,
}

/// The same while the school's row is locked.
#[derive(Debug)]
pub struct HeldPolicy<'a> {
    tx: &'a Tx,
    row: StoredSchool,
    book: PolicyBook,
    now: Timestamp,
}

/// Who makes a version, and why.
#[derive(Clone, Debug)]
pub struct PolicyHand {
    /// Who proposed it, as the audit log names them.
    pub proposed_by: String,
    /// The second person.
    pub approved_by: Option<String>,
    /// Why.
    pub reason: String,
    /// The request that is approved.
    pub approval: Option<Uuid>,
    /// Login and key of the form.
    pub form_key: Option<String>,
}

impl Deref for HeldPolicy<'_> {
    type Target = PolicyBook;

    fn deref(&self) -> &PolicyBook {
        &self.book
    }
}

impl PolicyBook {
    /// Reads the book of a school.
    pub async fn read(db: &Db, school: SchoolId) -> Result<Self, DbError> {
        let row = StoredSchool::read(db, school).await?.ok_or(missing())?;
        let kept = store::since(Place::Db(db), school, row.seq).await?;
        if is_recorded(&row, &kept) {
            return Ok(Self::of(&row, kept));
        }
        // An older release wrote the row alone. It is a version before somebody changes it: a change names
        // the newest that was seen.
        let then = row.updated_at;
        db.in_tx(async |tx| HeldPolicy::hold(tx, school, then).await.map(|held| held.book)).await
    }

    /// Of the row of a school and the versions from the one in force on. An older release writes the row
    /// alone: the row says what is in force.
    fn of(row: &StoredSchool, kept: Vec<PolicyVersion>) -> Self {
        let in_force =
            kept.iter().find(|version| version.seq == row.seq && version.json == row.json);
        let in_force = in_force.cloned().unwrap_or_else(|| unrecorded(row));
        let newest = kept.last().cloned().unwrap_or_else(|| in_force.clone());
        let mut coming: Vec<PolicyVersion> = Vec::new();
        for version in kept.into_iter().rev().filter(|version| version.seq > row.seq) {
            if coming.last().is_none_or(|later| version.from < later.from) {
                coming.push(version);
            }
        }
        coming.reverse();
        Self { in_force, coming, newest }
    }

    /// The policy that would be in force on a day.
    pub fn on(&self, day: Day) -> Result<&Policy, PolicyRefusal> {
        let found = self.coming.iter().rev().find(|version| version.from <= day);
        found.unwrap_or(&self.in_force).policy.as_ref().ok_or(PolicyRefusal::NotFound)
    }

    /// Whether nothing came after the version `base`.
    pub(super) fn check_base(&self, base: i64) -> Result<(), PolicyRefusal> {
        if self.newest.seq == base {
            return Ok(());
        }
        // What it changed is told later, by who can read the version that was seen.
        let (version, by) = (self.newest.version, self.newest.proposed_by.clone());
        Err(PolicyRefusal::Moved { version, by, differences: Vec::new() })
    }

    /// Whether what is in force was so on the first day of a proposal. What has begun since is not in it,
    /// and would be taken back by it.
    fn check_day(&self, from: Day) -> Result<(), PolicyRefusal> {
        if self.in_force.from <= from {
            return Ok(());
        }
        let (version, by) = (self.in_force.version, self.in_force.proposed_by.clone());
        Err(PolicyRefusal::Moved { version, by, differences: Vec::new() })
    }

    /// Adds to a refusal what changed since the version `base`.
    pub async fn told(&self, db: &Db, base: i64, error: PolicyRefusal) -> PolicyRefusal {
        let PolicyRefusal::Moved { version, by, .. } = error else { return error };
        let seen = PolicyVersion::find(db, self.newest.school, base).await;
        let seen = seen.ok().flatten().and_then(|seen| seen.policy);
        let differences = match (seen, &self.newest.policy) {
            (Some(seen), Some(newest)) => PolicyDifference::between(&seen, newest),
            (_, _) => Vec::new(),
        };
        PolicyRefusal::Moved { version, by, differences }
    }
}

impl<'a> HeldPolicy<'a> {
    /// Locks the row of a school. What was to begin by now is in force then.
    pub async fn hold(tx: &'a Tx, school: SchoolId, now: Timestamp) -> Result<Self, DbError> {
        let row = StoredSchool::hold(tx, school).await?.ok_or(missing())?;
        Self::of_row(tx, row, now).await
    }

    pub(super) async fn of_row(
        tx: &'a Tx,
        mut row: StoredSchool,
        now: Timestamp,
    ) -> Result<Self, DbError> {
        let mut kept = store::since(Place::Tx(tx), row.id, row.seq).await?;
        if !is_recorded(&row, &kept) {
            let (_, seq) = store::highest(tx, row.id).await?;
            let found = PolicyVersion { seq: seq.saturating_add(1), ..unrecorded(&row) };
            store::insert(tx, &found).await?;
            kept = vec![found];
        }
        let due = kept.iter().rev().find(|version| version.from <= now.day());
        if let Some((due, policy)) = due.and_then(|due| Some((due, due.policy.as_ref()?)))
            && due.seq != row.seq
        {
            let begins = due.json != row.json;
            StoredSchool::put(tx, Some(&row), (policy, &due.json, due.seq), now).await?;
            row = StoredSchool::hold(tx, row.id).await?.ok_or(missing())?;
            if begins {
                let detail = format!("第 {} 版", due.version);
                record(tx, (AuditAct::PolicyInForce, row.id, policy), detail, now).await?;
            }
        }
        let book = PolicyBook::of(&row, kept);
        Ok(Self { tx, row, book, now })
    }

    /// Adds what a proposal makes, which is in force at once where its day has come. What is to begin later
    /// keeps its own changes and gets these.
    pub async fn publish(
        self,
        proposal: &PolicyProposal,
        hand: PolicyHand,
    ) -> Result<PolicyVersion, PolicyRefusal> {
        self.check_base(proposal.base)?;
        self.check_day(proposal.from)?;
        if self.row.policy.as_ref().is_none_or(|stored| !stored.ignored.is_empty()) {
            // A newer release wrote what this one would drop.
            return Err(PolicyRefusal::NotFound);
        }
        let from = proposal.from.max(self.now.day());
        let before = self.on(from)?.clone();
        let differences = PolicyDifference::between(&before, &proposal.policy);
        let (mut number, mut seq) = store::highest(self.tx, self.row.id).await?;
        let mut next = |policy: &Policy, from| -> Result<PolicyVersion, PolicyRefusal> {
            (number, seq) = (number.saturating_add(1), seq.saturating_add(1));
            self.version(policy, (number, seq), from, &hand)
        };
        let first = next(&proposal.policy, from)?;
        let mut later = Vec::new();
        for coming in self.book.coming.iter().filter(|coming| coming.from > from) {
            let carried = carry(coming, &before, &differences)?;
            later.push(PolicyVersion { form_key: None, ..next(&carried, coming.from)? });
        }
        for version in std::iter::once(&first).chain(&later) {
            store::insert(self.tx, version).await?;
        }
        let said = PolicyDifference::sentence(&differences);
        let detail = format!("第 {} 版，{from} 起：{said}", first.version);
        let policy = first.policy.as_ref().ok_or(PolicyRefusal::NotFound)?;
        if from == self.now.day() {
            let put = (policy, &*first.json, first.seq);
            StoredSchool::put(self.tx, Some(&self.row), put, self.now).await?;
        }
        record(self.tx, (AuditAct::PolicyPublished, self.row.id, policy), detail, self.now).await?;
        Ok(first)
    }

    /// Replaces what is in force by the policy of a file, and what is to begin with it.
    pub(super) async fn replace(self, policy: &Policy) -> Result<(), DbError> {
        let (_, seq) = store::highest(self.tx, self.row.id).await?;
        let (seq, json) = (seq.saturating_add(1), policy.to_json()?);
        StoredSchool::put(self.tx, Some(&self.row), (policy, &json, seq), self.now).await?;
        store::insert(self.tx, &of_file(self.tx, (self.row.id, seq), policy, self.now)?).await
    }

    /// The row of the school.
    pub(super) const fn row(&self) -> &StoredSchool {
        &self.row
    }

    fn version(
        &self,
        policy: &Policy,
        (number, seq): (i64, i64),
        from: Day,
        hand: &PolicyHand,
    ) -> Result<PolicyVersion, PolicyRefusal> {
        let broken = DbError::Inconsistent { table: "policy_version", what: "no number is left" };
        let version = u32::try_from(number).ok().and_then(NonZeroU32::new).ok_or(broken)?;
        let policy = Policy { version, ..policy.clone() };
        let PolicyHand { proposed_by, approved_by, reason, approval, form_key } = hand.clone();
        Ok(PolicyVersion {
            school: self.row.id,
            seq,
            version: number,
            json: policy.to_json()?,
            policy: Some(policy),
            from,
            source: PolicySource::Console,
            proposed_by,
            approved_by,
            reason,
            approval,
            form_key,
            recorded_at: self.now,
        })
    }
}

/// A version that is to begin later, with what changes before it, except for what it changes itself.
fn carry(
    coming: &PolicyVersion,
    before: &Policy,
    differences: &[PolicyDifference],
) -> Result<Policy, PolicyRefusal> {
    let policy = coming.policy.as_ref().ok_or(PolicyRefusal::NotFound)?;
    let own = PolicyDifference::between(before, policy);
    let is_own = |key| own.iter().any(|own| own.key == key);
    let carried = differences.iter().filter(|one| !is_own(one.key));
    let carried = carried.map(|one| (one.key, &one.value));
    // Each of the two is good; together they may not be.
    draft::with(policy, carried).map_err(|_| PolicyRefusal::Moved {
        version: coming.version,
        by: coming.proposed_by.clone(),
        differences: own,
    })
}

/// Adds a school with the policy of a file.
pub(super) async fn add_school(tx: &Tx, policy: &Policy, now: Timestamp) -> Result<(), DbError> {
    let school = StoredSchool::put(tx, None, (policy, &policy.to_json()?, 1), now).await?;
    store::insert(tx, &of_file(tx, (school, 1), policy, now)?).await
}

fn of_file(
    tx: &Tx,
    (school, seq): (SchoolId, i64),
    policy: &Policy,
    now: Timestamp,
) -> Result<PolicyVersion, DbError> {
    let Actor { who, why } = tx.actor().clone();
    Ok(PolicyVersion {
        school,
        seq,
        version: i64::from(policy.version.get()),
        json: policy.to_json()?,
        policy: Some(policy.clone()),
        from: now.day(),
        source: PolicySource::File,
        proposed_by: who,
        approved_by: None,
        reason: why,
        approval: None,
        form_key: None,
        recorded_at: now,
    })
}

fn is_recorded(row: &StoredSchool, kept: &[PolicyVersion]) -> bool {
    kept.iter().any(|version| version.seq == row.seq && version.json == row.json)
}

fn unrecorded(row: &StoredSchool) -> PolicyVersion {
    PolicyVersion {
        school: row.id,
        seq: row.seq,
        version: row.version,
        policy: row.policy.as_ref().map(|stored| stored.policy.clone()),
        json: row.json.clone(),
        from: row.updated_at.day(),
        source: PolicySource::File,
        proposed_by: "onecard".to_owned(),
        approved_by: None,
        reason: String::new(),
        approval: None,
        form_key: None,
        recorded_at: row.updated_at,
    }
}

const fn missing() -> DbError {
    DbError::Inconsistent { table: "school", what: "a school is missing" }
}

async fn record(
    tx: &Tx,
    (act, school, policy): (AuditAct, SchoolId, &Policy),
    detail: String,
    now: Timestamp,
) -> Result<(), DbError> {
    let subject = format!("school {}", &*policy.code);
    audit::record(tx, &Entry { act, school: Some(school), subject, detail }, now).await
}

/// Puts versions in force whose day has come, for as long as the process lives. Of two servers one does.
pub async fn keep_in_force(db: Db, clock: Arc<dyn Clock>) {
    loop {
        if let Err(error) = job_runs::noted(take_effect(&db, clock.now()).await) {
            tracing::error!(%error, "policies that begin could not be put in force; will retry");
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Puts versions in force whose day has come; how many schools that is.
pub async fn take_effect(db: &Db, now: Timestamp) -> Result<usize, DbError> {
    let due = store::due(db, now.day()).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let in_force = StoredSchool::in_force(db).await?;
    let is_late = |(school, seq): &(SchoolId, i64)| {
        in_force.iter().any(|(id, now)| id == school && now < seq)
    };
    let late: Vec<_> = due.into_iter().filter(is_late).collect();
    for (school, _) in &late {
        db.in_tx(async |tx| HeldPolicy::hold(tx, *school, now).await.map(drop)).await?;
    }
    Ok(late.len())
}
