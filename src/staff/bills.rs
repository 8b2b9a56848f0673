//! Differences between providers' bills and our books: one person proposes to accept one as it stands,
//! another decides.

use super::{
    StaffActError,
    refunds::{is_repeat, locked, officer},
};
use crate::{
    approvals::{
        self, Approval, ApprovalError, ApprovalId, ApprovalKind, ApprovalVerdict, NewApproval,
        Ruling,
    },
    base::{clock::Clock, db::Db},
    orders::order::PaymentId,
    reconciliation::{BillDay, ProposedRepair, Reconciliation, Repair, RepairError},
    staff::{RefundDesk, RefundRefusal, RefundTarget},
    staff_accounts::{self, StaffAct, StaffMember},
};
use std::sync::Arc;
use uuid::Uuid;

const KIND: ApprovalKind = ApprovalKind::BillRepair;

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
    /// Days of the member's school, newest first.
    pub async fn days(
        &self,
        member: &StaffMember,
        before: Option<Uuid>,
        most: i64,
    ) -> Result<Vec<BillDay>, StaffActError> {
        Ok(self.bills.days(member.school, before, most).await?)
    }

    /// What differs on a day, or did.
    pub async fn differences(
        &self,
        member: &StaffMember,
        day: Uuid,
        after: Option<Uuid>,
        (with_ended, most): (bool, i64),
    ) -> Result<Vec<ProposedRepair>, StaffActError> {
        let of = (member.school, day);
        let found = self.bills.differences_of(of, after, with_ended, most).await?;
        found.ok_or(StaffActError::NotFound)
    }

    /// Proposes to accept a difference. Nothing is posted. The same key and request again is the same
    /// request.
    pub async fn ask_repair(
        &self,
        member: &StaffMember,
        ask: &RepairAsk,
    ) -> Result<StaffRepair, StaffActError> {
        let (by, now) = (officer(member), self.clock.now());
        let difference = self.difference(member, ask.difference).await?;
        let digest = difference.digest(&ask.reason);
        let before = approvals::asked_before(&self.db, &by, &ask.key, &digest).await?;
        if let Some(approval) = before {
            return Ok(StaffRepair { approval, difference });
        }
        if !difference.is_open() {
            return Err(RepairError::Changed.into());
        }
        self.check_not_own(member, &difference).await?;
        let new = NewApproval {
            school: member.school,
            kind: KIND,
            subject: difference.id,
            request_digest: digest,
            amount: difference.amount(),
            reason: ask.reason.clone(),
            by,
            key: ask.key.clone(),
        };
        let db = self.db.clone().acting_as(member.actor(&ask.reason));
        let asked = db
            .in_tx(async |tx| {
                staff_accounts::hold(tx, member, StaffAct::AskRepair, now).await?;
                Ok::<_, StaffActError>(approvals::ask(tx, &new, now).await?)
            })
            .await?;
        Ok(StaffRepair { approval: asked.approval, difference })
    }

    /// Approves a request: the difference is accepted, and a correction posted, in the same commit.
    pub async fn approve_repair(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<StaffRepair, StaffActError> {
        let asked = self.repair(member, id).await?;
        let (by, now) = (officer(member), self.clock.now());
        if is_repeat(&asked.approval, ApprovalVerdict::Approve, &by) {
            return Ok(asked);
        }
        let difference = asked.difference;
        self.check_not_own(member, &difference).await?;
        let db = self.db.clone().acting_as(member.actor(why));
        let approval = db
            .in_tx(async |tx| {
                let locked =
                    locked(tx, member, (&[KIND], id), (StaffAct::DecideRepair, now)).await?;
                locked.check(ApprovalVerdict::Approve, &by, now).map_err(ApprovalError::from)?;
                // What is approved is what was asked for.
                if difference.digest(&locked.reason) != locked.request_digest {
                    return Err(RepairError::Changed.into());
                }
                self.bills.accept(tx, &difference, locked.id.uuid(), now).await?;
                let verdict = ApprovalVerdict::Approve;
                let ruling = Ruling { verdict, by: &by, why, result: Some(difference.id) };
                Ok::<_, StaffActError>(approvals::decide(tx, &locked, ruling, now).await?)
            })
            .await?;
        self.bills.accepted();
        let difference = self.difference(member, difference.id).await?;
        Ok(StaffRepair { approval, difference })
    }

    /// Rejects a request.
    pub async fn reject_repair(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<StaffRepair, StaffActError> {
        self.rule(member, id, (StaffAct::DecideRepair, ApprovalVerdict::Reject), why).await
    }

    /// Takes a request back.
    pub async fn withdraw_repair(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<StaffRepair, StaffActError> {
        self.rule(member, id, (StaffAct::AskRepair, ApprovalVerdict::Withdraw), "").await
    }

    async fn rule(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        (act, verdict): (StaffAct, ApprovalVerdict),
        why: &str,
    ) -> Result<StaffRepair, StaffActError> {
        let (by, now) = (officer(member), self.clock.now());
        let asked = self.repair(member, id).await?;
        if is_repeat(&asked.approval, verdict, &by) {
            return Ok(asked);
        }
        let db = self.db.clone().acting_as(member.actor(why));
        let approval = db
            .in_tx(async |tx| {
                let locked = locked(tx, member, (&[KIND], id), (act, now)).await?;
                let ruling = Ruling { verdict, by: &by, why, result: None };
                Ok::<_, StaffActError>(approvals::decide(tx, &locked, ruling, now).await?)
            })
            .await?;
        Ok(StaffRepair { approval, ..asked })
    }

    /// A request of the member's school.
    pub async fn repair(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<StaffRepair, StaffActError> {
        let found = approvals::find(&self.db, member.school, id).await?;
        let approval = found.filter(|approval| approval.kind == KIND);
        let approval = approval.ok_or(StaffActError::NotFound)?;
        let difference = self.difference(member, approval.subject).await?;
        Ok(StaffRepair { approval, difference })
    }

    /// Requests of the member's school, newest first.
    pub async fn repairs(
        &self,
        member: &StaffMember,
        before: Option<ApprovalId>,
        limit: u64,
    ) -> Result<Vec<StaffRepair>, StaffActError> {
        let mut repairs = Vec::new();
        for approval in approvals::page(&self.db, member.school, &[KIND], (before, limit)).await? {
            let difference = self.difference(member, approval.subject).await?;
            repairs.push(StaffRepair { approval, difference });
        }
        Ok(repairs)
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
        member: &StaffMember,
        difference: &ProposedRepair,
    ) -> Result<(), StaffActError> {
        let Repair::CorrectBalance = difference.found.difference.repair else { return Ok(()) };
        let number = &difference.found.difference.out_trade_no;
        let payment = PaymentId::from_out_trade_no(number).ok_or(StaffActError::NotFound)?;
        let target = RefundTarget::Payment(payment);
        match self.refunds.quote(member.school, target).await {
            Ok(quote) if quote.person_no.eq_ignore_ascii_case(&member.staff_no) => {
                Err(StaffActError::OwnMoney)
            }
            Ok(_) => Ok(()),
            // A payment that is not credited is no balance to correct.
            Err(RefundRefusal::NotRefundable) => Err(RepairError::Changed.into()),
            Err(error) => Err(error.into()),
        }
    }
}
