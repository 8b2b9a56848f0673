//! Sends what was enqueued.

use super::{MessageOutcome, Messenger, ORDER_PAGE, StudentMessage, Telling, Told, failed};
use crate::{
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError, Tx},
        money::Fen,
        outbox::{Delivered, Delivers, Job},
    },
    orders::{
        self,
        order::{Attempt, PaymentId, PaymentState},
        refund::{RefundId, RefundProgress},
        refunds,
    },
    schools::School,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// A message that is older is not sent any more: who hears of it then is only alarmed.
const FRESH: Duration = Duration::from_hours(24);

/// Delivers the messages of one kind.
#[derive(Clone, Debug)]
pub struct MessageDelivery {
    /// What they tell.
    pub told: Told,
    /// Who sends them.
    pub telling: Telling,
    /// Payments and refunds.
    pub db: Db,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// What a message is about, as it stands.
struct Subject {
    attempt: Attempt,
    told: Fact,
}

/// What happened, and when.
struct Fact {
    amount: Fen,
    at: Timestamp,
    number: String,
}

/// Why a message is not sent.
#[derive(Clone, Copy, Debug)]
enum Unsent {
    /// There is no such payment or refund, or it is not authentic.
    NoSubject,
    /// The school does not tell it any more, or tells it by another app than it was paid in.
    TurnedOff,
    /// It is too old.
    TooOld,
}

/// A message with who sends it, or why it is not sent.
type Prepared = Result<(Arc<dyn Messenger>, StudentMessage), Unsent>;

impl Unsent {
    const fn code(self) -> &'static str {
        match self {
            Self::NoSubject => "no_subject",
            Self::TurnedOff => "turned_off",
            Self::TooOld => "too_old",
        }
    }
}

#[async_trait(?Send)]
impl Delivers for MessageDelivery {
    fn kind(&self) -> &'static str {
        self.told.job()
    }

    async fn deliver(&self, job: &Job) -> Delivered {
        match self.prepare(job).await {
            Ok(Ok((messenger, message))) => self.send(job, messenger.as_ref(), &message).await,
            Ok(Err(unsent)) => {
                tracing::info!(kind = self.kind(), why = unsent.code(), "a message is not sent");
                count(self.told, unsent.code());
                failed::note(&self.db, job, unsent.code()).await;
                Delivered::Refused
            }
            Err(error) => {
                tracing::warn!(%error, kind = self.kind(), "a message could not be prepared");
                Delivered::Unknown { wait: None }
            }
        }
    }

    /// A message is not worth a case: it is in the app as well.
    async fn report(&self, _: &Tx, job: &Job, _: Timestamp) -> Result<(), DbError> {
        tracing::error!(kind = job.kind, tries = job.tries, "a message cannot be sent");
        count(self.told, "given_up");
        Ok(())
    }
}

impl MessageDelivery {
    async fn send(
        &self,
        job: &Job,
        messenger: &dyn Messenger,
        message: &StudentMessage,
    ) -> Delivered {
        match messenger.send(message, self.clock.now()).await {
            MessageOutcome::Taken => {
                count(self.told, "taken");
                Delivered::Done
            }
            MessageOutcome::Refused { code } => {
                tracing::info!(kind = self.kind(), code, "a message was refused");
                count(self.told, "refused");
                failed::note(&self.db, job, &code).await;
                Delivered::Refused
            }
            MessageOutcome::Unknown { wait } => Delivered::Unknown { wait },
        }
    }

    async fn prepare(&self, job: &Job) -> Result<Prepared, DbError> {
        let Some(Subject { attempt, told }) = self.subject(&job.subject).await? else {
            return Ok(Err(Unsent::NoSubject));
        };
        let school = self.telling.schools.require(attempt.order.school).await?;
        let messenger = of(&self.telling, &school, &attempt);
        let tells = |messenger: &&Arc<dyn Messenger>| messenger.template(self.told).is_some();
        let Some(messenger) = messenger.filter(tells) else { return Ok(Err(Unsent::TurnedOff)) };
        if told.at.plus(FRESH) < self.clock.now() {
            return Ok(Err(Unsent::TooOld));
        }
        let message = StudentMessage {
            told: self.told,
            to: attempt.payment.payer.clone(),
            page: format!("{ORDER_PAGE}?id={}", attempt.order.id),
            amount: told.amount,
            at: told.at,
            number: told.number,
            school: school.name.clone(),
        };
        Ok(Ok((Arc::clone(messenger), message)))
    }

    async fn subject(&self, subject: &str) -> Result<Option<Subject>, DbError> {
        self.db
            .in_snapshot(async |tx| match self.told {
                Told::Credited => credited(tx, subject).await,
                Told::Refunded => refunded(tx, subject).await,
            })
            .await
    }
}

async fn credited(tx: &Tx, subject: &str) -> Result<Option<Subject>, DbError> {
    let Some(id) = PaymentId::from_out_trade_no(subject) else { return Ok(None) };
    let Some(attempt) = orders::read(tx, id).await? else { return Ok(None) };
    let PaymentState::Paid { paid_at, .. } = &attempt.payment.state else { return Ok(None) };
    let (amount, at) = (attempt.payment.amount, *paid_at);
    Ok(Some(Subject { told: Fact { amount, at, number: subject.to_owned() }, attempt }))
}

async fn refunded(tx: &Tx, subject: &str) -> Result<Option<Subject>, DbError> {
    let Some(id) = RefundId::from_number(subject) else { return Ok(None) };
    let Some(payment) = refunds::payment_of(tx, id).await? else { return Ok(None) };
    let Some(attempt) = orders::read(tx, payment).await? else { return Ok(None) };
    let known = refunds::of_payment(tx, payment).await?;
    let Some(refund) = known.iter().find(|refund| refund.id == id) else { return Ok(None) };
    let RefundProgress::Done { at } = refund.progress else { return Ok(None) };
    Ok(Some(Subject {
        told: Fact { amount: refund.amount, at, number: subject.to_owned() },
        attempt,
    }))
}

/// The messenger that reaches the payer: of the app that the payment was made in.
pub(super) fn of<'a>(
    telling: &'a Telling,
    school: &School,
    attempt: &Attempt,
) -> Option<&'a Arc<dyn Messenger>> {
    let payment = &attempt.payment;
    let messenger = telling.messengers.of(&school.code, payment.provider);
    messenger.filter(|messenger| messenger.app_id() == payment.app_id)
}

/// Counts what became of messages.
fn count(told: Told, outcome: &'static str) {
    metrics::counter!("onecard_messages_total", "kind" => told.job(), "outcome" => outcome)
        .increment(1);
}
