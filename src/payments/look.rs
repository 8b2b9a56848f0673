//! Looking at an open payment: asks the provider for its state and settles the answer. The student's
//! return to the page and the sweep both do this.

use super::{
    ASK_EVERY, PaymentError, Payments, count_settled,
    gateway::{GatewayError, PaidFact, PaymentGateway, ProviderState},
    news,
    refunds::ToldTotal,
    settle::{IncomingFact, Origin, Verdict},
};
use crate::{
    base::{clock::Timestamp, write_point},
    orders::{
        self,
        order::{Attempt, OrderId, OrderState, WholeOrder},
    },
    sessions::Student,
};
use std::{sync::Arc, time::Duration};

/// Why the provider is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// The student looks at the order.
    Return,
    /// The payment is due.
    Sweep,
    /// A member of staff wants to know.
    Staff,
}

impl Asker {
    const fn code(self) -> &'static str {
        match self {
            Self::Return => "return",
            Self::Sweep => "sweep",
            Self::Staff => "staff",
        }
    }
}

impl Payments {
    /// The order as it stands now. While it is unpaid the provider is asked, at most every two
    /// seconds, and its answer is settled: the student's return is the second door.
    pub async fn order(&self, student: &Student, id: OrderId) -> Result<WholeOrder, PaymentError> {
        let whole = self.whole(student, id).await?;
        if whole.order.state != OrderState::AwaitingPayment {
            return Ok(whole);
        }
        for attempt in whole.open_attempts() {
            if self.may_ask(&attempt).await && self.look_or_log(&attempt, Asker::Return).await {
                return self.whole(student, id).await;
            }
        }
        Ok(whole)
    }

    /// Cancels an unpaid order: it expires now and is closed at the provider, which is asked at most
    /// every two seconds. Where the provider is not asked or does not answer, the order stays as it
    /// is and the sweep closes it.
    pub async fn give_up(
        &self,
        student: &Student,
        id: OrderId,
    ) -> Result<WholeOrder, PaymentError> {
        let whole = self.whole(student, id).await?;
        if whole.order.state != OrderState::AwaitingPayment {
            return Ok(whole);
        }
        let now = self.clock.now();
        let lease = self.pace.lease(now);
        let ended = orders::expire(&self.db, id, now, lease).await?;
        for attempt in self.whole(student, id).await?.open_attempts() {
            if self.may_ask(&attempt).await {
                self.look_and_plan(&attempt, lease, Asker::Return).await;
            } else if ended {
                // The student has just been told how it stands; the sweep closes it.
                let next = now.plus(ASK_EVERY);
                orders::due::look_again(&self.db, attempt.payment.id, lease, next).await?;
            }
        }
        self.whole(student, id).await
    }

    /// Looks at an attempt that is leased until `lease`, and plans the next look if it is still open.
    pub(super) async fn look_and_plan(&self, attempt: &Attempt, lease: Timestamp, asker: Asker) {
        let looked = self.look(attempt, asker).await;
        let now = self.clock.now();
        let (created, expires) = (attempt.payment.created_at, attempt.order.expires_at);
        let next = self.pace.next(created, expires, now);
        let next = match looked {
            Ok(true) => return,
            Ok(false) => next,
            Err(error) => {
                log(&error, attempt);
                next.max(now.plus(wanted_pause(&error)))
            }
        };
        let planning = orders::due::look_again(&self.db, attempt.payment.id, lease, next);
        if let Err(error) = write_point::within("look again", planning).await {
            // It is due again when its lease ends.
            tracing::error!(%error, "a payment's next look could not be stored");
        }
    }

    async fn look_or_log(&self, attempt: &Attempt, asker: Asker) -> bool {
        self.look(attempt, asker).await.unwrap_or_else(|error| {
            // Unknown is not failed: the order stays as it is and the next question may tell.
            log(&error, attempt);
            false
        })
    }

    /// Asks for the state of an open attempt. An expired one is closed at the provider first, and here
    /// only when the provider confirms it. True if the attempt is no longer open.
    pub(super) async fn look(&self, attempt: &Attempt, asker: Asker) -> Result<bool, PaymentError> {
        write_point::within("look", self.ask_and_settle(attempt, asker)).await
    }

