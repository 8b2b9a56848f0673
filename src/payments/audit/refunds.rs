//! What explains the postings of refunds. Law: money is held for each approved refund of a person's
//! money, goes to the provider for each that is done, and is the person's again for each that failed; each
//! exactly as its refund says. Behind each end that the provider told stands a message or an answer whose
//! signature still verifies, and no more of a payment is back than it was for.

use super::same;
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::SchoolId,
    },
    ledger::{
        transfer::{Kind, Record, Transfer},
        verify::{Explains, Explanation, RowCounts, not_posted},
    },
    orders::{
        fact::RefundOutcome,
        refund::{Refund, RefundId, RefundProgress},
        refunds::audit::{self, KeptRefund},
    },
    payments::{
        gateway::{
            KeptHeaders, Notified, PaymentGateway, RawNotification, RefundFact, RefundNumbers,
            RefundState,
        },
        gateways::Gateways,
        postings::{self, REFUND_HELD, REFUND_RETURNED, REFUNDED, SURPLUS_CREDITED},
    },
};
use async_trait::async_trait;
use std::{collections::HashMap, sync::Arc};

/// The most rows that are named.
const NAMED: usize = 1000;

/// Refunds, as `verify` asks about them.
#[derive(Clone, Debug)]
pub struct RefundsExplain {
    /// Check the signatures of the providers again.
    pub gateways: Arc<Gateways>,
}

#[async_trait]
impl Explains for RefundsExplain {
    fn title(&self) -> &'static str {
        "refunds and postings"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[REFUND_HELD, REFUNDED, REFUND_RETURNED, SURPLUS_CREDITED]
    }

    async fn explain(&self, tx: &Tx, transfers: &[&Record]) -> Result<Vec<Explanation>, DbError> {
        let ids: Vec<_> =
            transfers.iter().filter_map(|r| RefundId::from_number(&r.reference)).collect();
        let numbers = transfers.iter().flat_map(|record| Refund::numbers_in(&record.reference));
        let numbers: Vec<_> = numbers.map(str::to_owned).collect();
        let mut refunds = audit::by_ids(tx, &ids).await?;
        let of_ids: Vec<_> = refunds.iter().map(|refund| refund.number.clone()).collect();
        refunds.extend(audit::by_numbers(tx, numbers.clone()).await?);
        let kept = audit::kept(tx, [numbers, of_ids].concat()).await?;
        let found = FoundRefunds::of(&refunds, &kept);
        let explain = |record: &&Record| {
            let explained = self.compare(record, &found);
            explained.map_or_else(Explanation::Nothing, |()| Explanation::Row)
        };
        Ok(transfers.iter().map(explain).collect())
    }

    async fn rows(&self, tx: &Tx) -> Result<RowCounts, DbError> {
        let counted = audit::counts(tx).await?;
        let counts = counted.into_iter().flat_map(|(school, counts)| {
            [
                ((school, REFUND_HELD), counts.held),
                ((school, REFUNDED), counts.done),
                ((school, REFUND_RETURNED), counts.returned),
                ((school, SURPLUS_CREDITED), counts.credited),
            ]
        });
        Ok(counts.collect())
    }

    async fn unposted(&self, tx: &Tx) -> Result<Vec<String>, DbError> {
        let (mut found, mut after) = (Vec::new(), None);
        while found.len() < NAMED {
            let page = audit::after(tx, after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for kind in self.kinds().iter().copied() {
                let due = page.iter().filter_map(|refund| {
                    let posting = expected(kind.name(), refund).ok()?;
                    Some((posting.school, posting.reference))
                });
                let missing = not_posted(tx, kind, due).await?;
                found.extend(
                    missing.iter().map(|r| format!("refund {r}: {}, and not posted", kind.name())),
                );
            }
        }
        found.truncate(NAMED);
        Ok(found)
    }

    async fn contradictions(
        &self,
        tx: &Tx,
        _since: Option<Timestamp>,
    ) -> Result<Vec<String>, DbError> {
        let overdrawn = audit::overdrawn(tx).await?;
        let what =
            |id: &RefundId| format!("refund {id}: more is back of its payment than was paid");
        Ok(overdrawn.iter().map(what).collect())
    }
}

