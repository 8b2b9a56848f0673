//! Differences between providers' bills and our books: one person proposes to accept one as it stands,
//! another decides.

use super::requests::{NewRequest, RequestRules, Requests, StaffActError};
use crate::{
    approvals::{Approval, ApprovalId, ApprovalKind, ApprovalQuery, ApprovalVerdict},
    base::{
        clock::{Clock, Day},
        db::{Db, Keyset, Tx},
    },
    orders::order::PaymentId,
    reconciliation::{
        BillDay, OpenDays, ProposedRepair, Reconciliation, Repair, RepairError,
        listing::BillDayQuery,
    },
    staff::{RefundDesk, RefundRefusal, RefundTarget},
    staff_accounts::{StaffAct, StaffMember},
};
use std::sync::Arc;
use uuid::Uuid;

/// What its requests are, and who may ask and decide.
pub(super) static RULES: RequestRules = RequestRules {
    kinds: &[ApprovalKind::BillRepair],
    ask: StaffAct::AskRepair,
    decide: StaffAct::DecideRepair,
};

/// What handlers of the finance office ask for.
#[derive(Clone, Debug)]
pub struct BillDesk {
    /// The database.
    pub db: Db,
    /// Days and differences.
    pub bills: Reconciliation,
    /// Tells whose money a payment is.
    pub refunds: Arc<dyn RefundDesk>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// A request to accept a difference, as it is asked.
#[derive(Clone, Debug)]
pub struct RepairAsk {
    /// The difference.
    pub difference: Uuid,
    /// Why it is accepted.
    pub reason: String,
    /// The idempotency key.
    pub key: String,
}

/// A request to accept a difference, and the difference as it stands.
#[derive(Clone, Debug)]
pub struct StaffRepair {
    /// The request.
    pub approval: Approval,
    /// The difference.
    pub difference: ProposedRepair,
}

impl BillDesk {
    /// A page of days of the member's school.
    pub async fn days(
        &self,
        member: &StaffMember,
        query: &BillDayQuery,
        page: Keyset,
    ) -> Result<Vec<BillDay>, StaffActError> {
        let filter = query.filter(member.school).map_err(StaffActError::BadFilter)?;
        Ok(filter.page(&self.db, page).await?)
    }

    /// How many of them there are, among the first `most`.
    pub async fn count_days(
        &self,
        member: &StaffMember,
        query: &BillDayQuery,
        most: u32,
    ) -> Result<u64, StaffActError> {
        let filter = query.filter(member.school).map_err(StaffActError::BadFilter)?;
        Ok(filter.count(&self.db, most).await?)
    }

    /// Which days somebody should look at: a query.
    pub async fn open_days(
        &self,
        member: &StaffMember,
        (yesterday, most): (Day, u32),
    ) -> Result<OpenDays, StaffActError> {
        Ok(self.bills.open_days(member.school, (yesterday, most)).await?)
    }

    /// What differs on a day, or did.
    pub async fn differences(
        &self,
        member: &StaffMember,
        (day, with_ended): (Uuid, bool),
        page: Keyset,
    ) -> Result<Vec<ProposedRepair>, StaffActError> {
        let of = (member.school, day);
        let found = self.bills.differences_of(of, with_ended, page).await?;
        found.ok_or(StaffActError::NotFound)
    }

    /// Proposes to accept a difference. Nothing is posted. The same key and request again is the same
    /// request.
    pub async fn ask_repair(
        &self,
        member: &StaffMember,
        ask: &RepairAsk,
    ) -> Result<StaffRepair, StaffActError> {
        let requests = self.requests(member);
        let difference = self.difference(member, ask.difference).await?;
        let digest = difference.digest(&ask.reason);
        if let Some(approval) = requests.asked_before(&ask.key, &digest).await? {
            return Ok(StaffRepair { approval, difference });
        }
        if !difference.is_open() {
            return Err(RepairError::Changed.into());
        }
        self.check_not_own(&requests, &difference).await?;
        let (subject, amount) = (difference.id, difference.amount());
        let (reason, key) = (ask.reason.as_str(), ask.key.as_str());
        let kind = ApprovalKind::BillRepair;
        let request = NewRequest { kind, subject, digest, amount, reason, key };
        Ok(StaffRepair { approval: requests.ask(request).await?, difference })
    }

