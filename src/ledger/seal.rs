//! The sealer: appends every committed batch without a seal to the school's chain, one seal for
//! all that wait, and folds the school's accounts up to them.
//!
//! It does not rely on the order of ids or times: a committed batch stays in `unsealed` until the
//! transaction that seals it removes it. The lock on the school's `seal_head` row admits one sealer
//! per school at a time.

use super::{
    store::{self, BatchRow},
    transfer::{Hash, length},
};
use crate::base::{
    clock::{Clock, Timestamp},
    db::{Db, DbError},
    ids::SchoolId,
    job_runs,
};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use uuid::Uuid;

/// The most batches under one seal.
const BATCHES_PER_SEAL: u32 = 1000;
/// The pause between rounds: larger rounds are cheaper than immediate ones.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest sleep without a wake-up: other processes post too and cannot wake this one.
const IDLE: Duration = Duration::from_secs(1);

/// The last seal of a school.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many seals there are.
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
    /// The sealed batches.
    pub batches: Sealed,
    /// How many transfers they have together.
    pub transfers: i32,
    /// The digest over them: see [`Sealed::digest`].
    pub digest: Hash,
    /// When it was sealed.
    pub sealed_at: Timestamp,
}

/// What a seal seals. A chain may have seals of both forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// One batch: the form that releases before 2026-12 wrote.
    Batch(Uuid),
    /// All batches of one turn of the sealer, in order.
    Turn(Vec<Uuid>),
}

impl Sealed {
    /// The batches, in order.
    pub fn batches(&self) -> &[Uuid] {
        match self {
            Self::Batch(batch) => std::slice::from_ref(batch),
            Self::Turn(batches) => batches,
        }
    }

    /// What the seal's digest must be: that of its batch, or SHA-256 over those of its batches, in
    /// order. `None` if the number of digests is not that of the batches.
    pub fn digest(&self, digests: &[Hash]) -> Option<Hash> {
        match (self, digests) {
            (Self::Batch(_), [digest]) => Some(*digest),
            (Self::Turn(batches), _) if batches.len() == digests.len() => {
                let start = Sha256::new().chain_update(b"onecard-batches-v1|");
                Some(digests.iter().fold(start, Digest::chain_update).finalize().into())
            }
            (Self::Batch(_) | Self::Turn(_), _) => None,
        }
    }

    fn label_and_batches(&self, school: SchoolId, position: i64) -> Sha256 {
        let start = |label: &[u8]| {
            Sha256::new()
                .chain_update(label)
                .chain_update(school.number().to_be_bytes())
                .chain_update(position.to_be_bytes())
        };
        match self {
            Self::Batch(batch) => start(b"onecard-seal-v1|").chain_update(batch.as_bytes()),
            Self::Turn(batches) => {
                let start = start(b"onecard-seal-v2|").chain_update(length(batches.len()));
                batches.iter().fold(start, |hash, batch| hash.chain_update(batch.as_bytes()))
            }
        }
    }
}

impl Seal {
    /// SHA-256 over every field and the previous hash.
    pub fn hash(&self, before: &Hash) -> Hash {
        self.batches
            .label_and_batches(self.school, self.position)
            .chain_update(self.transfers.to_be_bytes())
            .chain_update(self.digest)
            .chain_update(self.sealed_at.micros().to_be_bytes())
            .chain_update(before)
            .finalize()
            .into()
    }
}

/// Seals at most a thousand unsealed batches of a school, under one seal, and returns the count.
/// Also returns zero if another process is sealing this school.
pub async fn seal_some(db: &Db, school: SchoolId, now: Timestamp) -> Result<usize, DbError> {
    db.in_tx(async |tx| {
        let Some(head) = store::lock_head(tx, school).await? else {
            return Ok(0);
        };
        let waiting = store::take_unsealed(tx, school, BATCHES_PER_SEAL).await?;
        if waiting.is_empty() {
            return Ok(0);
        }
        let seal = next(school, head, &waiting, now)?;
        let head = Head { position: seal.position, hash: seal.hash(&head.hash) };
        store::append_seal(tx, &seal, head.hash).await?;
        store::move_head(tx, school, head).await?;
        store::fold(tx, seal.batches.batches().to_vec()).await?;
        Ok(waiting.len())
    })
    .await
}

fn next(
    school: SchoolId,
    head: Head,
    waiting: &[BatchRow],
    sealed_at: Timestamp,
) -> Result<Seal, DbError> {
    let wrong = |what| DbError::Inconsistent { table: "unsealed", what };
    let digests: Vec<Hash> = waiting.iter().map(|batch| batch.digest).collect();
    let batches = Sealed::Turn(waiting.iter().map(|batch| batch.id).collect());
    let digest = batches.digest(&digests).ok_or(wrong("a batch without its digest"))?;
    let transfers = waiting
        .iter()
        .try_fold(0_i32, |sum, batch| sum.checked_add(batch.transfers))
        .ok_or(wrong("more transfers than a seal can count"))?;
    Ok(Seal { school, position: head.position + 1, batches, transfers, digest, sealed_at })
}

/// Seals all unsealed batches of every school.
pub async fn seal_all(db: &Db, clock: &dyn Clock) -> Result<usize, DbError> {
    let mut sealed = 0;
    for school in store::schools_with_unsealed(db).await? {
        loop {
            let some = seal_some(db, school, clock.now()).await?;
            sealed += some;
            if u32::try_from(some) != Ok(BATCHES_PER_SEAL) {
                break;
            }
        }
    }
    Ok(sealed)
}

/// Seals until the process stops.
pub async fn run(db: Db, clock: Arc<dyn Clock>, wake: Arc<Notify>) {
    loop {
        match job_runs::noted(seal_all(&db, &*clock).await) {
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
