//! The ending of refunds that a provider refuses for ever: one person asks, another approves, and
//! between them the provider says that it does not know the refund.

use super::{
    StaffDesk,
    refund_desk::EndedRefund,
    refunds::StaffRefund,
    requests::{NewRequest, Requests, StaffActError, digest},
};
use crate::{
    approvals::{Approval, ApprovalKind},
    base::db::Tx,
    staff_accounts::StaffMember,
};
use uuid::Uuid;

/// A request to end a refund, as it is asked.
#[derive(Clone, Debug)]
pub struct EndingAsk {
    /// Which.
    pub refund: Uuid,
    /// Why.
    pub reason: String,
    /// The idempotency key.
    pub key: String,
}

impl EndingAsk {
    fn digest(&self) -> [u8; 32] {
        digest(&format!("refund_end|{}|", self.refund), &self.reason)
    }
}

impl StaffDesk {
    /// Asks that a refund be ended. The same key and request again is the same request.
    pub async fn ask_ending(
        &self,
        member: &StaffMember,
        ask: &EndingAsk,
    ) -> Result<StaffRefund, StaffActError> {
        let (requests, digest) = (self.requests(member), ask.digest());
        if let Some(approval) = requests.asked_before(&ask.key, &digest).await? {
            return self.with_standing(approval).await;
        }
        let quote = self.refunds.endable(member.school, ask.refund).await?;
        requests.check_not_own(&quote)?;
        let request = NewRequest {
            kind: ApprovalKind::RefundEnd,
            subject: ask.refund,
            digest,
            amount: quote.refundable,
            reason: &ask.reason,
            key: &ask.key,
        };
        self.with_standing(requests.ask(request).await?).await
    }

    /// Approves such a request: the refund ends in the same commit, after its provider was asked.
    pub(super) async fn approve_ending(
        &self,
        requests: &Requests<'_>,
        asked: &Approval,
        why: &str,
    ) -> Result<Approval, StaffActError> {
        let refund = asked.subject;
        requests.may_approve(asked).await?;
        let quote = self.refunds.endable(requests.member.school, refund).await?;
        requests.check_not_own(&quote)?;
        let sent_at = self.refunds.ask_before_ending(refund).await?;
        let end = async |tx: &Tx, locked: &Approval, now| {
            let (approval, school) = (locked.id, locked.school);
            let ended = EndedRefund { approval, school, refund, sent_at };
            self.refunds.end(tx, ended, now).await?;
            Ok(Some(refund))
        };
        requests.approve(asked.id, why, end).await
    }
}