/// What a refund posts of this kind.
fn expected(kind: &str, refund: &Refund) -> Result<Transfer, String> {
    let nothing = || "its refund posts no such thing".to_owned();
    if kind == REFUND_HELD.name() {
        postings::refund_held(refund).ok_or_else(nothing)
    } else if kind == REFUND_RETURNED.name() {
        postings::refund_returned(refund).ok_or_else(nothing)
    } else if kind == SURPLUS_CREDITED.name() {
        postings::surplus_credited(refund).ok_or_else(nothing)
    } else {
        postings::refunded(refund).map_err(|error| error.to_string())?.ok_or_else(nothing)
    }
}

/// What was read for some transfers.
struct FoundRefunds<'a> {
    /// By the school and each reference that a refund posts under.
    refunds: HashMap<(SchoolId, String), &'a Refund>,
    /// What providers said, by the number of the refund and its transaction.
    kept: HashMap<(&'a str, &'a str), Vec<&'a KeptRefund>>,
}

impl<'a> FoundRefunds<'a> {
    fn of(refunds: &'a [Refund], kept: &'a [KeptRefund]) -> Self {
        let named = refunds.iter().flat_map(|refund| {
            [refund.id.number(), refund.reference()].map(|name| ((refund.school, name), refund))
        });
        let mut told: HashMap<_, Vec<_>> = HashMap::new();
        for one in kept {
            told.entry((one.number.as_str(), one.transaction_id.as_str())).or_default().push(one);
        }
        Self { refunds: named.collect(), kept: told }
    }
}

impl RefundsExplain {
    fn compare(&self, record: &Record, found: &FoundRefunds<'_>) -> Result<(), String> {
        let refund = found.refunds.get(&(record.school, record.reference.clone()));
        let refund = *refund.ok_or("posted, and no refund")?;
        same(record, &expected(&record.kind, refund)?, "its refund")?;
        // Money that is held, or that staff returned or credited, is no provider's to tell.
        let ours = [REFUND_HELD.name(), SURPLUS_CREDITED.name()];
        let told = refund.ended_by_provider && !ours.contains(&record.kind.as_str());
        let done = record.kind == REFUNDED.name();
        if told || done { self.confirm(refund, found) } else { Ok(()) }
    }

    /// Confirms that the provider said how the refund ended.
    fn confirm(&self, refund: &Refund, found: &FoundRefunds<'_>) -> Result<(), String> {
        let Refund { provider, merchant, .. } = refund;
        let gateways: Vec<_> = self.gateways.of_merchant(*provider, merchant).collect();
        if gateways.is_empty() {
            return Err(format!("merchant {merchant} is not configured: nothing can be checked"));
        }
        let mut why = "no message or answer of the provider is kept that says so";
        let ours = found.kept.get(&(refund.number.as_str(), refund.transaction_id.as_str()));
        for (one, gateway) in
            ours.into_iter().flatten().flat_map(|one| gateways.iter().map(move |g| (one, g)))
        {
            match reread(&***gateway, one) {
                Some(fact) if says(&fact, refund) => return Ok(()),
                Some(_) => why = "the provider says otherwise",
                None => {}
            }
        }
        Err(why.to_owned())
    }
}

/// Checks a message or an answer as of the time when it was first checked.
fn reread(gateway: &dyn PaymentGateway, kept: &KeptRefund) -> Option<RefundFact> {
    let headers = KeptHeaders::parse(&kept.headers);
    let raw = RawNotification { headers: &headers, body: &kept.body };
    if !kept.asked {
        let notified = gateway.verify(&raw, kept.received_at).ok()?.into_parts().1;
        return if let Notified::Refund(fact) = notified { Some(fact) } else { None };
    }
    let numbers = RefundNumbers {
        out_refund_no: kept.number.clone(),
        out_trade_no: kept.out_trade_no.clone(),
        transaction_id: kept.transaction_id.clone(),
    };
    match gateway.reread_refund(&raw, &numbers, kept.received_at).ok()? {
        RefundState::Known(fact, _) => Some(fact),
        RefundState::Unknown => None,
    }
}

