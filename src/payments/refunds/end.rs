//! The ending of a refund that the provider refuses for ever, by two persons: only where the provider
//! says that it does not know it, and has had time to.

use super::{IncomingRefund, OF_OPEN, RefundError, ask::locked_refund, subject};
use crate::{
    base::{clock::Timestamp, db::Tx},
    cases, ledger,
    orders::{
        self,
        refund::{Refund, RefundId, RefundProgress},
        refunds,
    },
    payments::{
        Payments,
        gateway::{RefundNumbers, RefundState},
        news,
        plan::{CASE, OF_SURPLUS},
        postings,
    },
};
use std::time::Duration;
use uuid::Uuid;

/// How long after it was last sent a refund may be ended. A call of ours has ended long before.
const ENDABLE_AFTER: Duration = Duration::from_mins(2);

/// An ending that two persons agreed on.
#[derive(Clone, Copy, Debug)]
pub struct RefundEnding {
    /// The refund.
    pub refund: RefundId,
    /// The request.
    pub approval: Uuid,
    /// When it had last been sent as the provider was asked: it must not have been sent again.
    pub sent_at: Option<Timestamp>,
}

impl Payments {
    /// Asks the provider about a refund that is to be ended. An error unless it says that it does not
    /// know the refund, or had closed it before; what else it says is settled.
    pub async fn ask_before_ending(&self, id: RefundId) -> Result<Refund, RefundError> {
        let refund = self.endable(id).await?;
        if refund.progress != RefundProgress::Sent {
            return Ok(refund);
        }
        let read = async |tx: &Tx| orders::read(tx, refund.payment).await;
        let attempt = self.db.in_snapshot(read).await?.ok_or(RefundError::NotFound)?;
        let silent = |error: &dyn std::fmt::Display| {
            tracing::warn!(%error, refund = %id, "the provider could not be asked about a refund");
            RefundError::Silent
        };
        let gateway = self.gateway_of(&attempt).await.map_err(|error| silent(&error))?;
        let numbers = RefundNumbers {
            out_refund_no: refund.number.clone(),
            out_trade_no: refund.payment.out_trade_no(),
            transaction_id: refund.transaction_id.clone(),
        };
        let asked = gateway.query_refund(&numbers, self.clock.now()).await;
        match asked.map_err(|error| silent(&error))? {
            RefundState::Unknown => Ok(refund),
            RefundState::Known(fact, evidence) => {
                let incoming = IncomingRefund { fact, evidence, asked: true };
                self.settle_refund(&incoming).await.map_err(|error| silent(&error))?;
                Err(RefundError::KnownThere)
            }
        }
    }

    /// A refund that may be ended, as it stands.
    pub async fn endable(&self, id: RefundId) -> Result<Refund, RefundError> {
        let now = self.clock.now();
        self.db
            .in_snapshot(async |tx| {
                let payment = refunds::payment_of(tx, id).await?.ok_or(RefundError::NotFound)?;
                let known = refunds::of_payment(tx, payment).await?;
                let refund = known.iter().find(|refund| refund.id == id);
                let refund = refund.ok_or(RefundError::NotFound)?;
                refund.end(Uuid::nil(), &known, now).ok_or(RefundError::Decided)?;
                let since = refund.sent_at.unwrap_or(refund.created_at);
                if now.distance(since) < ENDABLE_AFTER {
                    return Err(RefundError::JustSent);
                }
                Ok(refund.clone())
            })
            .await
    }

    /// Ends a refund about which the provider was asked. What was held is the person's again; what was paid
    /// more than once is credited.
    pub async fn end_refund(
        tx: &Tx,
        ending: RefundEnding,
        now: Timestamp,
    ) -> Result<Refund, RefundError> {
        let (attempt, was) = locked_refund(tx, ending.refund).await?;
        if was.sent_at != ending.sent_at {
            return Err(RefundError::JustSent);
        }
        let known = refunds::of_payment(tx, was.payment).await?;
        let is = was.end(ending.approval, &known, now).ok_or(RefundError::Decided)?;
        let back =
            postings::refund_returned(&is).into_iter().chain(postings::surplus_credited(&is));
        for outcome in ledger::post_all(tx, now, &back.collect::<Vec<_>>()).await? {
            outcome.map_err(RefundError::Refused)?;
        }
        refunds::save(tx, &was, &is).await?;
        let mut over: Vec<String> = OF_OPEN.iter().map(|why| subject(&is, why)).collect();
        if is.is_credited() {
            let paid = is.paid_reference();
            over.extend(OF_SURPLUS.iter().map(|why| format!("{why}:{paid}")));
        }
        cases::close(tx, is.school, CASE, over, now).await?;
        news::tell_refund_end(tx, &attempt.order, &is, now).await?;
        Ok(is)
    }
}
