//! Refunds that staff ask for: one person asks, another approves.

use super::{
    StaffDesk,
    refund_desk::{ApprovedRefund, RefundQuote, RefundRefusal, RefundTarget},
    requests::{NewRequest, RequestRules, Requests, StaffActError, digest},
    standing::MoneyStanding,
};
use crate::{
    approvals::{Approval, ApprovalId, ApprovalKind, ApprovalQuery, ApprovalVerdict},
    base::{
        db::{Keyset, Tx},
        money::Fen,
    },
    orders::order::{OrderId, PaymentId},
    staff_accounts::{StaffAct, StaffMember},
};
use uuid::Uuid;

/// What its requests are, and who may ask and decide.
pub(super) static RULES: RequestRules = RequestRules {
    kinds: &[ApprovalKind::Refund, ApprovalKind::RefundEnd],
    ask: StaffAct::AskRefund,
    decide: StaffAct::DecideRefund,
};

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
    pub standing: Option<MoneyStanding>,
}

impl RefundAsk {
    fn digest(&self) -> [u8; 32] {
        let (kind, id) = match self.target {
            RefundTarget::Order(order) => ("order", order.uuid()),
            RefundTarget::Payment(payment) => ("payment", payment.uuid()),
        };
        digest(&format!("refund|{kind}|{id}|{}|", self.amount.get()), &self.reason)
    }
}

impl StaffDesk {
    /// Asks for a refund. Nothing is posted. The same key and request again is the same request.
    pub async fn ask_refund(
        &self,
        member: &StaffMember,
        ask: &RefundAsk,
    ) -> Result<StaffRefund, StaffActError> {
        let (requests, digest) = (self.requests(member), ask.digest());
        if let Some(approval) = requests.asked_before(&ask.key, &digest).await? {
            return self.with_standing(approval).await;
        }
        let quote = self.refunds.quote(member.school, ask.target).await?;
        requests.check_not_own(&quote)?;
        if ask.amount > quote.refundable {
            return Err(RefundRefusal::TooMuch { refundable: quote.refundable }.into());
        }
        let request = NewRequest {
            kind: ApprovalKind::Refund,
            subject: quote.payment.uuid(),
            digest,
            amount: ask.amount,
            reason: &ask.reason,
            key: &ask.key,
        };
        self.with_standing(requests.ask(request).await?).await
    }

    /// Approves a request: the money is held and the refund enqueued in the same commit. A request to end
    /// a refund is approved as [`endings`](super::endings) says.
    pub async fn approve_refund(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<StaffRefund, StaffActError> {
        let requests = self.requests(member);
        let asked = requests.find(id).await?;
        if requests.is_repeat(&asked, ApprovalVerdict::Approve) {
            return self.with_standing(asked).await;
        }
        let approved = match asked.kind {
            ApprovalKind::RefundEnd => self.approve_ending(&requests, &asked, why).await?,
            ApprovalKind::BillRepair
            | ApprovalKind::AdjustUp
            | ApprovalKind::AdjustDown
            | ApprovalKind::PasswordReset
            | ApprovalKind::StaffRoles
            | ApprovalKind::StaffFactor
            | ApprovalKind::PolicyChange => {
                return Err(StaffActError::NotFound);
            }
            ApprovalKind::Refund => {
                let payment = RefundTarget::Payment(PaymentId::from_uuid(asked.subject));
                // Whose money it is does not change, so it may be asked outside the transaction.
                requests.check_not_own(&self.refunds.quote(member.school, payment).await?)?;
                let make = async |tx: &Tx, locked: &Approval, now| {
                    Ok(Some(self.refunds.make(tx, &approved(locked), now).await?))
                };
                requests.approve(id, why, make).await?
            }
        };
        self.refunds.made();
        self.with_standing(approved).await
    }

    /// Rejects a request.
    pub async fn reject_refund(
        &self,
        member: &StaffMember,
        id: ApprovalId,
        why: &str,
    ) -> Result<StaffRefund, StaffActError> {
        self.with_standing(self.requests(member).reject(id, why).await?).await
    }

    /// Takes a request back.
    pub async fn withdraw_refund(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<StaffRefund, StaffActError> {
        self.with_standing(self.requests(member).withdraw(id).await?).await
    }

    /// A request of the member's school.
    pub async fn refund(
        &self,
        member: &StaffMember,
        id: ApprovalId,
    ) -> Result<StaffRefund, StaffActError> {
        self.with_standing(self.requests(member).find(id).await?).await
    }

    /// What a request is about, with what could be refunded now; `None` where there is nothing to be refunded or
    /// ended any more.
    pub async fn refund_quote(
        &self,
        member: &StaffMember,
        asked: &Approval,
    ) -> Result<Option<RefundQuote>, StaffActError> {
        let quoted = if asked.kind == ApprovalKind::RefundEnd {
            self.refunds.endable(member.school, asked.subject).await
        } else {
            let payment = RefundTarget::Payment(PaymentId::from_uuid(asked.subject));
            self.refunds.quote(member.school, payment).await
        };
        match quoted {
            Ok(quote) => Ok(Some(quote)),
            Err(error @ (RefundRefusal::Db(_) | RefundRefusal::Failed(_))) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// How many of them there are, among the first `most`.
    pub async fn count_refunds(
        &self,
        member: &StaffMember,
        query: &ApprovalQuery,
        most: u32,
    ) -> Result<u64, StaffActError> {
        self.requests(member).count(query, most).await
    }

    /// A page of requests of the member's school, with the orders that they are about: two queries.
    pub async fn refunds(
        &self,
        member: &StaffMember,
        query: &ApprovalQuery,
        page: Keyset,
    ) -> Result<Vec<(StaffRefund, Option<OrderId>)>, StaffActError> {
        let page = self.requests(member).page(query, page).await?;
        let made: Vec<Uuid> = page.iter().filter_map(made_by).collect();
        let payments = page.iter().filter(|approval| approval.kind == ApprovalKind::Refund);
        let payments: Vec<Uuid> = payments.map(|approval| approval.subject).collect();
        let money = self.refunds.listed(&made, &payments).await?;
        let listed = |approval: Approval| {
            let standing = made_by(&approval).and_then(|refund| money.get(&refund)?.0);
            let order = money.get(&approval.subject).map(|(_, order)| *order);
            (StaffRefund { approval, standing }, order)
        };
        Ok(page.into_iter().map(listed).collect())
    }

    pub(super) fn requests<'a>(&'a self, member: &'a StaffMember) -> Requests<'a> {
        Requests { db: &self.db, clock: &*self.clock, member, rules: &RULES }
    }

    pub(super) async fn with_standing(
        &self,
        approval: Approval,
    ) -> Result<StaffRefund, StaffActError> {
        let Some(refund) = made_by(&approval) else {
            return Ok(StaffRefund { approval, standing: None });
        };
        let standings = self.refunds.standings(&[refund]).await?;
        Ok(StaffRefund { approval, standing: standings.get(&refund).copied() })
    }
}

/// The refund that an approval made, or that is to be ended.
fn made_by(approval: &Approval) -> Option<Uuid> {
    match approval.kind {
        ApprovalKind::Refund => approval.decision.as_ref().and_then(|decision| decision.result),
        ApprovalKind::RefundEnd => Some(approval.subject),
        ApprovalKind::BillRepair
        | ApprovalKind::AdjustUp
        | ApprovalKind::AdjustDown
        | ApprovalKind::PasswordReset
        | ApprovalKind::StaffRoles
        | ApprovalKind::StaffFactor
        | ApprovalKind::PolicyChange => None,
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
