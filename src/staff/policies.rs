//! The school's policy, as admins change it. What is about money or passwords needs two of them.

use super::{
    StaffDesk,
    requests::{NewRequest, RequestRules, Requests, StaffActError, digest},
};
use crate::{
    approvals::{
        Approval, ApprovalError, ApprovalId, ApprovalKind, ApprovalQuery, ApprovalVerdict,
    },
    base::{
        clock::Timestamp,
        db::{DbError, Keyset, Tx},
        money::Fen,
    },
    policies::{
        HeldPolicy, PolicyAsk, PolicyBook, PolicyContent, PolicyDifference, PolicyEdit, PolicyHand,
        PolicyImpact, PolicyOutcome, PolicyPreview, PolicyProposal, PolicyRefusal, PolicyRequest,
        PolicyVersion, SchoolTask,
    },
    schools::policy::Policy,
    staff_accounts::{self, StaffAct, StaffMember},
};
use std::{collections::HashMap, time::Duration};
use uuid::Uuid;

const DAY: Duration = Duration::from_hours(24);

/// What its requests are, and who may ask and decide.
pub(super) static RULES: RequestRules = RequestRules {
    kinds: &[ApprovalKind::PolicyChange],
    ask: StaffAct::ChangePolicy,
    decide: StaffAct::ChangePolicy,
};

impl StaffDesk {
    /// The policy that is in force and what is to begin.
    pub async fn policy(&self, member: &StaffMember) -> Result<PolicyBook, StaffActError> {
        Ok(PolicyBook::read(&self.db, member.school).await?)
    }

    /// The versions before the version `before`, newest first.
    pub async fn policy_versions(
        &self,
        member: &StaffMember,
        page: Keyset<i64>,
    ) -> Result<Vec<PolicyVersion>, StaffActError> {
        Ok(PolicyVersion::page(&self.db, member.school, page).await?)
    }

    /// A version.
    pub async fn policy_version(
        &self,
        member: &StaffMember,
        seq: i64,
    ) -> Result<PolicyVersion, StaffActError> {
        let found = PolicyVersion::find(&self.db, member.school, seq).await?;
        found.ok_or(StaffActError::NotFound)
    }

    /// What a change would make of the policy. Nothing is kept.
    pub async fn preview_policy(
        &self,
        member: &StaffMember,
        edit: &PolicyEdit,
    ) -> Result<PolicyPreview, StaffActError> {
        let book = self.policy(member).await?;
        let restored = self.restored(member, edit).await?;
        let made = book.propose(edit, restored.as_ref(), self.clock.now().day());
        let (proposal, differences) = match made {
            Ok(made) => made,
            Err(error) => return Err(book.told(&self.db, edit.base, error).await.into()),
        };
        let two_persons = differences.iter().any(|one| one.two_persons);
        Ok(PolicyPreview { proposal, differences, two_persons })
    }

    /// Whom a change hits, from the last 30 days.
    pub async fn policy_impact(
        &self,
        member: &StaffMember,
        preview: &PolicyPreview,
    ) -> Result<Vec<PolicyImpact>, StaffActError> {
        let book = self.policy(member).await?;
        let changed = [book.on(preview.proposal.from)?, &preview.proposal.policy];
        Ok(PolicyImpact::of(&self.db, member.school, changed, self.clock.now()).await?)
    }

    /// Changes the policy, or asks for it where another admin must approve. The same key again is the same
    /// change.
    pub async fn propose_policy(
        &self,
        member: &StaffMember,
        ask: &PolicyAsk,
    ) -> Result<PolicyOutcome, StaffActError> {
        if let Some(before) = self.changed_before(member, ask).await? {
            return Ok(before);
        }
        let error = match self.propose_new(member, ask).await {
            Ok(outcome) => return Ok(outcome),
            Err(error) => error,
        };
        // The same form may have been sent twice at once, and the other one was first.
        self.changed_before(member, ask).await?.ok_or(error)
    }

