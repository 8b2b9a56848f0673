//! Sends refunds, and asks what became of them.

use super::{IncomingRefund, JOB, OVER, REFUSED, RefundVerdict, UNKNOWN, case, open};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        outbox::{Delivered, Delivers, Job},
    },
    cases, ledger,
    orders::{
        self,
        order::Attempt,
        refund::{Refund, RefundId, RefundProgress, RefundReason, Sending},
        refunds,
    },
    payments::{
        PaymentError, Payments,
        gateway::{
            Evidence, GatewayError, PaymentGateway, RefundFact, RefundNumbers, RefundOutcome,
            RefundRequest, RefundState,
        },
        news,
        plan::{CASE, OF_SURPLUS},
        postings,
        settle::SettleError,
    },
};
use async_trait::async_trait;
use std::time::Duration;

/// Delivers the jobs of refunds.
#[derive(Clone, Debug)]
pub struct RefundDelivery {
    /// Knows the gateways.
    pub payments: Payments,
}

/// A refund that is under way, as it was prepared.
struct Prepared {
    attempt: Attempt,
    refund: Refund,
    /// Whether it was sent before, as far as we know.
    before: bool,
}

/// What the preparation of a try says.
enum Turn {
    Now(Box<Prepared>),
    NotBefore(Timestamp),
    Never,
}

#[async_trait(?Send)]
impl Delivers for RefundDelivery {
    fn kind(&self) -> &'static str {
        JOB
    }

    async fn deliver(&self, job: &Job) -> Delivered {
        let Some(id) = RefundId::from_number(&job.subject) else { return Delivered::Refused };
        match self.attempt(id).await {
            Ok(delivered) => delivered,
            Err(error) => {
                tracing::warn!(%error, refund = %id, "nobody knows what became of a refund");
                Delivered::Unknown { wait: wait(&error) }
            }
        }
    }

    async fn report(&self, tx: &Tx, job: &Job, now: Timestamp) -> Result<(), DbError> {
        let Some(id) = RefundId::from_number(&job.subject) else { return Ok(()) };
        match read(tx, id).await? {
            Some((_, refund, _)) => open(tx, case(&refund, UNKNOWN, now)).await,
            None => Ok(()),
        }
    }
}

