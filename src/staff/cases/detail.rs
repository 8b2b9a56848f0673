//! A case with what is known of it: its order, its requests, where its money is, and what was done.

use super::{CaseDesk, CaseProposal, StaffCaseError, visible};
use crate::{
    approvals::{self, Approval, ApprovalState},
    audit::AuditLine,
    base::{clock::Timestamp, db::Source, money::Fen},
    cases::{CaseId, FoundCase},
    orders::{
        self,
        fact::Provider,
        order::{OrderId, PaymentId, PaymentState},
        purpose::Purpose,
    },
    schools::People,
    staff::{MoneyStanding, RefundRefusal, RefundTarget},
    staff_accounts::StaffMember,
};

/// The most entries of the audit log that stand beside a case.
const LINES: u16 = 200;

/// The order that a case is about.
#[derive(Clone, Debug)]
pub struct CaseOrder {
    /// The order.
    pub id: OrderId,
    /// What was ordered.
    pub purpose: Purpose,
    /// Its price.
    pub amount: Fen,
    /// Where the payment of the case was made.
    pub provider: Provider,
    /// The provider's number of that payment, once it is paid.
    pub transaction_id: Option<String>,
    /// 学号 or 工号 of who ordered.
    pub person_no: String,
}

/// A case with what is known of it.
#[derive(Clone, Debug)]
pub struct CaseDetail {
    /// The case.
    pub case: FoundCase,
    /// How it is proposed to end; `None` of a kind that this release does not know.
    pub proposal: Option<CaseProposal>,
    /// The order, if it is one of the school.
    pub order: Option<CaseOrder>,
    /// Where the money of its refund is.
    pub standing: Option<MoneyStanding>,
    /// What an ending of its refund would give back, if staff may ask for one now.
    pub endable: Option<Fen>,
    /// What can be asked back of its payment now.
    pub refundable: Option<Fen>,
    /// Requests about its money, oldest first.
    pub requests: Vec<Approval>,
    /// What members of staff did to it, oldest first.
    pub log: Vec<AuditLine>,
}

impl CaseDetail {
    /// Whether a request about its money waits for a second person.
    pub fn in_review(&self, now: Timestamp) -> bool {
        self.case.end.is_none() && waits(&self.requests, now)
    }

    /// Whether the provider can be asked about a refund of its payment that was made there.
    pub fn may_check(&self) -> bool {
        let facts = self.case.facts;
        facts.payment.is_some() && facts.refund.is_none() && self.case.reference().is_some()
    }

    /// Whether a text alone ends it: its refund, if it has one, holds no money.
    pub fn ends_by_text(&self, now: Timestamp) -> bool {
        !self.in_review(now) && !holds_money(&self.case, self.standing)
    }
}

/// Whether one of these requests waits for a second person.
pub(super) fn waits(requests: &[Approval], now: Timestamp) -> bool {
    requests.iter().any(|request| request.state_at(now) == ApprovalState::Requested)
}

/// Whether the refund of the case holds money until it ends.
pub(super) fn holds_money(case: &FoundCase, standing: Option<MoneyStanding>) -> bool {
    use MoneyStanding as M;
    let held = |standing: MoneyStanding| match standing {
        M::RefundAsked
        | M::RefundHeld
        | M::RefundSent
        | M::SurplusHeld
        | M::SurplusSent
        | M::Stuck => true,
        M::Unpaid
        | M::Unconfirmed
        | M::NotPaid
        | M::Undelivered
        | M::Delivered
        | M::PartlyBack
        | M::Back
        | M::Returned => false,
    };
    case.kind.is_some_and(CaseProposal::waits_for_refund) && standing.is_some_and(held)
}

