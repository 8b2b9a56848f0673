//! Looking at an open payment: the provider is asked how it stands, and what it says is settled.
//! The student's return and the sweep do the same.

use super::{
    ASK_EVERY, TopUpError, TopUps, count_settled, news,
    settle::{Door, Report, Verdict},
};
use crate::{
    base::{clock::Timestamp, write_point},
    orders::{
        self,
        gateway::{GatewayError, PaidFact, PaymentGateway, ProviderState},
        order::{Attempt, OrderId, OrderState, WholeOrder},
    },
    sessions::Student,
};
use std::{sync::Arc, time::Duration};

/// On whose behalf the provider is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// The student, who looks at the order.
    Return,
    /// Nobody: its time has come.
    Sweep,
}

impl Asker {
    const fn code(self) -> &'static str {
        match self {
            Self::Return => "return",
            Self::Sweep => "sweep",
        }
    }
}

impl TopUps {
    /// The order as it stands now. While it is unpaid the provider is asked, at most every two
    /// seconds, and what it says is settled: the student's return is the second door.
    pub async fn order(&self, student: &Student, id: OrderId) -> Result<WholeOrder, TopUpError> {
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

    /// The student gives up: the order's time ends now, and it is closed at the provider, which is
    /// asked at most every two seconds. Where it does not answer or is not asked, the order stays as
    /// it is and the sweep closes it.
    pub async fn give_up(&self, student: &Student, id: OrderId) -> Result<WholeOrder, TopUpError> {
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

    /// Looks at an attempt that was taken until `lease`; where it is still open, says when it is
    /// looked at next.
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

    /// Asks how an open attempt stands. Where its time is over it is closed at the provider first,
    /// and here only when the provider says so. True if it is open no longer.
    async fn look(&self, attempt: &Attempt, asker: Asker) -> Result<bool, TopUpError> {
        write_point::within("look", self.ask_and_settle(attempt, asker)).await
    }

    async fn ask_and_settle(&self, attempt: &Attempt, asker: Asker) -> Result<bool, TopUpError> {
        let gateway = self.gateway_of(attempt).await?;
        let number = attempt.payment.id.out_trade_no();
        let over = !attempt.order.is_payable(self.clock.now());
        let closed =
            if over { gateway.close(&number, self.clock.now()).await.map(drop) } else { Ok(()) };
        // Whatever came of the close: a payment may have won the race.
        match gateway.query(&number, self.clock.now()).await? {
            ProviderState::Paid(fact) => {
                self.settle(attempt, fact, Door::Answer, asker).await.map(|()| true)
            }
            ProviderState::Refunded(fact) => {
                self.settle(attempt, fact, Door::RefundedAnswer, asker).await.map(|()| true)
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
        door: Door,
        asker: Asker,
    ) -> Result<(), TopUpError> {
        let report = Report { school: attempt.order.school, fact, door };
        match self.settling.submit(report).await? {
            Verdict::Settled => count_settled(asker.code()),
            Verdict::AlreadySettled => {}
            // Its money is in suspense: this payment cannot be paid again, nor pay its order.
            Verdict::Suspense | Verdict::Disagrees => self.close(attempt).await?,
        }
        Ok(())
    }

    async fn close(&self, attempt: &Attempt) -> Result<(), TopUpError> {
        let (id, now) = (attempt.payment.id, self.clock.now());
        let closing = self.db.in_tx(async |tx| {
            let closed = orders::close(tx, id).await?;
            news::tell(tx, closed.iter(), now).await
        });
        Ok(write_point::within("close", closing).await?)
    }

    /// No request of ours can be under way any more that would make the payment known.
    fn will_stay_unknown(&self, attempt: &Attempt) -> bool {
        self.clock.now() >= self.pace.settled(attempt.order.expires_at)
    }

    /// At most once in two seconds for a payment, on all servers together.
    async fn may_ask(&self, attempt: &Attempt) -> bool {
        let key = format!("ask:{}", attempt.payment.id);
        // Without the store the provider is asked more often than need be, which harms nobody.
        self.kv.put_once(&key, b"1", ASK_EVERY).await.unwrap_or(true)
    }

    /// The gateway of the merchant that the payment was made at: another one does not know it.
    async fn gateway_of(&self, attempt: &Attempt) -> Result<Arc<dyn PaymentGateway>, TopUpError> {
        let school = self.school(attempt.order.school).await?;
        let gateway = self.gateways.of(&school.code).ok_or(TopUpError::FundingUnavailable)?;
        if gateway.merchant() == attempt.payment.merchant {
            Ok(Arc::clone(gateway))
        } else {
            Err(TopUpError::FundingUnavailable)
        }
    }
}

fn log(error: &TopUpError, attempt: &Attempt) {
    tracing::warn!(%error, payment = %attempt.payment.id, "the provider could not be asked");
}

/// How long the provider asks us to leave it alone.
fn wanted_pause(error: &TopUpError) -> Duration {
    if let TopUpError::Provider(GatewayError::Throttled { retry_after }) = error {
        retry_after.unwrap_or(ASK_EVERY)
    } else {
        Duration::ZERO
    }
}
