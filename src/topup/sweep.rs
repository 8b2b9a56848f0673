//! The sweep, the third door: looks at open payments whose time has come, and asks about messages
//! that disagreed with their orders. A lost callback, a provider that did not answer and a server
//! that died are delays.
//!
//! Invariant: no provider is called inside a transaction; what a round takes is committed before.

use super::{
    TopUpError, TopUps,
    look::Asker,
    settle::{Door, Report, Verdict},
};
use crate::{
    base::{
        clock::Clock,
        db::{Db, DbError},
    },
    orders::{
        due::{self, Claim, Question},
        gateway::ProviderState,
    },
};
use futures_util::stream::{self, StreamExt};
use std::{sync::Arc, time::Duration};

/// How many payments, and how many messages, a round takes.
const ROUND: u8 = 32;
/// How many of them are under way at once. A round lasts at most `ROUND / AT_ONCE` times as long
/// as a close and a query may take, 10 s each: less than its lease.
const AT_ONCE: usize = 8;
/// How long the provider is asked about a message; then its case alone is left.
const ASKED_FOR: Duration = Duration::from_hours(24);
/// How long an idempotency key is kept.
const KEYS_LIVE: Duration = Duration::from_hours(24);
const FORGET_EVERY: Duration = Duration::from_mins(10);
const FORGET_AT_ONCE: i64 = 500;

impl TopUps {
    /// Sweeps for as long as the process lives.
    pub async fn sweep(self) {
        loop {
            match self.sweep_once().await {
                Ok(more) if more => continue,
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "the sweep failed, will be tried again"),
            }
            let _ = tokio::time::timeout(self.pace.turn(), self.wake.notified()).await;
        }
    }

    /// One round; true if there may be more to do at once.
    pub async fn sweep_once(&self) -> Result<bool, DbError> {
        let claim = self.claim();
        let payments = due::claim_payments(&self.db, claim).await?;
        let questions = due::claim_questions(&self.db, claim).await?;
        let full = usize::from(ROUND);
        let more = payments.len() == full || questions.len() == full;
        let looked = payments.len();
        stream::iter(&payments)
            .for_each_concurrent(AT_ONCE, |attempt| {
                self.look_and_plan(attempt, claim.lease, Asker::Sweep)
            })
            .await;
        stream::iter(&questions)
            .for_each_concurrent(AT_ONCE, |question| self.ask_about(question))
            .await;
        if looked > 0 {
            let looked = u64::try_from(looked).unwrap_or(u64::MAX);
            metrics::counter!("onecard_sweep_looks_total").increment(looked);
        }
        Ok(more)
    }

    fn claim(&self) -> Claim {
        let now = self.clock.now();
        Claim { now, lease: self.pace.lease(now), most: i64::from(ROUND) }
    }

    /// A message is not believed against its order; the provider's answer is.
    async fn ask_about(&self, question: &Question) {
        let now = self.clock.now();
        let old = now.distance(question.received_at) > ASKED_FOR;
        let next = match self.answer_to(question).await {
            Ok(()) => None,
            Err(error) => {
                tracing::warn!(%error, message = %question.message, "the provider could not be asked");
                (!old).then(|| self.pace.again(question.received_at, now))
            }
        };
        if let Err(error) = due::ask_again(&self.db, question, next).await {
            // It is due again when its lease ends.
            tracing::error!(%error, "a message's next question could not be stored");
        }
    }

    async fn answer_to(&self, question: &Question) -> Result<(), TopUpError> {
        let school = self.school(question.school).await?;
        let gateway = self.gateways.of(&school.code).ok_or(TopUpError::FundingUnavailable)?;
        match gateway.query(&question.out_trade_no, self.clock.now()).await? {
            ProviderState::Paid(fact) => {
                let report = Report { school: school.id, fact, door: Door::Answer };
                if self.settling.submit(report).await? == Verdict::Settled {
                    super::count_settled("sweep");
                }
                Ok(())
            }
            ProviderState::NotPaid | ProviderState::Closed | ProviderState::Unknown => Ok(()),
        }
    }
}

/// Deletes idempotency keys that have had their day, for as long as the process lives.
pub async fn forget_keys(db: Db, clock: Arc<dyn Clock>) {
    let mut turn = tokio::time::interval(FORGET_EVERY);
    loop {
        turn.tick().await;
        if let Err(error) = forget_all(&db, &*clock).await {
            tracing::error!(%error, "old idempotency keys were not deleted");
        }
    }
}

async fn forget_all(db: &Db, clock: &dyn Clock) -> Result<(), DbError> {
    let older_than = clock.now().minus(KEYS_LIVE);
    let full = u64::try_from(FORGET_AT_ONCE).unwrap_or(u64::MAX);
    while due::forget_keys(db, older_than, FORGET_AT_ONCE).await? >= full {}
    Ok(())
}