    /// Approves a request: the difference is accepted, and a correction posted, in the same commit.
    pub async fn approve_repair(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<StaffRepair, StaffActError> {
        let requests = self.requests(member);
        let asked = self.repair(member, id).await?;
        if requests.is_repeat(&asked.approval, ApprovalVerdict::Approve) {
            return Ok(asked);
        }
        let difference = asked.difference;
        self.check_not_own(&requests, &difference).await?;
        let accept = async |tx: &Tx, locked: &Approval, now| {
            // What is approved is what was asked for.
            if difference.digest(&locked.reason) != locked.request_digest {
                return Err(RepairError::Changed.into());
            }
            self.bills.accept(tx, &difference, locked.id.uuid(), now).await?;
            Ok(Some(difference.id))
        };
        let approval = requests.approve(id, why, accept).await?;
        self.bills.accepted();
        self.with_difference(member, approval).await
    }

    /// Rejects a request.
    pub async fn reject_repair(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<StaffRepair, StaffActError> {
        let approval = self.requests(member).reject(id, why).await?;
        self.with_difference(member, approval).await
    }

    /// Takes a request back.
    pub async fn withdraw_repair(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<StaffRepair, StaffActError> {
        let approval = self.requests(member).withdraw(id).await?;
        self.with_difference(member, approval).await
    }

    /// A request of the member's school.
    pub async fn repair(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<StaffRepair, StaffActError> {
        let approval = self.requests(member).find(id).await?;
        self.with_difference(member, approval).await
    }

    /// How many of them there are, among the first `most`.
    pub async fn count_repairs(
        &self,
        member: &StaffMember,
        query: &ApprovalQuery,
        most: u32,
    ) -> Result<u64, StaffActError> {
        self.requests(member).count(query, most).await
    }

    /// A page of requests of the member's school.
    pub async fn repairs(
        &self,
        member: &StaffMember,
        query: &ApprovalQuery,
        page: Keyset,
    ) -> Result<Vec<StaffRepair>, StaffActError> {
        let page = self.requests(member).page(query, page).await?;
        let ids = page.iter().map(|approval| approval.subject).collect();
        let differences = self.bills.differences_among(member.school, ids).await?;
        let with_difference = |approval: Approval| {
            let difference = differences.get(&approval.subject).cloned();
            let difference = difference.ok_or(StaffActError::NotFound)?;
            Ok(StaffRepair { approval, difference })
        };
        page.into_iter().map(with_difference).collect()
    }

    fn requests<'a>(&'a self, member: &'a StaffMember) -> Requests<'a> {
        Requests { db: &self.db, clock: &*self.clock, member, rules: &RULES }
    }

    async fn with_difference(
        &self,
        member: &StaffMember,
        approval: Approval,
    ) -> Result<StaffRepair, StaffActError> {
        let difference = self.difference(member, approval.subject).await?;
        Ok(StaffRepair { approval, difference })
    }

    async fn difference(
        &self,
        member: &StaffMember,
        id: Uuid,
    ) -> Result<ProposedRepair, StaffActError> {
        let found = self.bills.difference(member.school, id).await?;
        found.ok_or(StaffActError::NotFound)
    }

    /// Nobody corrects a balance of their own.
    async fn check_not_own(
        &self,
        requests: &Requests<'_>,
        difference: &ProposedRepair,
    ) -> Result<(), StaffActError> {
        let Repair::CorrectBalance = difference.found.difference.repair else { return Ok(()) };
        let number = &difference.found.difference.out_trade_no;
        let payment = PaymentId::from_out_trade_no(number).ok_or(StaffActError::NotFound)?;
        let target = RefundTarget::Payment(payment);
        match self.refunds.quote(requests.member.school, target).await {
            Ok(quote) => requests.check_not_own(&quote),
            // A payment that is not credited is no balance to correct.
            Err(RefundRefusal::NotRefundable) => Err(RepairError::Changed.into()),
            Err(error) => Err(error.into()),
        }
    }
}