impl CaseDesk {
    /// A case that the member may read, with what is known of it.
    pub async fn find(
        &self,
        member: &StaffMember,
        id: CaseId,
    ) -> Result<CaseDetail, StaffCaseError> {
        let found = FoundCase::find(&self.staff.db, member.school, id).await?;
        let case = visible(found, member)?;
        let subject = subject_of(id);
        let mut log = AuditLine::about(&self.staff.db, case.school, &subject, LINES).await?;
        log.reverse();
        Ok(CaseDetail {
            proposal: case.kind.map(CaseProposal::of),
            order: self.order_of(&case).await?,
            standing: self.standing_of(&case).await?,
            endable: self.endable(&case).await?,
            refundable: self.refundable(&case).await?,
            requests: self.requests_of(&case).await?,
            log,
            case,
        })
    }

    /// The order of the payment of a case.
    pub(super) async fn order_of(
        &self,
        case: &FoundCase,
    ) -> Result<Option<CaseOrder>, StaffCaseError> {
        let Some(payment) = case.facts.payment.map(PaymentId::from_uuid) else { return Ok(None) };
        let read = async |tx: &_| orders::read(tx, payment).await;
        let found = self.staff.db.in_snapshot(read).await?;
        let Some(attempt) = found.filter(|found| found.order.school == case.school) else {
            return Ok(None);
        };
        let (order, payment) = (attempt.order, attempt.payment);
        let source = Source::Db(&self.staff.db);
        let numbers = People::student_nos(source, order.school, &[order.person]).await?;
        Ok(Some(CaseOrder {
            id: order.id,
            purpose: order.purpose,
            amount: order.amount,
            provider: payment.provider,
            transaction_id: match payment.state {
                PaymentState::Paid { transaction_id, .. } => Some(transaction_id),
                PaymentState::Open | PaymentState::Closed => None,
            },
            person_no: numbers.get(&order.person).cloned().unwrap_or_default(),
        }))
    }

    /// Where the money of its refund is.
    pub(super) async fn standing_of(
        &self,
        case: &FoundCase,
    ) -> Result<Option<MoneyStanding>, StaffCaseError> {
        let Some(refund) = case.facts.refund else { return Ok(None) };
        Ok(self.staff.refunds.standings(&[refund]).await?.get(&refund).copied())
    }

    /// Requests about its payment and its refund.
    pub(super) async fn requests_of(
        &self,
        case: &FoundCase,
    ) -> Result<Vec<Approval>, StaffCaseError> {
        let about: Vec<_> = case.facts.payment.into_iter().chain(case.facts.refund).collect();
        if about.is_empty() {
            return Ok(Vec::new());
        }
        Ok(approvals::of_subjects(&self.staff.db, case.school, about).await?)
    }

    async fn endable(&self, case: &FoundCase) -> Result<Option<Fen>, StaffCaseError> {
        let ends = case.kind.map(CaseProposal::of) == Some(CaseProposal::EndRefund);
        let Some(refund) = case.facts.refund.filter(|_| ends) else { return Ok(None) };
        known(self.staff.refunds.endable(case.school, refund).await.map(|quote| quote.refundable))
    }

    async fn refundable(&self, case: &FoundCase) -> Result<Option<Fen>, StaffCaseError> {
        let back = case.kind.map(CaseProposal::of) == Some(CaseProposal::Refund);
        let Some(payment) = case.facts.payment.filter(|_| back) else { return Ok(None) };
        let target = RefundTarget::Payment(PaymentId::from_uuid(payment));
        known(self.staff.refunds.quote(case.school, target).await.map(|quote| quote.refundable))
    }
}

/// How much it is, or none where there is nothing to be asked for.
fn known(quoted: Result<Fen, RefundRefusal>) -> Result<Option<Fen>, StaffCaseError> {
    match quoted {
        Ok(amount) => Ok(Some(amount)),
        Err(error @ (RefundRefusal::Db(_) | RefundRefusal::Failed(_))) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// A case as entries of the audit log name it.
pub(super) fn subject_of(id: CaseId) -> String {
    format!("case {id}")
}
