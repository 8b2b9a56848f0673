//! Asking the provider about a message that is not believed by itself, and about the refund that it
//! reports.

use super::{
    PaymentError, Payments,
    gateway::{
        Evidence, KeptHeaders, NamedPayment, Notified, PaidFact, PaymentGateway, ProviderState,
        RawNotification, RefundNumbers, RefundOutcome, RefundState,
    },
    refunds::{self, IncomingRefund, RefundVerdict, ToldTotal},
    settle::{IncomingFact, Origin, Settled, Settling, Verdict},
};
use crate::{
    base::{ids::SchoolId, money::Fen, write_point},
    orders::due::{self, Inquiry},
};
use std::{sync::Arc, time::Duration};

/// How long the provider is asked about a message. After that only the case remains.
const ASKED_FOR: Duration = Duration::from_hours(24);

/// What a kept message says of a refund.
enum ToldRefund {
    /// Nothing.
    Nothing,
    /// That it is done.
    Done(Box<IncomingRefund>),
    /// That there was one: how it stands is to be asked for.
    Reported(NamedPayment),
}

impl ToldRefund {
    /// Reads a kept message again.
    fn of(gateway: &dyn PaymentGateway, inquiry: &Inquiry) -> Self {
        let headers = KeptHeaders::parse(&inquiry.headers);
        let raw = RawNotification { headers: &headers, body: &inquiry.body };
        let checked_at = inquiry.received_at;
        let verified = gateway.verify(&raw, checked_at);
        match verified.map(|verified| verified.into_parts().1) {
            Ok(Notified::Refund(fact)) if matches!(fact.outcome, RefundOutcome::Done { .. }) => {
                let evidence = Evidence { headers, body: inquiry.body.clone(), checked_at };
                Self::Done(Box::new(IncomingRefund { fact, evidence, asked: false }))
            }
            Ok(Notified::Refunded(about)) => Self::Reported(about),
            Ok(
                Notified::Refund(_) | Notified::Paid(_) | Notified::Closed(_) | Notified::Nothing,
            )
            | Err(_) => Self::Nothing,
        }
    }

    const fn is_some(&self) -> bool {
        match self {
            Self::Done(_) | Self::Reported(_) => true,
            Self::Nothing => false,
        }
    }

    const fn total(&self) -> Option<Fen> {
        match self {
            Self::Reported(about) => about.given_back,
            Self::Done(_) | Self::Nothing => None,
        }
    }
}

impl Payments {
    /// Asks the provider about a message that is not believed by itself.
    pub(super) async fn ask_about(&self, inquiry: &Inquiry) {
        let now = self.clock.now();
        let old = now.distance(inquiry.received_at) > ASKED_FOR;
        let again = || (!old).then(|| self.pace.again(inquiry.received_at, now));
        let next = match Box::pin(write_point::within("ask", self.answer_to(inquiry, old))).await {
            Ok(true) => None,
            Ok(false) => again(),
            Err(error) => {
                tracing::warn!(%error, message = %inquiry.message, "the provider could not be asked");
                again()
            }
        };
        let planning = due::ask_again(&self.db, inquiry, next);
        if let Err(error) = write_point::within("ask again", planning).await {
            // It is due again when its lease ends.
            tracing::error!(%error, "a message's next inquiry could not be stored");
        }
    }