    /// What the same member changed or asked for under the same key before, which must be the same.
    async fn changed_before(
        &self,
        member: &StaffMember,
        ask: &PolicyAsk,
    ) -> Result<Option<PolicyOutcome>, StaffActError> {
        let (db, school) = (&self.db, member.school);
        if let Some(version) = PolicyVersion::of_form(db, school, &form_key(member, ask)).await? {
            let made = ask.edit.made(db, school, version.recorded_at.day()).await?;
            let is_same = made.is_some_and(|made| version.is_of(&made, &ask.reason));
            let before = is_same.then(|| PolicyOutcome::Published(Box::new(version)));
            return before.map(Some).ok_or_else(|| ApprovalError::KeyReused.into());
        }
        let (requests, now) = (self.policy_requests_of(member), self.clock.now());
        // A change without a day is for that on which it was asked, and a key is good for 24 hours.
        for day in [now.day(), now.minus(DAY).day()] {
            let made = ask.edit.made(db, school, day).await?;
            let digest = made.map_or([0; 32], |made| digest_of(&made, &ask.reason));
            match requests.asked_before(&ask.key, &digest).await {
                Err(StaffActError::Approval(ApprovalError::KeyReused)) => {}
                asked => return Ok(asked?.map(|asked| PolicyOutcome::Asked(Box::new(asked)))),
            }
        }
        Err(ApprovalError::KeyReused.into())
    }

    async fn propose_new(
        &self,
        member: &StaffMember,
        ask: &PolicyAsk,
    ) -> Result<PolicyOutcome, StaffActError> {
        let preview = self.preview_policy(member, &ask.edit).await?;
        if preview.two_persons {
            let asked = self.ask_policy(member, ask, &preview).await?;
            return Ok(PolicyOutcome::Asked(Box::new(asked)));
        }
        let (db, now) = (self.db.clone().acting_as(member.actor(&ask.reason)), self.clock.now());
        let hand = PolicyHand {
            proposed_by: member.actor("").who,
            approved_by: None,
            reason: ask.reason.clone(),
            approval: None,
            form_key: Some(form_key(member, ask)),
        };
        let published = db
            .in_tx(async |tx| {
                let may = StaffAct::ChangePolicy;
                staff_accounts::hold::<StaffActError>(tx, member, may, now).await?;
                let held = HeldPolicy::hold(tx, member.school, now).await?;
                let changes = held.differences(&preview.proposal)?;
                if changes.iter().any(|one| one.two_persons) {
                    return Err(PolicyRefusal::NeedsTwo.into());
                }
                Ok::<_, StaffActError>(held.publish(&preview.proposal, hand.clone()).await?)
            })
            .await;
        let published = match published {
            Ok(version) => version,
            Err(error) => return Err(self.told(member, ask.edit.base, error).await),
        };
        Ok(PolicyOutcome::Published(Box::new(published)))
    }

    async fn ask_policy(
        &self,
        member: &StaffMember,
        ask: &PolicyAsk,
        PolicyPreview { proposal, differences, .. }: &PolicyPreview,
    ) -> Result<Approval, StaffActError> {
        let request = NewRequest {
            kind: ApprovalKind::PolicyChange,
            subject: subject_of(member),
            digest: digest_of(proposal, &ask.reason),
            amount: Fen::default(),
            reason: &ask.reason,
            key: &ask.key,
        };
        let requests = self.policy_requests_of(member);
        let note = async |tx: &Tx, approval: &Approval, _: Timestamp| {
            Ok(proposal.keep(tx, member.school, (approval.id.uuid(), differences)).await?)
        };
        match requests.ask_with(request, note).await {
            Ok(approval) => Ok(approval),
            Err(error) => Err(self.told(member, proposal.base, error).await),
        }
    }

