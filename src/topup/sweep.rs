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
        clock::{Clock, Timestamp},
        db::{Db, DbError},
        write_point,
    },
    orders::{
        due::{self, Claim, Question},
        gateway::ProviderState,
        order::Attempt,
    },
};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// How many looks and questions are under way at once. Each ends within two calls of the provider,
/// long before its lease does.
const AT_ONCE: usize = 16;
/// How long the provider is asked about a message; then its case alone is left.
const ASKED_FOR: Duration = Duration::from_hours(24);
/// How long an idempotency key is kept.
const KEYS_LIVE: Duration = Duration::from_hours(24);
const FORGET_EVERY: Duration = Duration::from_mins(10);
const FORGET_AT_ONCE: i64 = 500;

/// Something that was taken.
enum Due {
    Payment(Box<Attempt>, Timestamp),
    Message(Question),
}

impl TopUps {
    /// Sweeps for as long as the process lives. A provider that hangs holds its own places only:
    /// what else is due goes on in the others.
    pub async fn sweep(self) {
        // Tasks, not futures that only this loop drives: while it waits for the database, the one
        // writer's turn may be with one of them.
        let mut under_way = JoinSet::new();
        loop {
            let free = AT_ONCE.saturating_sub(under_way.len());
            let taken = self.take(free).await.unwrap_or_else(|error| {
                tracing::error!(%error, "the sweep failed, will be tried again");
                Vec::new()
            });
            let more = taken.len() == free;
            for due in taken {
                under_way.spawn_local(self.clone().work_at(due));
            }
            self.work_until_turn(&mut under_way, more).await;
        }
    }

    /// Until it is time to ask what is due: the next turn, or when half of the places are free and
    /// there was `more` than they could take.
    async fn work_until_turn(&self, under_way: &mut JoinSet<()>, more: bool) {
        let mut turn = pin!(tokio::time::sleep(self.pace.turn()));
        loop {
            tokio::select! {
                // The panic hook has logged one that broke; it is due again when its lease ends.
                Some(_) = under_way.join_next() => {
                    if more && under_way.len() <= AT_ONCE / 2 {
                        return;
                    }
                }
                () = &mut turn => return,
                () = self.wake.notified() => return,
            }
        }
    }

    async fn take(&self, free: usize) -> Result<Vec<Due>, DbError> {
        let now = self.clock.now();
        let claim = |most: usize| Claim {
            now,
            lease: self.pace.lease(now),
            most: i64::try_from(most).unwrap_or(0),
        };
        if free == 0 {
            return Ok(Vec::new());
        }
        let taking = due::claim_payments(&self.db, claim(free));
        let payments = write_point::within("take payments", taking).await?;
        let looks = u64::try_from(payments.len()).unwrap_or(u64::MAX);
        metrics::counter!("onecard_sweep_looks_total").increment(looks);
        let left = free.saturating_sub(payments.len());
        let taking = due::claim_questions(&self.db, claim(left));
        let messages = write_point::within("take messages", taking).await?;
        let lease = claim(0).lease;
        let payments = payments.into_iter().map(|attempt| Due::Payment(Box::new(attempt), lease));
        Ok(payments.chain(messages.into_iter().map(Due::Message)).collect())
    }

    async fn work_at(self, due: Due) {
        match due {
            Due::Payment(attempt, lease) => {
                self.look_and_plan(&attempt, lease, Asker::Sweep).await;
            }
            Due::Message(question) => self.ask_about(&question).await,
        }
    }

    /// A message is not believed against its order; the provider's answer is.
    async fn ask_about(&self, question: &Question) {
        let now = self.clock.now();
        let old = now.distance(question.received_at) > ASKED_FOR;
        let next = match write_point::within("ask", self.answer_to(question)).await {
            Ok(()) => None,
            Err(error) => {
                tracing::warn!(%error, message = %question.message, "the provider could not be asked");
                (!old).then(|| self.pace.again(question.received_at, now))
            }
        };
        let planning = due::ask_again(&self.db, question, next);
        if let Err(error) = write_point::within("ask again", planning).await {
            // It is due again when its lease ends.
            tracing::error!(%error, "a message's next question could not be stored");
        }
    }

    async fn answer_to(&self, question: &Question) -> Result<(), TopUpError> {
        let school = self.school(question.school).await?;
        let gateway = self.gateways.of(&school.code).ok_or(TopUpError::FundingUnavailable)?;
        let (fact, door) = match gateway.query(&question.out_trade_no, self.clock.now()).await? {
            ProviderState::Paid(fact) => (fact, Door::Answer),
            ProviderState::Refunded(fact) => (fact, Door::RefundedAnswer),
            ProviderState::NotPaid | ProviderState::Closed | ProviderState::Unknown => {
                return Ok(());
            }
        };
        let report = Report { school: school.id, fact, door };
        if self.settling.submit(report).await? == Verdict::Settled {
            super::count_settled("sweep");
        }
        Ok(())
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
