//! Posting in lanes: what a caller uses who has nothing else to write in the same transaction.

use super::{
    LedgerError, Outcome,
    post::{Opened, post_alone},
    transfer::Transfer,
};
use crate::base::{
    clock::Clock,
    db::{Db, DbError, TxError},
    lane::{Batch, Lanes},
};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::task::LocalPoolHandle;

/// The most transfers of one commit.
pub const BATCH: usize = 64;

/// Posts transfers, a batch for each commit, and wakes the sealer.
#[derive(Debug)]
pub struct Poster {
    db: Db,
    clock: Arc<dyn Clock>,
    sealer: Arc<Notify>,
    opened: Opened,
}

impl Poster {
    /// Lanes that post to `db`.
    pub fn lanes(
        threads: &LocalPoolHandle,
        db: Db,
        clock: Arc<dyn Clock>,
        sealer: Arc<Notify>,
        lanes: usize,
    ) -> Lanes<Self> {
        Lanes::start(threads, Self { db, clock, sealer, opened: Opened::default() }, lanes, BATCH)
    }
}

#[async_trait(?Send)]
impl Batch for Poster {
    type Request = Transfer;
    type Answer = Outcome;
    type Error = LedgerError;

    async fn run(&self, requests: &[Transfer]) -> Result<Vec<Outcome>, LedgerError> {
        let now = self.clock.now();
        let outcomes = post_alone(&self.db, &self.opened, now, requests).await?;
        self.sealer.notify_one();
        Ok(outcomes)
    }

    fn is_unreachable(error: &LedgerError) -> bool {
        error.db().is_some_and(DbError::is_unreachable)
    }
}
