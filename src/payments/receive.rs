//! Receiving a provider's message: checked, recorded, settled and committed before it is answered.

use super::{
    Payments, count_settled,
    gateway::{
        Evidence, Headers, KeptHeaders, NamedPayment, NotificationRefused, Notified,
        PaymentGateway, Provider, RawNotification, RefundFact,
    },
    news,
    refunds::{IncomingRefund, RefundVerdict},
    settle::{IncomingFact, Origin, SettleError, Verdict},
};
use crate::{
    base::{db::DbError, ids::SchoolId, lane::LaneError, write_point},
    orders::{self, ReceivedMessage},
};
use std::sync::Arc;

/// Why a provider's message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// No such school, or it does not use this provider.
    #[error("no such callback")]
    NoSuchCallback,
    /// The message failed a check.
    #[error(transparent)]
    Refused(#[from] NotificationRefused),
    /// It could not be committed: the provider must send it again.
    #[error(transparent)]
    Settle(#[from] LaneError<SettleError>),
    /// Likewise, of a refund.
    #[error(transparent)]
    Refund(#[from] SettleError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What became of a message that pays nothing by itself.
#[derive(Clone, Copy, Debug)]
enum Recorded {
    /// It speaks of a refund: the provider is asked how the payment stands.
    Refunded,
    /// It says that a payment was closed: the provider is asked likewise.
    Closed,
    /// Nothing follows from it.
    Ignored,
}

impl Recorded {
    const fn code(self) -> &'static str {
        match self {
            Self::Refunded => "refunded",
            Self::Closed => "closed",
            Self::Ignored => "ignored",
        }
    }

    const fn asks(self) -> bool {
        match self {
            Self::Refunded | Self::Closed => true,
            Self::Ignored => false,
        }
    }
}

/// A school's callback at which a message arrives whose headers are good. Its body may be received.
#[derive(Debug)]
pub struct OpenCallback {
    school: SchoolId,
    gateway: Arc<dyn PaymentGateway>,
    refunds_only: bool,
}

impl OpenCallback {
    /// The address of refunds alone: a payment's message is refused there.
    pub fn of_refunds(self) -> Self {
        Self { refunds_only: true, ..self }
    }
}

/// A checked message at a school's callback path.
struct Arrived {
    school: SchoolId,
    provider: Provider,
    notification_id: String,
    evidence: Evidence,
}

impl Arrived {
    fn message<'a>(
        &'a self,
        about: &'a NamedPayment,
        verdict: &'static str,
        ask: bool,
    ) -> ReceivedMessage<'a> {
        ReceivedMessage {
            school: self.school,
            provider: self.provider,
            notification_id: &self.notification_id,
            out_trade_no: &about.out_trade_no,
            transaction_id: &about.transaction_id,
            verdict,
            body: &self.evidence.body,
            headers: self.evidence.headers.to_text(),
            received_at: self.evidence.checked_at,
            ask,
        }
    }
}

impl Payments {
    /// Checks what can be checked of a provider's message before its body is received.
    pub async fn open_callback(
        &self,
        school_code: &str,
        provider: Provider,
        headers: &dyn Headers,
    ) -> Result<OpenCallback, ReceiveError> {
        let found = self.schools.by_code(school_code).await?;
        let school = found.ok_or(ReceiveError::NoSuchCallback)?;
        let gateway = self.gateways.of(&school.code, provider);
        let gateway = gateway.ok_or(ReceiveError::NoSuchCallback)?;
        gateway.verify_head(headers, self.clock.now())?;
        Ok(OpenCallback { school: school.id, gateway: Arc::clone(gateway), refunds_only: false })
    }

    /// Takes a provider's message. It is committed when this returns.
    pub async fn receive(
        &self,
        callback: &OpenCallback,
        raw: &RawNotification<'_>,
    ) -> Result<(), ReceiveError> {
        let OpenCallback { school, gateway, refunds_only } = callback;
        let now = self.clock.now();
        let (notification_id, notified) = gateway.verify(raw, now)?.into_parts();
        if *refunds_only && matches!(notified, Notified::Paid(_) | Notified::Closed(_)) {
            return Err(NotificationRefused::AnotherAddress.into());
        }
        let headers = KeptHeaders::of(raw.headers, gateway.signed_headers());
        let evidence = Evidence { headers, body: raw.body.to_vec(), checked_at: now };
        let (school, provider) = (*school, gateway.provider());
        let arrived = Arrived { school, provider, notification_id, evidence };
        let verdict = match notified {
            Notified::Paid(fact) => {
                let Arrived { school, notification_id, evidence, .. } = arrived;
                let origin = Origin::Message { notification_id, evidence };
                self.settle_message(IncomingFact { school, fact, origin }).await?
            }
            Notified::Refund(fact) => self.settle_refund_message(&arrived, fact).await?,
            Notified::Refunded(about) => self.record(&arrived, &about, Recorded::Refunded).await?,
            Notified::Closed(about) => self.record(&arrived, &about, Recorded::Closed).await?,
            Notified::Nothing => {
                self.record(&arrived, &NamedPayment::default(), Recorded::Ignored).await?
            }
        };
        metrics::counter!("onecard_callbacks_total", "verdict" => verdict).increment(1);
        Ok(())
    }

    async fn settle_message(&self, incoming: IncomingFact) -> Result<&'static str, ReceiveError> {
        let verdict = self.settling.submit(incoming).await?;
        match verdict {
            Verdict::Settled => count_settled("callback"),
            // The message alone is not believed; the sweep asks the provider.
            Verdict::Disagrees => self.wake.notify_one(),
            Verdict::AlreadySettled | Verdict::Suspense => {}
        }
        Ok(verdict.code())
    }

    /// Posts what a message says of a refund, and stores it. If its payment is not known to be paid, the
    /// provider is asked, and then it is posted.
    async fn settle_refund_message(
        &self,
        arrived: &Arrived,
        fact: RefundFact,
    ) -> Result<&'static str, ReceiveError> {
        let about = NamedPayment {
            out_trade_no: fact.out_trade_no.clone(),
            transaction_id: fact.transaction_id.clone(),
            ..NamedPayment::default()
        };
        let incoming = IncomingRefund { fact, evidence: arrived.evidence.clone(), asked: false };
        let settling = self.db.in_tx(async |tx| -> Result<RefundVerdict, SettleError> {
            let now = self.clock.now();
            let verdict = news::settle_refund(tx, &self.telling, &incoming, now).await?;
            let ask = verdict == RefundVerdict::Unpaid;
            let messages = [arrived.message(&about, verdict.code(), ask)];
            orders::save(tx, &[], &messages, Vec::new()).await?;
            Ok(verdict)
        });
        let verdict = write_point::within("refund", settling).await?;
        match verdict {
            RefundVerdict::Settled => {
                self.sealer.notify_one();
                // The next refund of the payment need not wait for this one any more.
                self.outbox.notify_one();
            }
            RefundVerdict::Unpaid => self.wake.notify_one(),
            RefundVerdict::Nothing | RefundVerdict::Disagrees => {}
        }
        Ok(verdict.code())
    }

    /// Stores a message that pays nothing by itself.
    async fn record(
        &self,
        arrived: &Arrived,
        about: &NamedPayment,
        recorded: Recorded,
    ) -> Result<&'static str, ReceiveError> {
        let messages = [arrived.message(about, recorded.code(), recorded.asks())];
        let recording =
            self.db.in_tx(async |tx| orders::save(tx, &[], &messages, Vec::new()).await);
        write_point::within("record", recording).await?;
        if recorded.asks() {
            self.wake.notify_one();
        }
        Ok(recorded.code())
    }
}
