//! Posting in lanes: what a caller uses who has nothing else to write in the same transaction.

use super::{LedgerError, Outcome, post_all, transfer::Transfer};
use crate::base::{
    clock::Clock,
    db::Db,
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
        Lanes::start(threads, Self { db, clock, sealer }, lanes, BATCH)
    }
}

#[async_trait(?Send)]
impl Batch for Poster {
    type Request = Transfer;
    type Answer = Outcome;
    type Error = LedgerError;

    async fn run(&self, requests: &[Transfer]) -> Result<Vec<Outcome>, LedgerError> {
        let now = self.clock.now();
        let outcomes = self.db.in_tx(async |tx| post_all(tx, now, requests).await).await?;
        self.sealer.notify_one();
        Ok(outcomes)
    }
}
