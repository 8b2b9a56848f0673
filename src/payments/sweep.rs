//! The sweep, the third door: looks at open payments that are due, and asks the providers about
//! messages that are not believed by themselves. A lost callback, a provider that did not answer and
//! a server that died only cause a delay.
//!
//! Invariant: no provider is called inside a transaction; a round's leases are committed before.

use super::{Payments, look::Asker};
use crate::{
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError},
        job_runs, write_point,
    },
    orders::{
        due::{self, Inquiry, Lease},
        order::Attempt,
    },
};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// How many looks and inquiries run at once. Each ends within two calls of the provider, long before
/// its lease does.
const AT_ONCE: usize = 16;
/// How long an idempotency key is kept.
const KEYS_LIVE: Duration = Duration::from_hours(24);
const DELETE_EVERY: Duration = Duration::from_mins(10);
const DELETE_AT_ONCE: i64 = 500;

/// What was taken.
enum Due {
    /// With the end of its lease.
    Payment(Box<Attempt>, Timestamp),
    Message(Inquiry),
}

impl Payments {
    /// Sweeps until the process ends. A provider that hangs occupies its own places only; the others
    /// go on with what else is due.
    pub async fn sweep(self) {
        // Tasks, not futures that only this loop polls: while the loop waits for the database, one of
        // them may hold the turn of the single writer.
        let mut under_way = JoinSet::new();
        loop {
            let free = AT_ONCE.saturating_sub(under_way.len());
            let taken = job_runs::noted(self.take(free).await).unwrap_or_else(|error| {
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

    /// Waits until due rows should be taken again: at the next turn, when woken, or when half of the
    /// places are free and there was `more` than they could take.
    async fn work_until_turn(&self, under_way: &mut JoinSet<()>, more: bool) {
        let mut turn = pin!(tokio::time::sleep(self.pace.turn()));
        loop {
            tokio::select! {
                // A panic was logged by the panic hook; the row is due again when its lease ends.
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
        let until = self.pace.lease(now);
        let lease = |most: usize| Lease { now, until, most: i64::try_from(most).unwrap_or(0) };
        if free == 0 {
            return Ok(Vec::new());
        }
        let taking = due::claim_payments(&self.db, lease(free));
        let payments = write_point::within("take payments", taking).await?;
        let looks = u64::try_from(payments.len()).unwrap_or(u64::MAX);
        metrics::counter!("onecard_sweep_looks_total").increment(looks);
        let left = free.saturating_sub(payments.len());
        let taking = due::claim_inquiries(&self.db, lease(left));
        // The payments that were taken are worked on all the same.
        let messages = write_point::within("take messages", taking).await.unwrap_or_else(|error| {
            tracing::error!(%error, "messages to ask about could not be taken");
            Vec::new()
        });
        let payments = payments.into_iter().map(|attempt| Due::Payment(Box::new(attempt), until));
        Ok(payments.chain(messages.into_iter().map(Due::Message)).collect())
    }

    async fn work_at(self, due: Due) {
        match due {
            Due::Payment(attempt, lease) => {
                self.look_and_plan(&attempt, lease, Asker::Sweep).await;
            }
            Due::Message(inquiry) => self.ask_about(&inquiry).await,
        }
    }
}

/// Deletes old idempotency keys until the process ends.
pub async fn delete_old_keys(db: Db, clock: Arc<dyn Clock>) {
    let mut turn = tokio::time::interval(DELETE_EVERY);
    loop {
        turn.tick().await;
        if let Err(error) = job_runs::noted(delete_all_old_keys(&db, &*clock).await) {
            tracing::error!(%error, "old idempotency keys were not deleted");
        }
    }
}

async fn delete_all_old_keys(db: &Db, clock: &dyn Clock) -> Result<(), DbError> {
    let older_than = clock.now().minus(KEYS_LIVE);
    let full = u64::try_from(DELETE_AT_ONCE).unwrap_or(u64::MAX);
    while due::delete_keys(db, older_than, DELETE_AT_ONCE).await? >= full {}
    Ok(())
}
