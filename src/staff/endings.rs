//! The ending of refunds that a provider refuses for ever: one person asks, another approves, and
//! between them the provider says that it does not know the refund.

use super::{
    StaffDesk,
    refund_desk::EndedRefund,
    refunds::{StaffActError, StaffRefund, is_repeat, locked, not_own, officer},
};
use crate::{
    approvals::{
        self, Approval, ApprovalError, ApprovalKind, ApprovalVerdict, NewApproval, Ruling,
    },
    staff_accounts::{self, StaffAct, StaffMember},
};
use sha2::{Digest, Sha256};
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
    /// SHA-256 of what is asked for, by which a repeat is recognised.
    fn digest(&self) -> [u8; 32] {
        let fixed = format!("refund_end|{}|", self.refund);
        Sha256::digest([fixed.as_bytes(), self.reason.as_bytes()].concat()).into()
    }
}

impl StaffDesk {
    /// Asks that a refund be ended. The same key and request again is the same request.
    pub async fn ask_ending(
        &self,
        member: &StaffMember,
        ask: &EndingAsk,
    ) -> Result<StaffRefund, StaffActError> {
        let (by, digest, now) = (officer(member), ask.digest(), self.clock.now());
        let before = approvals::asked_before(&self.db, &by, &ask.key, &digest).await?;
        if let Some(approval) = before {
            return self.with_stage(approval).await;
        }
        let quote = self.refunds.endable(member.school, ask.refund).await?;
        not_own(member, &quote)?;
        let new = NewApproval {
            school: member.school,
            kind: ApprovalKind::RefundEnd,
            subject: ask.refund,
            request_digest: digest,
            amount: quote.refundable,
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

    /// Approves such a request: the refund ends in the same commit, after its provider was asked.
    pub(super) async fn approve_ending(
        &self,
        member: &StaffMember,
        asked: Approval,
        why: &str,
    ) -> Result<StaffRefund, StaffActError> {
        let by = officer(member);
        if is_repeat(&asked, ApprovalVerdict::Approve, &by) {
            return self.with_stage(asked).await;
        }
        asked
            .check(ApprovalVerdict::Approve, &by, self.clock.now())
            .map_err(ApprovalError::from)?;
        let refund = asked.subject;
        not_own(member, &self.refunds.endable(member.school, refund).await?)?;
        let sent_at = self.refunds.ask_before_ending(refund).await?;
        let now = self.clock.now();
        let db = self.db.clone().acting_as(member.actor(why));
        let decided = db
            .in_tx(async |tx| {
                let locked = locked(
                    tx,
                    member,
                    (&[ApprovalKind::RefundEnd], asked.id),
                    (StaffAct::DecideRefund, now),
                )
                .await?;
                locked.check(ApprovalVerdict::Approve, &by, now).map_err(ApprovalError::from)?;
                let (approval, school) = (locked.id, locked.school);
                let ended = EndedRefund { approval, school, refund, sent_at };
                self.refunds.end(tx, ended, now).await?;
                let (verdict, result) = (ApprovalVerdict::Approve, Some(refund));
                let ruling = Ruling { verdict, by: &by, why, result };
                Ok::<_, StaffActError>(approvals::decide(tx, &locked, ruling, now).await?)
            })
            .await?;
        self.refunds.made();
        self.with_stage(decided).await
    }
}