    async fn ask_and_settle(&self, attempt: &Attempt, asker: Asker) -> Result<bool, PaymentError> {
        let gateway = self.gateway_of(attempt).await?;
        let number = attempt.payment.id.out_trade_no();
        let over = !attempt.order.is_payable(self.clock.now());
        let closed =
            if over { gateway.close(&number, self.clock.now()).await.map(drop) } else { Ok(()) };
        // Ask whatever the close returned: a payment may have been made just before it.
        match gateway.query(&number, self.clock.now()).await? {
            ProviderState::Paid(fact, evidence) => {
                self.settle(attempt, fact, Origin::Answer(evidence), asker).await.map(|()| true)
            }
            ProviderState::Refunded(fact, evidence, total) => {
                let (told, origin) =
                    (ToldTotal::of(&fact, total), Origin::RefundedAnswer(evidence));
                self.settle(attempt, fact, origin, asker).await?;
                // Where some of it is not explained a case is open, and the refund's message tells.
                self.compare_refunds(&told).await.map(|_| true)
            }
            ProviderState::Closed => self.close(attempt).await.map(|()| true),
            ProviderState::Unknown if self.will_stay_unknown(attempt) => {
                self.close(attempt).await.map(|()| true)
            }
            ProviderState::NotPaid | ProviderState::Unknown => Ok(closed.map(|()| false)?),
        }
    }

    async fn settle(
        &self,
        attempt: &Attempt,
        fact: PaidFact,
        origin: Origin,
        asker: Asker,
    ) -> Result<(), PaymentError> {
        let incoming = IncomingFact { school: attempt.order.school, fact, origin };
        match self.settling.submit(incoming).await? {
            Verdict::Settled => count_settled(asker.code()),
            Verdict::AlreadySettled => {}
            // This payment cannot be paid again, nor pay its order; a case is open.
            Verdict::Suspense | Verdict::Disagrees => self.close(attempt).await?,
        }
        Ok(())
    }

    async fn close(&self, attempt: &Attempt) -> Result<(), PaymentError> {
        let (id, now) = (attempt.payment.id, self.clock.now());
        let closing = self.db.in_tx(async |tx| {
            let closed = orders::close(tx, id).await?;
            news::tell(tx, closed.iter(), now).await
        });
        Ok(write_point::within("close", closing).await?)
    }

    /// True when no request of ours can still be on its way that would make the payment known.
    fn will_stay_unknown(&self, attempt: &Attempt) -> bool {
        self.clock.now() >= self.pace.settled(attempt.order.expires_at)
    }

    /// True at most once in two seconds for a payment, across all servers.
    async fn may_ask(&self, attempt: &Attempt) -> bool {
        let key = format!("ask:{}", attempt.payment.id);
        // Without the key-value store the provider is asked more often, which is harmless.
        self.kv.put_once(&key, b"1", ASK_EVERY).await.unwrap_or(true)
    }

    /// The gateway of the payment's merchant: another merchant's does not know the payment.
    pub(super) async fn gateway_of(
        &self,
        attempt: &Attempt,
    ) -> Result<Arc<dyn PaymentGateway>, PaymentError> {
        let school = self.schools.require(attempt.order.school).await?;
        let gateway = self.gateways.of(&school.code, attempt.payment.provider);
        let gateway = gateway.ok_or(PaymentError::FundingUnavailable)?;
        if gateway.merchant() == attempt.payment.merchant {
            Ok(Arc::clone(gateway))
        } else {
            Err(PaymentError::FundingUnavailable)
        }
    }
}

fn log(error: &PaymentError, attempt: &Attempt) {
    tracing::warn!(%error, payment = %attempt.payment.id, "the provider could not be asked");
}

/// How long the provider asks us to wait.
fn wanted_pause(error: &PaymentError) -> Duration {
    if let PaymentError::Provider(GatewayError::Throttled { retry_after }) = error {
        retry_after.unwrap_or(ASK_EVERY)
    } else {
        Duration::ZERO
    }
}
