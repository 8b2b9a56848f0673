//! Refunds that staff ask for: one person asks, another approves.

use super::{
    StaffDesk,
    refund_desk::{ApprovedRefund, RefundQuote, RefundRefusal, RefundStage, RefundTarget},
};
use crate::{
    approvals::{
        self, Approval, ApprovalError, ApprovalId, ApprovalKind, ApprovalVerdict, NewApproval,
        Officer, Ruling,
    },
    base::{
        clock::Timestamp,
        db::{DbError, Tx, TxError},
        money::Fen,
    },
    orders::order::PaymentId,
    reconciliation::RepairError,
    staff_accounts::{self, StaffAct, StaffHoldError, StaffMember, StaffRefusal},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const KINDS: [ApprovalKind; 2] = [ApprovalKind::Refund, ApprovalKind::RefundEnd];

/// A request for a refund, as it is asked.
#[derive(Clone, Debug)]
pub struct RefundAsk {
    /// Of what.
    pub target: RefundTarget,
    /// How much.
    pub amount: Fen,
    /// Why.
    pub reason: String,
    /// The idempotency key.
    pub key: String,
}

/// A request for a refund, and how far its refund is.
#[derive(Clone, Debug)]
pub struct StaffRefund {
    /// The request.
    pub approval: Approval,
    /// The refund, once it is approved.
    pub stage: Option<RefundStage>,
}

/// Why an act of staff was refused.
#[derive(Debug, thiserror::Error)]
pub enum StaffActError {
    /// No such request at the school.
    #[error("no such request")]
    NotFound,
    /// Nobody acts on money of their own.
    #[error("it is the member of staff's own money")]
    OwnMoney,
    /// Not allowed.
    #[error(transparent)]
    Right(#[from] StaffRefusal),
    /// Not two persons, too late, or another request is open.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// The difference cannot be accepted.
    #[error(transparent)]
    Repair(#[from] RepairError),
    /// There can be no such refund.
    #[error(transparent)]
    Refund(#[from] RefundRefusal),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for StaffActError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) | Self::Refund(RefundRefusal::Db(error)) => Some(error),
            Self::Approval(error) => error.db(),
            Self::Repair(error) => error.db(),
            Self::NotFound | Self::OwnMoney | Self::Right(_) | Self::Refund(_) => None,
        }
    }
}

impl From<StaffHoldError> for StaffActError {
    fn from(error: StaffHoldError) -> Self {
        match error {
            StaffHoldError::Refused(refusal) => Self::Right(refusal),
            StaffHoldError::Db(error) => Self::Db(error),
        }
    }
}

impl RefundAsk {
    /// SHA-256 of what is asked for, by which a repeat is recognised.
    fn digest(&self) -> [u8; 32] {
        let (kind, id) = match self.target {
            RefundTarget::Order(order) => ("order", order.uuid()),
            RefundTarget::Payment(payment) => ("payment", payment.uuid()),
        };
        let fixed = format!("refund|{kind}|{id}|{}|", self.amount.get());
        Sha256::digest([fixed.as_bytes(), self.reason.as_bytes()].concat()).into()
    }
}

/// The member of staff as requests name them.
pub(super) fn officer(member: &StaffMember) -> Officer {
    Officer {
        id: member.id.uuid(),
        login: member.login.to_string(),
        staff_no: member.staff_no.to_string(),
    }
}

impl StaffDesk {
    /// Asks for a refund. Nothing is posted. The same key and request again is the same request.
    pub async fn ask_refund(
        &self,
        member: &StaffMember,
        ask: &RefundAsk,
    ) -> Result<StaffRefund, StaffActError> {
        let (by, digest, now) = (officer(member), ask.digest(), self.clock.now());
        let before = approvals::asked_before(&self.db, &by, &ask.key, &digest).await?;
        if let Some(approval) = before {
            return self.with_stage(approval).await;
        }
        let quote = self.refunds.quote(member.school, ask.target).await?;
        not_own(member, &quote)?;
        if ask.amount > quote.refundable {
            return Err(RefundRefusal::TooMuch { refundable: quote.refundable }.into());
        }
        let new = NewApproval {
            school: member.school,
            kind: ApprovalKind::Refund,
            subject: quote.payment.uuid(),
            request_digest: digest,
            amount: ask.amount,
            reason: ask.reason.clone(),
            by,
            key: ask.key.clone(),
        };
        let db = self.db.clone().acting_as(member.actor(&ask.reason));
        let asked = db
            .in_tx(async |tx| {
                staff_accounts::hold(tx, member, StaffAct::AskRefund, now).await?;
                Ok::<_, StaffActError>(approvals::ask(tx, &new, now).await?)
            })
            .await?;
        self.with_stage(asked.approval).await
    }

    /// Approves a request: the money is held and the refund enqueued in the same commit. A request to end
    /// a refund is approved as [`endings`](super::endings) says.
    pub async fn approve_refund(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<StaffRefund, StaffActError> {
        let asked = self.asked(member, id).await?;
        if asked.kind == ApprovalKind::RefundEnd {
            return self.approve_ending(member, asked, why).await;
        }
        let by = officer(member);
        if is_repeat(&asked, ApprovalVerdict::Approve, &by) {
            return self.with_stage(asked).await;
        }
        let payment = PaymentId::from_uuid(asked.subject);
        // Whose money it is does not change, so it may be asked outside the transaction.
        let quote = self.refunds.quote(member.school, RefundTarget::Payment(payment)).await?;
        not_own(member, &quote)?;
        let now = self.clock.now();
        let db = self.db.clone().acting_as(member.actor(why));
        let decided = db
            .in_tx(async |tx| {
                let locked =
                    locked(tx, member, (&KINDS, id), (StaffAct::DecideRefund, now)).await?;
                locked.check(ApprovalVerdict::Approve, &by, now).map_err(ApprovalError::from)?;
                if locked.kind != ApprovalKind::Refund {
                    return Err(StaffActError::NotFound);
                }
                let result = Some(self.refunds.make(tx, &approved(&locked), now).await?);
                let ruling = Ruling { verdict: ApprovalVerdict::Approve, by: &by, why, result };
                Ok::<_, StaffActError>(approvals::decide(tx, &locked, ruling, now).await?)
            })
            .await?;
        self.refunds.made();
        self.with_stage(decided).await
    }

    /// Rejects a request.
    pub async fn reject_refund(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<StaffRefund, StaffActError> {
        self.rule(member, id, (StaffAct::DecideRefund, ApprovalVerdict::Reject), why).await
    }

    /// Takes a request back.
    pub async fn withdraw_refund(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<StaffRefund, StaffActError> {
        self.rule(member, id, (StaffAct::AskRefund, ApprovalVerdict::Withdraw), "").await
    }

    /// A decision from which nothing follows.
    async fn rule(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        (act, verdict): (StaffAct, ApprovalVerdict),
        why: &str,
    ) -> Result<StaffRefund, StaffActError> {
        let (by, now) = (officer(member), self.clock.now());
        let asked = self.asked(member, id).await?;
        if is_repeat(&asked, verdict, &by) {
            return self.with_stage(asked).await;
        }
        let db = self.db.clone().acting_as(member.actor(why));
        let decided = db
            .in_tx(async |tx| {
                let locked = locked(tx, member, (&KINDS, id), (act, now)).await?;
                let ruling = Ruling { verdict, by: &by, why, result: None };
                Ok::<_, StaffActError>(approvals::decide(tx, &locked, ruling, now).await?)
            })
            .await?;
        self.with_stage(decided).await
    }

    /// A request of the member's school.
    pub async fn refund(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<StaffRefund, StaffActError> {
        self.with_stage(self.asked(member, id).await?).await
    }

    async fn asked(&self, member: &StaffMember, id: ApprovalId) -> Result<Approval, StaffActError> {
        let found = approvals::find(&self.db, member.school, id).await?;
        found.filter(|found| KINDS.contains(&found.kind)).ok_or(StaffActError::NotFound)
    }

    /// Requests of the member's school, newest first.
    pub async fn refunds(
        &self,
        member: &StaffMember,
        before: Option<ApprovalId>,
        limit: u64,
    ) -> Result<Vec<StaffRefund>, StaffActError> {
        let page = approvals::page(&self.db, member.school, &KINDS, (before, limit)).await?;
        let made: Vec<Uuid> = page.iter().filter_map(made_by).collect();
        let stages = self.refunds.stages(&made).await?;
        let with_stage = |approval: Approval| {
            let stage = made_by(&approval).and_then(|refund| stages.get(&refund).copied());
            StaffRefund { approval, stage }
        };
        Ok(page.into_iter().map(with_stage).collect())
    }

    pub(super) async fn with_stage(
        &self,
        approval: Approval,
    ) -> Result<StaffRefund, StaffActError> {
        let Some(refund) = made_by(&approval) else {
            return Ok(StaffRefund { approval, stage: None });
        };
        let stages = self.refunds.stages(&[refund]).await?;
        Ok(StaffRefund { approval, stage: stages.get(&refund).copied() })
    }
}

/// The refund that an approval made, or that is to be ended.
fn made_by(approval: &Approval) -> Option<Uuid> {
    match approval.kind {
        ApprovalKind::Refund => approval.decision.as_ref().and_then(|decision| decision.result),
        ApprovalKind::RefundEnd => Some(approval.subject),
        ApprovalKind::BillRepair => None,
    }
}

/// The refund that a request is for.
fn approved(locked: &Approval) -> ApprovedRefund {
    ApprovedRefund {
        approval: locked.id,
        school: locked.school,
        payment: PaymentId::from_uuid(locked.subject),
        amount: locked.amount,
        reason: locked.reason.clone(),
    }
}

/// Locks a request and then the login that decides it, which must still have the right.
pub(super) async fn locked(
    tx: &Tx,
    member: &StaffMember,
    (kinds, id): (&[ApprovalKind], ApprovalId),
    (act, now): (StaffAct, Timestamp),
) -> Result<Approval, StaffActError> {
    let locked = approvals::lock(tx, member.school, id).await?;
    let locked =
        locked.filter(|locked| kinds.contains(&locked.kind)).ok_or(StaffActError::NotFound)?;
    staff_accounts::hold(tx, member, act, now).await?;
    Ok(locked)
}

/// Whether the same member of staff has decided so before: the answer was lost.
pub(super) fn is_repeat(approval: &Approval, verdict: ApprovalVerdict, by: &Officer) -> bool {
    let same = |decision: &approvals::Decision| decision.by.id == by.id;
    approval.decided_state() == Some(verdict.state())
        && approval.decision.as_ref().is_some_and(same)
}

pub(super) fn not_own(member: &StaffMember, quote: &RefundQuote) -> Result<(), StaffActError> {
    let own = quote.person_no.eq_ignore_ascii_case(&member.staff_no);
    if own { Err(StaffActError::OwnMoney) } else { Ok(()) }
}
