//! 调账: one person asks that a balance be raised or lowered, another decides, and what is approved is posted.

use super::{
    PeopleDesk, StaffPeopleError,
    people::is_own,
    requests::{NewRequest, RequestRules, Requests, StaffActError},
};
use crate::{
    adjustments::{AdjustError, Adjustment},
    approvals::{Approval, ApprovalId, ApprovalQuery, ApprovalVerdict},
    base::{
        db::{Keyset, Tx},
        ids::PersonId,
    },
    staff_accounts::{StaffAct, StaffMember},
};

/// What its requests are, and who may ask and decide.
pub(super) static RULES: RequestRules = RequestRules {
    kinds: &Adjustment::KINDS,
    ask: StaffAct::AskAdjustment,
    decide: StaffAct::DecideAdjustment,
};

impl PeopleDesk {
    /// Asks for an adjustment of what the member was shown. Nothing is posted. The same key and request again is
    /// the same request.
    pub async fn ask_adjustment(
        &self,
        member: &StaffMember,
        adjustment: &Adjustment,
        seen_fen: Option<i64>,
        (reason, key): (&str, &str),
    ) -> Result<Approval, StaffActError> {
        let (requests, digest) = (self.requests(member), adjustment.digest(reason));
        if let Some(before) = requests.asked_before(key, &digest).await? {
            return Ok(before);
        }
        let amount = adjustment.amount().ok_or(AdjustError::BadAmount)?;
        self.not_own(member, adjustment.person).await?;
        adjustment.check(&self.db, seen_fen).await?;
        let (kind, subject) = (adjustment.kind(), adjustment.person.uuid());
        requests.ask(NewRequest { kind, subject, digest, amount, reason, key }).await
    }

    /// Approves a request, if what the member was shown is still so: it is posted in the same commit.
    pub async fn approve_adjustment(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        (why, seen_fen): (&str, Option<i64>),
    ) -> Result<Approval, StaffActError> {
        let requests = self.requests(member);
        let asked = requests.find(id).await?;
        if requests.is_repeat(&asked, ApprovalVerdict::Approve) {
            return Ok(asked);
        }
        // Whose balance it is does not change, so it may be asked outside the transaction.
        self.not_own(member, PersonId::from_uuid(asked.subject)).await?;
        let post = async |tx: &Tx, locked: &Approval, now| {
            let adjustment = Adjustment::of(locked).ok_or(StaffActError::NotFound)?;
            adjustment.post(tx, locked, seen_fen, now).await?;
            Ok(None)
        };
        requests.approve(id, why, post).await
    }

    /// Rejects a request.
    pub async fn reject_adjustment(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<Approval, StaffActError> {
        let requests = self.requests(member);
        // Who rejects what is to be taken from the own card keeps it.
        self.not_own(member, PersonId::from_uuid(requests.find(id).await?.subject)).await?;
        requests.reject(id, why).await
    }

    /// Takes a request back.
    pub async fn withdraw_adjustment(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<Approval, StaffActError> {
        self.requests(member).withdraw(id).await
    }

    /// A request of the member's school.
    pub async fn adjustment(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<Approval, StaffActError> {
        self.requests(member).find(id).await
    }

    /// How many of them there are, among the first `most`.
    pub async fn count_adjustments(
        &self,
        member: &StaffMember,
        query: &ApprovalQuery,
        most: u32,
    ) -> Result<u64, StaffActError> {
        self.requests(member).count(query, most).await
    }

    /// A page of requests of the member's school.
    pub async fn adjustments(
        &self,
        member: &StaffMember,
        query: &ApprovalQuery,
        page: Keyset,
    ) -> Result<Vec<Approval>, StaffActError> {
        self.requests(member).page(query, page).await
    }

    /// Nobody acts on the own card.
    async fn not_own(&self, member: &StaffMember, id: PersonId) -> Result<(), StaffActError> {
        match self.at_school(member, id).await {
            Ok(person) if is_own(&person, member) => Err(StaffActError::OwnMoney),
            Ok(_) => Ok(()),
            Err(StaffPeopleError::Db(error)) => Err(error.into()),
            Err(_) => Err(StaffActError::NotFound),
        }
    }

    fn requests<'a>(&'a self, member: &'a StaffMember) -> Requests<'a> {
        Requests { db: &self.db, clock: &*self.clock, member, rules: &RULES }
    }
}
