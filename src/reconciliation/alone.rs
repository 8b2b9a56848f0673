//! A day is compared by one at a time, whoever asks: the job of each morning, a page, an answer in JSON.
//!
//! Invariant: who compares a day has its row in `bill_hold`, with a token of its own, for [`HELD`] at most. A
//! process that was killed frees it by that, and the number of the comparison keeps its late writes out.
//! The command of an operator takes a day from whoever has it (ADR 0054).

use super::{DayKey, ReconcileError, Reconciliation, store};
use crate::base::{clock::Timestamp, db::DbError, ids::uuid_at, write_point};
use std::time::Duration;

/// How long a day is held at most: a bill of 100,000 rows needs less than a minute after its download.
const HELD: Duration = Duration::from_mins(10);

/// What to do where somebody compares the day already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfHeld {
    /// Refuse with [`ReconcileError::Busy`]: pages, JSON and the job.
    GiveUp,
    /// Take it from whoever has it: the operator's command.
    TakeOver,
}

impl Reconciliation {
    /// Does what compares a day while nobody else compares it. Dropped before its end, it leaves the day held: a
    /// request that its client may leave calls it in a task.
    pub(super) async fn alone<T>(
        &self,
        key: &DayKey,
        if_held: IfHeld,
        comparing: impl Future<Output = Result<T, ReconcileError>>,
    ) -> Result<T, ReconcileError> {
        let now = self.clock.now();
        let (token, until) = (uuid_at(now), now.plus(HELD));
        let free_at = match if_held {
            IfHeld::GiveUp => now,
            IfHeld::TakeOver => Timestamp::from_micros(i64::MAX),
        };
        let taking = self.db.in_tx(async |tx| store::take(tx, key, token, (free_at, until)).await);
        if !write_point::within("bill: hold", taking).await? {
            return Err(ReconcileError::Busy);
        }
        let compared = comparing.await;
        let giving = self.db.in_tx(async |tx| store::give_back(tx, key, token).await);
        if let Err(error) = write_point::within("bill: release", giving).await {
            // It ends by itself.
            tracing::warn!(%error, "a day of bills that was compared is held for some minutes more");
        }
        compared
    }

    /// Whether somebody compares a day just now.
    pub(super) async fn is_compared_now(&self, key: &DayKey) -> Result<bool, DbError> {
        store::is_held((&self.db).into(), key, self.clock.now()).await
    }
}