    /// Approves a change, which is a version with the answer.
    pub async fn approve_policy(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<Approval, StaffActError> {
        let requests = self.policy_requests_of(member);
        let asked = requests.find(id).await?;
        if requests.is_repeat(&asked, ApprovalVerdict::Approve) {
            return Ok(asked);
        }
        let publish = async |tx: &Tx, locked: &Approval, now: Timestamp| {
            let proposal = PolicyProposal::of(tx, member.school, locked.id.uuid()).await?;
            let proposal = proposal.ok_or(StaffActError::NotFound)?;
            if digest_of(&proposal, &locked.reason) != locked.request_digest {
                // What would come into force is not what was asked for.
                let what = "the proposal is not the one that was made";
                return Err(DbError::Inconsistent { table: "policy_proposal", what }.into());
            }
            let by = &locked.asked_by;
            let hand = PolicyHand {
                proposed_by: format!("staff {}, no. {}", by.login, by.staff_no),
                approved_by: Some(member.actor("").who),
                reason: locked.reason.clone(),
                approval: Some(locked.id.uuid()),
                form_key: None,
            };
            let held = HeldPolicy::hold(tx, member.school, now).await?;
            held.publish(&proposal, hand).await?;
            Ok(None)
        };
        match requests.approve(id, why, publish).await {
            Ok(approval) => Ok(approval),
            Err(error) => {
                let proposal = PolicyProposal::find(&self.db, member.school, id.uuid()).await?;
                let base = proposal.map_or(0, |proposal| proposal.base);
                Err(self.told(member, base, error).await)
            }
        }
    }

    /// Rejects a change.
    pub async fn reject_policy(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<Approval, StaffActError> {
        self.policy_requests_of(member).reject(id, why).await
    }

    /// Takes a request for a change back.
    pub async fn withdraw_policy(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<Approval, StaffActError> {
        self.policy_requests_of(member).withdraw(id).await
    }

    /// A request for a change.
    pub async fn policy_request(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<PolicyRequest, StaffActError> {
        let approval = self.policy_requests_of(member).find(id).await?;
        let proposal = PolicyProposal::find(&self.db, member.school, id.uuid()).await?;
        let proposal = proposal.ok_or(StaffActError::NotFound)?;
        // Of what it was made, though other versions have come or begun since.
        let of = (proposal.base, proposal.from);
        let before = PolicyVersion::seen_for(&self.db, member.school, of).await?;
        let before = before.and_then(|before| before.policy).ok_or(StaffActError::NotFound)?;
        let differences = PolicyDifference::between(&before, &proposal.policy);
        Ok(PolicyRequest { approval, proposal, differences })
    }

    /// Requests for changes, newest first.
    pub async fn policy_requests(
        &self,
        member: &StaffMember,
        query: &ApprovalQuery,
        page: Keyset,
    ) -> Result<Vec<Approval>, StaffActError> {
        self.policy_requests_of(member).page(query, page).await
    }

    /// The labels of what requests change, by their ids: a query.
    pub async fn policy_changes(
        &self,
        member: &StaffMember,
        requests: &[Approval],
    ) -> Result<HashMap<Uuid, Vec<&'static str>>, StaffActError> {
        let ids = requests.iter().map(|request| request.id.uuid()).collect();
        Ok(PolicyProposal::changed(&self.db, member.school, ids).await?)
    }

    /// The request that waits: there is one at most.
    pub async fn waiting_policy_request(
        &self,
        member: &StaffMember,
    ) -> Result<Option<Approval>, StaffActError> {
        Ok(self.policy_requests_of(member).oldest_waiting(1).await?.into_iter().next())
    }

    /// How many requests for changes there are, among the first `most`.
    pub async fn count_policy_requests(
        &self,
        member: &StaffMember,
        query: &ApprovalQuery,
        most: u32,
    ) -> Result<u64, StaffActError> {
        self.policy_requests_of(member).count(query, most).await
    }

    /// What a new school has still to do, and what is done.
    pub async fn school_tasks(
        &self,
        member: &StaffMember,
    ) -> Result<Vec<SchoolTask>, StaffActError> {
        Ok(SchoolTask::of(&self.db, member.school).await?)
    }

    async fn restored(
        &self,
        member: &StaffMember,
        edit: &PolicyEdit,
    ) -> Result<Option<Policy>, StaffActError> {
        match edit.content {
            PolicyContent::Changes(_) => Ok(None),
            PolicyContent::Restored(seq) => Ok(self.policy_version(member, seq).await?.policy),
        }
    }

    /// Adds to a refusal what came in between.
    async fn told(&self, member: &StaffMember, base: i64, error: StaffActError) -> StaffActError {
        match (error, self.policy(member).await) {
            (StaffActError::Policy(error), Ok(book)) => {
                book.told(&self.db, base, error).await.into()
            }
            (error, _) => error,
        }
    }

    fn policy_requests_of<'a>(&'a self, member: &'a StaffMember) -> Requests<'a> {
        Requests { db: &self.db, clock: &*self.clock, member, rules: &RULES }
    }
}

/// A school as the subject of a request: one is open at a time.
fn subject_of(member: &StaffMember) -> Uuid {
    Uuid::from_u64_pair(0, member.school.number().unsigned_abs())
}

/// The key of a change, which belongs to the login.
fn form_key(member: &StaffMember, ask: &PolicyAsk) -> String {
    format!("{}|{}", member.id, ask.key)
}

fn digest_of(proposal: &PolicyProposal, reason: &str) -> [u8; 32] {
    digest(&format!("policy_change|{}|", proposal.fixed()), reason)
}