    /// Asks, and settles what is answered. False if that does not explain what the message says: it is
    /// to be asked again, unless this is the `last` time.
    async fn answer_to(&self, inquiry: &Inquiry, last: bool) -> Result<bool, PaymentError> {
        let school = self.schools.require(inquiry.school).await?;
        let gateway = self.gateways.of(&school.code, inquiry.provider);
        let gateway = gateway.ok_or(PaymentError::FundingUnavailable)?;
        let told = ToldRefund::of(gateway.as_ref(), inquiry);
        let state = gateway.query(&inquiry.out_trade_no, self.clock.now()).await?;
        let (fact, evidence, refunded) = match state {
            ProviderState::Paid(fact, evidence) => (fact, evidence, None),
            ProviderState::Refunded(fact, evidence, total) => (fact, evidence, Some(total)),
            // A refund may be heard of before its payment is to be seen.
            ProviderState::NotPaid | ProviderState::Closed | ProviderState::Unknown => {
                if last && told.is_some() {
                    self.unexplained(school.id, inquiry).await?;
                }
                return Ok(!told.is_some());
            }
        };
        let total = told.total().max(refunded.flatten());
        let refund = self.refund_of(gateway.as_ref(), told, &fact).await?;
        let of_payment = ToldTotal::of(&fact, total);
        let origin = if refunded.is_some() && refund.is_none() {
            Origin::RefundedAnswer(evidence)
        } else {
            // How much of it was given back is known from the refund.
            Origin::Answer(evidence)
        };
        let incoming = IncomingFact { school: school.id, fact, origin };
        let settled = match &refund {
            Some(refund) => self.settle_both(incoming, refund).await?,
            None => self.settle_one(incoming).await?,
        };
        Ok(self.compare_refunds(&of_payment).await? && settled)
    }

    /// The refund that a message reports, as the provider answers about it.
    async fn refund_of(
        &self,
        gateway: &dyn PaymentGateway,
        told: ToldRefund,
        paid: &PaidFact,
    ) -> Result<Option<IncomingRefund>, PaymentError> {
        let about = match told {
            ToldRefund::Nothing => return Ok(None),
            ToldRefund::Done(refund) => return Ok(Some(*refund)),
            ToldRefund::Reported(about) if about.out_refund_no.is_empty() => return Ok(None),
            ToldRefund::Reported(about) => about,
        };
        let numbers = RefundNumbers {
            out_refund_no: about.out_refund_no,
            out_trade_no: paid.out_trade_no.clone(),
            transaction_id: paid.transaction_id.clone(),
        };
        Ok(match gateway.query_refund(&numbers, self.clock.now()).await? {
            RefundState::Known(fact, evidence) => {
                Some(IncomingRefund { fact, evidence, asked: true })
            }
            RefundState::Unknown => None,
        })
    }

    async fn settle_one(&self, incoming: IncomingFact) -> Result<bool, PaymentError> {
        if self.settling.submit(incoming).await? == Verdict::Settled {
            super::count_settled("sweep");
        }
        Ok(true)
    }

    /// The full receipt and then the refund, in one commit. False if the refund could not be settled yet.
    async fn settle_both(
        &self,
        incoming: IncomingFact,
        refund: &IncomingRefund,
    ) -> Result<bool, PaymentError> {
        let settling = Settling {
            db: self.db.clone(),
            clock: Arc::clone(&self.clock),
            sealer: Arc::clone(&self.sealer),
            sweep: Arc::clone(&self.wake),
            outbox: Arc::clone(&self.outbox),
            telling: self.telling.clone(),
        };
        let incoming = [incoming];
        let both = settling.settle_with(&incoming, Some(refund));
        let settled = write_point::within("settle", both).await?;
        settling.wake(&settled);
        // The next refund of the payment need not wait for this one any more.
        self.outbox.notify_one();
        let Settled { verdicts, refund, .. } = settled;
        if verdicts.contains(&Verdict::Settled) {
            super::count_settled("sweep");
        }
        Ok(refund != Some(RefundVerdict::Unpaid))
    }

    /// Compares what the provider says was given back with the refunds that are known. False if some of
    /// it is not explained.
    pub(super) async fn compare_refunds(&self, told: &ToldTotal) -> Result<bool, PaymentError> {
        let now = self.clock.now();
        let comparing = self.db.in_tx(async |tx| refunds::compare(tx, told, now).await);
        Ok(write_point::within("compare refunds", comparing).await?)
    }

    /// Nobody is asked any more: staff have to look.
    async fn unexplained(&self, school: SchoolId, inquiry: &Inquiry) -> Result<(), PaymentError> {
        let now = self.clock.now();
        let opening =
            self.db.in_tx(async |tx| refunds::open_unpaid(tx, (school, inquiry), now).await);
        Ok(write_point::within("compare refunds", opening).await?)
    }
}
