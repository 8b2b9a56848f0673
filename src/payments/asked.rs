//! Asking a provider about one payment or refund by its number, whatever its state here.

use super::{
    PaymentError, Payments, count_settled,
    gateway::{Provider, ProviderState, RefundNumbers, RefundOutcome, RefundState},
    refunds::{IncomingRefund, RefundVerdict, ToldTotal},
    settle::{IncomingFact, Origin, Verdict},
};
use crate::schools::School;

impl Payments {
    /// Asks the provider how a payment stands and settles its answer as any other. True if the
    /// payment is credited now, or was meanwhile.
    pub async fn settle_by_answer(
        &self,
        school: &School,
        provider: Provider,
        out_trade_no: &str,
    ) -> Result<bool, PaymentError> {
        let gateway = self.gateways.of(&school.code, provider);
        let gateway = gateway.ok_or(PaymentError::FundingUnavailable)?;
        let (fact, origin, told) = match gateway.query(out_trade_no, self.clock.now()).await? {
            ProviderState::Paid(fact, evidence) => (fact, Origin::Answer(evidence), None),
            ProviderState::Refunded(fact, evidence, total) => {
                let told = ToldTotal::of(&fact, total);
                (fact, Origin::RefundedAnswer(evidence), Some(told))
            }
            ProviderState::NotPaid | ProviderState::Closed | ProviderState::Unknown => {
                return Ok(false);
            }
        };
        let incoming = IncomingFact { school: school.id, fact, origin };
        let verdict = self.settling.submit(incoming).await?;
        if let Some(told) = told {
            self.compare_refunds(&told).await?;
        }
        match verdict {
            Verdict::Settled => {
                count_settled("bill");
                Ok(true)
            }
            Verdict::AlreadySettled => Ok(true),
            Verdict::Suspense | Verdict::Disagrees => Ok(false),
        }
    }

    /// Asks the provider how a refund of one of our payments stands, whoever made it, and settles its
    /// answer as any other. True if it has ended and is posted now, or was meanwhile.
    pub async fn settle_refund_by_answer(
        &self,
        school: &School,
        provider: Provider,
        numbers: &RefundNumbers,
    ) -> Result<bool, PaymentError> {
        let gateway = self.gateways.of(&school.code, provider);
        let gateway = gateway.ok_or(PaymentError::FundingUnavailable)?;
        let (fact, evidence) = match gateway.query_refund(numbers, self.clock.now()).await? {
            RefundState::Known(fact, evidence) => (fact, evidence),
            RefundState::Unknown => return Ok(false),
        };
        let has_ended = match fact.outcome {
            RefundOutcome::Done { .. } | RefundOutcome::Closed => true,
            RefundOutcome::Processing | RefundOutcome::Abnormal => false,
        };
        let incoming = IncomingRefund { fact, evidence, asked: true };
        Ok(match self.settle_refund(&incoming).await? {
            RefundVerdict::Settled => true,
            RefundVerdict::Nothing => has_ended,
            RefundVerdict::Disagrees | RefundVerdict::Unpaid => false,
        })
    }
}
