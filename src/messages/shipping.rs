//! Tells a platform that a paid order was delivered. Platforms that ask for it hold the money until then,
//! and may stop an app's payments.

use super::{MessageOutcome, Shipped, Telling, deliver, failed};
use crate::{
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError, Tx},
        outbox::{Delivered, Delivers, Job},
    },
    cases::{self, Case, CaseFacts, CaseKind},
    orders::{
        self,
        order::{PaymentId, PaymentState},
    },
};
use async_trait::async_trait;
use std::sync::Arc;

/// The kind of the jobs; their subject is our number of the payment.
pub(super) const JOB: &str = "shipping";
/// The kind of their cases.
const CASE: &str = CaseKind::Shipping.family();
/// What students buy.
const WHAT: &str = "校园卡电子账户充值";

/// Delivers the jobs of delivered orders.
#[derive(Clone, Debug)]
pub struct ShippingDelivery {
    /// Who tells it.
    pub telling: Telling,
    /// Payments.
    pub db: Db,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

#[async_trait(?Send)]
impl Delivers for ShippingDelivery {
    fn kind(&self) -> &'static str {
        JOB
    }

    async fn deliver(&self, job: &Job) -> Delivered {
        match self.attempt(job).await {
            Ok(delivered) => delivered,
            Err(error) => {
                tracing::warn!(%error, "a delivered order could not be told");
                Delivered::Unknown { wait: None }
            }
        }
    }

    async fn report(&self, tx: &Tx, job: &Job, now: Timestamp) -> Result<(), DbError> {
        let detail = format!("no answer after {} tries", job.tries);
        open(tx, job, detail, now).await
    }
}

impl ShippingDelivery {
    async fn attempt(&self, job: &Job) -> Result<Delivered, DbError> {
        let Some(id) = PaymentId::from_out_trade_no(&job.subject) else {
            return Ok(Delivered::Refused);
        };
        let found = self.db.in_snapshot(async |tx| orders::read(tx, id).await).await?;
        let Some(attempt) = found else {
            tracing::error!(payment = %id, "a payment is missing or not authentic");
            return Ok(Delivered::Unknown { wait: None });
        };
        let PaymentState::Paid { transaction_id, .. } = &attempt.payment.state else {
            return Ok(Delivered::Refused);
        };
        let school = self.telling.schools.require(attempt.order.school).await?;
        let messenger = deliver::of(&self.telling, &school, &attempt);
        let Some(messenger) = messenger.filter(|messenger| messenger.tells_shipping()) else {
            // The platform keeps the money until it is told: tried again, and a case in the end.
            tracing::error!(payment = %id, "a delivered order cannot be told: not configured any more");
            count("not_configured");
            return Ok(Delivered::Unknown { wait: None });
        };
        let shipped = Shipped {
            transaction_id: transaction_id.clone(),
            payer: attempt.payment.payer.clone(),
            what: WHAT,
        };
        let outcome = messenger.tell_shipping(&shipped, self.clock.now()).await;
        self.concluded(job, outcome).await
    }

    /// Whoever looks at a case of it finds it closed when it is told after all.
    async fn concluded(&self, job: &Job, outcome: MessageOutcome) -> Result<Delivered, DbError> {
        let now = self.clock.now();
        match outcome {
            MessageOutcome::Taken => {
                if job.tries > 1 {
                    let subjects = || vec![job.subject.clone()];
                    let close =
                        async |tx: &_| cases::close(tx, job.school, CASE, subjects(), now).await;
                    self.db.in_tx(close).await?;
                }
                count("taken");
                Ok(Delivered::Done)
            }
            MessageOutcome::Refused { code } => {
                tracing::error!(code, payment = job.subject, "a delivered order was refused");
                let detail = || format!("the platform answers {code}");
                self.db.in_tx(async |tx| open(tx, job, detail(), now).await).await?;
                count("refused");
                failed::note(&self.db, job, &code).await;
                Ok(Delivered::Refused)
            }
            MessageOutcome::Unknown { wait } => Ok(Delivered::Unknown { wait }),
        }
    }
}

async fn open(tx: &Tx, job: &Job, detail: String, now: Timestamp) -> Result<(), DbError> {
    tracing::warn!(payment = job.subject, "the platform does not know that an order was delivered");
    let (school, subject) = (job.school, job.subject.clone());
    let payment = PaymentId::from_out_trade_no(&subject).map(PaymentId::uuid);
    let facts = CaseFacts { payment, ..CaseFacts::default() };
    let case = Case { school, kind: CASE, subject, detail, facts, opened_at: now };
    tx.write_all(vec![cases::write_of(&[case])]).await
}

fn count(outcome: &'static str) {
    metrics::counter!("onecard_messages_total", "kind" => JOB, "outcome" => outcome).increment(1);
}