impl RefundDelivery {
    async fn attempt(&self, id: RefundId) -> Result<Delivered, PaymentError> {
        let Payments { db, clock, .. } = &self.payments;
        let found = db.in_snapshot(async |tx| read(tx, id).await).await?;
        let Some((attempt, ..)) = found else {
            tracing::error!(refund = %id, "a refund or its payment is missing or not authentic");
            return Ok(Delivered::Unknown { wait: None });
        };
        let gateway = self.payments.gateway_of(&attempt).await?;
        let pause = gateway.pause_between_refunds();
        let prepared = match self.prepare(id, pause).await? {
            Turn::Now(prepared) => prepared,
            Turn::NotBefore(at) => return Ok(Delivered::Later { at }),
            Turn::Never => return Ok(Delivered::Done),
        };
        let now = clock.now();
        match self.call(gateway.as_ref(), &prepared, now).await {
            Ok(RefundState::Known(fact, evidence)) => self.told(fact, evidence, &prepared).await,
            Ok(RefundState::Unknown) => Ok(Delivered::Unknown { wait: None }),
            Err(GatewayError::Refused { code }) => self.refused(&code, &prepared.refund).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Commits that the refund is sent, before it is.
    async fn prepare(&self, id: RefundId, pause: Duration) -> Result<Turn, PaymentError> {
        let Payments { db, clock, .. } = &self.payments;
        let prepared = db.in_tx(async |tx| -> Result<Turn, SettleError> {
            let now = clock.now();
            let Some((attempt, was, known)) = lock(tx, id).await? else { return Ok(Turn::Never) };
            let before = was.progress == RefundProgress::Sent;
            let refund = match was.send(&known, pause, now) {
                Sending::Now(_) if before => was,
                Sending::Now(sent) => {
                    refunds::save(tx, &was, &sent).await?;
                    *sent
                }
                Sending::NotBefore(at) => return Ok(Turn::NotBefore(at)),
                Sending::Over(ended) => {
                    give_up(tx, &attempt, (&was, &ended), now).await?;
                    return Ok(Turn::Never);
                }
                Sending::Never => return Ok(Turn::Never),
            };
            Ok(Turn::Now(Box::new(Prepared { attempt, refund, before })))
        });
        Ok(prepared.await?)
    }

    /// Asks after a refund that was sent before, and sends it where the provider does not know it:
    /// always under its one number.
    async fn call(
        &self,
        gateway: &dyn PaymentGateway,
        prepared: &Prepared,
        now: Timestamp,
    ) -> Result<RefundState, GatewayError> {
        let request = self.request(gateway, prepared).await;
        let request = request.map_err(|error| {
            tracing::error!(%error, "a refund could not be sent");
            GatewayError::Unknown
        })?;
        if prepared.before {
            let state = gateway.query_refund(&request.numbers, now).await?;
            if state != RefundState::Unknown || !self.may_send_again(prepared.refund.id).await {
                return Ok(state);
            }
        }
        gateway.refund(&request, now).await
    }

    /// Commits that a refund is sent once more, before it is. False if it was ended meanwhile, or less of
    /// its payment is left: then it is only asked about.
    async fn may_send_again(&self, id: RefundId) -> bool {
        let Payments { db, clock, .. } = &self.payments;
        let again = db.in_tx(async |tx| -> Result<bool, DbError> {
            let Some((_, was, known)) = lock(tx, id).await? else { return Ok(false) };
            let now = clock.now();
            let Some(again) = was.send_again(&known, now) else {
                if was.progress == RefundProgress::Sent {
                    open(tx, case(&was, OVER, now)).await?;
                }
                return Ok(false);
            };
            refunds::save(tx, &was, &again).await?;
            Ok(true)
        });
        again.await.unwrap_or_else(|error| {
            tracing::error!(%error, refund = %id, "a refund is not sent again");
            false
        })
    }

    async fn request(
        &self,
        gateway: &dyn PaymentGateway,
        Prepared { attempt, refund, .. }: &Prepared,
    ) -> Result<RefundRequest, DbError> {
        let school = self.payments.schools.require(attempt.order.school).await?;
        let what = match refund.why {
            RefundReason::Surplus => "重复支付退款",
            RefundReason::Staff | RefundReason::Provider => "退款",
        };
        Ok(RefundRequest {
            numbers: RefundNumbers {
                out_refund_no: refund.number.clone(),
                out_trade_no: refund.payment.out_trade_no(),
                transaction_id: refund.transaction_id.clone(),
            },
            amount: refund.amount,
            total: refund.total,
            reason: what.to_owned(),
            notify_url: self.payments.gateways.refund_notify_url(&school.code, gateway),
        })
    }

    /// Settles what the provider says.
    async fn told(
        &self,
        fact: RefundFact,
        evidence: Evidence,
        prepared: &Prepared,
    ) -> Result<Delivered, PaymentError> {
        let outcome = fact.outcome;
        let incoming = IncomingRefund { fact, evidence, asked: true };
        let verdict = self.payments.settle_refund(&incoming).await?;
        let now = self.payments.clock.now();
        let since = prepared.refund.sent_at.unwrap_or(now);
        Ok(match (verdict, outcome) {
            (RefundVerdict::Disagrees | RefundVerdict::Unpaid, _) => {
                Delivered::Unknown { wait: None }
            }
            (_, RefundOutcome::Done { .. } | RefundOutcome::Closed) => Delivered::Done,
            (_, RefundOutcome::Processing | RefundOutcome::Abnormal) => {
                Delivered::Later { at: self.payments.pace.again(since, now) }
            }
        })
    }

    /// An error need not be signed, and may pass: the merchant's balance is too low. Staff hear of it,
    /// and the refund is tried again.
    async fn refused(&self, code: &str, refund: &Refund) -> Result<Delivered, PaymentError> {
        tracing::error!(code, refund = %refund.id, "the provider refuses a refund");
        let Payments { db, clock, .. } = &self.payments;
        let case = case(refund, REFUSED, clock.now());
        db.in_tx(async |tx| open(tx, case.clone()).await).await?;
        Ok(Delivered::Unknown { wait: None })
    }
}

impl Payments {
    /// Posts what is heard of a refund, in a transaction of its own.
    pub(in crate::payments) async fn settle_refund(
        &self,
        incoming: &IncomingRefund,
    ) -> Result<RefundVerdict, SettleError> {
        let (telling, now) = (&self.telling, self.clock.now());
        let settle = async |tx: &_| news::settle_refund(tx, telling, incoming, now).await;
        let verdict = self.db.in_tx(settle).await?;
        self.sealer.notify_one();
        Ok(verdict)
    }
}

/// Ends a refund that was not sent, since less of its payment is left than it is for.
async fn give_up(
    tx: &Tx,
    attempt: &Attempt,
    (was, is): (&Refund, &Refund),
    now: Timestamp,
) -> Result<(), SettleError> {
    let returned: Vec<_> = postings::refund_returned(is).into_iter().collect();
    for outcome in ledger::post_all(tx, now, &returned).await? {
        outcome?;
    }
    refunds::save(tx, was, is).await?;
    if is.why == RefundReason::Staff {
        // Two persons approved it: they learn that it was not made.
        open(tx, case(is, OVER, now)).await?;
    } else {
        let paid = is.paid_reference();
        let over = OF_SURPLUS.iter().map(|why| format!("{why}:{paid}")).collect();
        cases::close(tx, is.school, CASE, over, now).await?;
    }
    news::tell_refund_end(tx, &attempt.order, is, now).await.map_err(SettleError::from)
}

/// A refund with its payment, and all refunds of that.
type Whole = (Attempt, Refund, Vec<Refund>);

async fn lock(tx: &Tx, id: RefundId) -> Result<Option<Whole>, DbError> {
    let Some(payment) = refunds::payment_of(tx, id).await? else { return Ok(None) };
    let Some(attempt) = orders::lock(tx, std::iter::once(payment)).await?.remove(&payment) else {
        return Ok(None);
    };
    let known = refunds::of_payment(tx, payment).await?;
    let refund = known.iter().find(|refund| refund.id == id).cloned();
    Ok(refund.map(|refund| (attempt, refund, known)))
}

/// Likewise, without a lock.
async fn read(tx: &Tx, id: RefundId) -> Result<Option<Whole>, DbError> {
    let Some(payment) = refunds::payment_of(tx, id).await? else { return Ok(None) };
    let Some(attempt) = orders::read(tx, payment).await? else { return Ok(None) };
    let known = refunds::of_payment(tx, payment).await?;
    let refund = known.iter().find(|refund| refund.id == id).cloned();
    Ok(refund.map(|refund| (attempt, refund, known)))
}

fn wait(error: &PaymentError) -> Option<Duration> {
    if let PaymentError::Provider(GatewayError::Throttled { retry_after }) = error {
        *retry_after
    } else {
        None
    }
}