/// Whether a fact says how the refund ended. One that was closed, and is done after all, is both.
fn says(fact: &RefundFact, refund: &Refund) -> bool {
    let same = fact.provider == refund.provider
        && fact.merchant == refund.merchant
        && fact.transaction_id == refund.transaction_id
        && fact.out_refund_no == refund.number
        && fact.amount == refund.amount;
    let outcome = match (fact.outcome, refund.progress) {
        (RefundOutcome::Done { at }, RefundProgress::Done { at: known }) => at == known,
        (RefundOutcome::Closed, RefundProgress::Failed { .. }) => true,
        (RefundOutcome::Closed, RefundProgress::Done { .. }) => refund.returned_at.is_some(),
        (
            RefundOutcome::Done { .. }
            | RefundOutcome::Closed
            | RefundOutcome::Processing
            | RefundOutcome::Abnormal,
            _,
        ) => false,
    };
    same && outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{crypto::rsa::testing::checked_signature, ids::PersonId, money::Fen},
        orders::{
            fact::{Provider, RefundClaim},
            order::{Attempt, Order, OrderId, OrderState, Payment, PaymentId, PaymentState},
            purpose::Purpose,
            refund::RefundSource,
        },
    };
    use uuid::Uuid;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
    const LATER: Timestamp = Timestamp::from_seconds(1_000_001);

    fn refund() -> Refund {
        let order = Order {
            id: OrderId::new(NOW),
            school: SchoolId::from_number(1),
            person: PersonId::new(NOW),
            purpose: Purpose::CardTopUp,
            amount: Fen::new(100).unwrap(),
            state: OrderState::Fulfilled { paid_at: NOW },
            created_at: NOW,
            expires_at: NOW,
        };
        let payment = Payment {
            id: PaymentId::new(NOW),
            provider: Provider::WechatPay,
            merchant: "190".into(),
            app_id: "wx".into(),
            payer: "o".into(),
            payer_user_id: None,
            amount: Fen::new(100).unwrap(),
            state: PaymentState::Paid { transaction_id: "42".into(), paid_at: NOW },
            created_at: NOW,
        };
        let (attempt, amount) = (Attempt { order, payment }, Fen::new(60).unwrap());
        let asked = Refund::asked(&attempt, RefundSource::EAccount, amount, (Uuid::nil(), NOW));
        Refund { progress: RefundProgress::Done { at: NOW }, ..asked.unwrap() }
    }

    fn claim(refund: &Refund) -> RefundClaim {
        RefundClaim {
            provider: refund.provider,
            merchant: refund.merchant.clone(),
            out_trade_no: refund.payment.out_trade_no(),
            transaction_id: refund.transaction_id.clone(),
            out_refund_no: refund.number.clone(),
            refund_id: "50".into(),
            amount: refund.amount,
            outcome: RefundOutcome::Done { at: NOW },
        }
    }

    #[test]
    fn a_fact_that_differs_anywhere_proves_no_refund() {
        let refund = refund();
        let truth = || claim(&refund);
        let says = |claim| says(&RefundFact::new(&checked_signature(), claim), &refund);
        assert!(says(truth()));
        assert!(says(RefundClaim { refund_id: "51".into(), ..truth() }), "ours does not have it");
        for lie in [
            RefundClaim { provider: Provider::Alipay, ..truth() },
            RefundClaim { merchant: "191".into(), ..truth() },
            RefundClaim { transaction_id: "43".into(), ..truth() },
            RefundClaim { out_refund_no: "another".into(), ..truth() },
            RefundClaim { amount: Fen::new(59).unwrap(), ..truth() },
            RefundClaim { outcome: RefundOutcome::Done { at: LATER }, ..truth() },
            RefundClaim { outcome: RefundOutcome::Closed, ..truth() },
            RefundClaim { outcome: RefundOutcome::Processing, ..truth() },
            RefundClaim { outcome: RefundOutcome::Abnormal, ..truth() },
        ] {
            assert!(!says(lie.clone()), "{lie:?}");
        }
    }
}
