//! The sealer: appends every committed batch without a seal to the school's chain, and folds the
//! school's accounts up to that batch.
//!
//! It does not rely on the order of ids or times: a committed batch stays in `unsealed` until the
//! transaction that seals it removes it. The lock on the school's `seal_head` row admits one sealer
//! per school at a time.

use super::{store, transfer::Hash};
use crate::base::{
    clock::{Clock, Timestamp},
    db::{Db, DbError},
    ids::SchoolId,
};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use uuid::Uuid;

/// The most batches sealed in one transaction.
const BATCHES_PER_ROUND: u32 = 1000;
/// The pause between rounds: larger rounds are cheaper than immediate ones.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest sleep without a wake-up: other processes post too and cannot wake this one.
const IDLE: Duration = Duration::from_secs(1);

/// The last seal of a school.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many batches are sealed.
    pub position: i64,
    /// The chain's hash at this position.
    pub hash: Hash,
}

/// The start of every chain.
pub const GENESIS: Head = Head { position: 0, hash: [0; 32] };

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The school.
    pub school: SchoolId,
    /// The position in the chain: from 1, without gaps.
    pub position: i64,
    /// The sealed batch.
    pub batch: Uuid,
    /// How many transfers the batch has.
    pub transfers: i32,
    /// The batch's digest.
    pub digest: Hash,
    /// When it was sealed.
    pub sealed_at: Timestamp,
}

impl Seal {
    /// SHA-256 over every field and the previous hash.
    pub fn hash(&self, before: &Hash) -> Hash {
        Sha256::new()
            .chain_update(b"onecard-seal-v1|")
            .chain_update(self.school.number().to_be_bytes())
            .chain_update(self.position.to_be_bytes())
            .chain_update(self.batch.as_bytes())
            .chain_update(self.transfers.to_be_bytes())
            .chain_update(self.digest)
            .chain_update(self.sealed_at.micros().to_be_bytes())
            .chain_update(before)
            .finalize()
            .into()
    }
}

/// Seals at most a thousand unsealed batches of a school and returns the count. Also returns zero
/// if another process is sealing this school.
pub async fn seal_some(db: &Db, school: SchoolId, now: Timestamp) -> Result<usize, DbError> {
    db.in_tx(async |tx| {
        let Some(mut head) = store::lock_head(tx, school).await? else {
            return Ok(0);
        };
        let waiting = store::take_unsealed(tx, school, BATCHES_PER_ROUND).await?;
        let mut seals = Vec::with_capacity(waiting.len());
        for batch in &waiting {
            let seal = Seal {
                school,
                position: head.position + 1,
                batch: batch.id,
                transfers: batch.transfers,
                digest: batch.digest,
                sealed_at: now,
            };
            head = Head { position: seal.position, hash: seal.hash(&head.hash) };
            seals.push((seal, head.hash));
        }
        if !seals.is_empty() {
            store::append_seals(tx, &seals).await?;
            store::move_head(tx, school, head).await?;
            store::fold(tx, waiting.iter().map(|batch| batch.id).collect()).await?;
        }
        Ok(seals.len())
    })
    .await
}

/// Seals all unsealed batches of every school.
pub async fn seal_all(db: &Db, clock: &dyn Clock) -> Result<usize, DbError> {
    let mut sealed = 0;
    for school in store::schools_with_unsealed(db).await? {
        loop {
            let some = seal_some(db, school, clock.now()).await?;
            sealed += some;
            if u32::try_from(some) != Ok(BATCHES_PER_ROUND) {
                break;
            }
        }
    }
    Ok(sealed)
}

/// Seals until the process stops.
pub async fn run(db: Db, clock: Arc<dyn Clock>, wake: Arc<Notify>) {
    loop {
        match seal_all(&db, &*clock).await {
            Ok(0) => {
                let _ = tokio::time::timeout(IDLE, wake.notified()).await;
            }
            Ok(batches) => {
                metrics::counter!("onecard_sealed_batches_total").increment(count(batches));
            }
            Err(error) => {
                tracing::error!(%error, "sealing failed, will retry");
                tokio::time::sleep(IDLE).await;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
