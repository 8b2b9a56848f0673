//! The lanes of charges. A batch takes one of two paths, which apply the same rules and write the
//! same rows: [`at_once`](super::at_once), without locks, in the common case, and
//! [`under_locks`](super::under_locks) otherwise.

use super::request::{ChargeRequest, TillReply};
use crate::{
    base::{
        clock::Clock,
        crypto::seal::{SealError, Sealer},
        db::{Db, DbError, TxError},
        lane::Batch,
        write_point,
    },
    ledger::{LedgerError, account::NotAName},
    passcode::{Codes, ShownCode},
};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::Notify;

/// The maximum number of charges per commit.
pub const BATCH: usize = 64;

/// Why nothing was decided. The till is asked to retry.
#[derive(Debug, thiserror::Error)]
pub enum ChargeError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A name could not be decrypted.
    #[error("a name could not be decrypted: {0}")]
    Sealed(#[from] SealError),
    /// A merchant's code is not a valid account name.
    #[error(transparent)]
    Name(#[from] NotAName),
    /// An answer could not be serialized.
    #[error("an answer could not be serialized: {0}")]
    Answer(#[from] serde_json::Error),
}

impl TxError for ChargeError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Ledger(error) => error.db(),
            Self::Sealed(_) | Self::Name(_) | Self::Answer(_) => None,
        }
    }
}

/// Decides batches of charges in lanes.
#[derive(Debug)]
pub struct Charging {
    /// The database.
    pub db: Db,
    /// The source of the current time.
    pub clock: Arc<dyn Clock>,
    /// Decrypts names.
    pub names: Sealer,
    /// Remembers used codes.
    pub codes: Codes,
    /// Notified after each commit.
    pub sealer: Arc<Notify>,
}

#[async_trait(?Send)]
impl Batch for Charging {
    type Request = ChargeRequest;
    type Answer = TillReply;
    type Error = ChargeError;

    async fn run(&self, requests: &[ChargeRequest]) -> Result<Vec<TillReply>, ChargeError> {
        let done = write_point::within("charge", self.charge(requests)).await?;
        self.sealer.notify_one();
        self.codes.remember_used(&done.used);
        Ok(done.replies)
    }

    fn is_unreachable(error: &ChargeError) -> bool {
        error.db().is_some_and(DbError::is_unreachable)
    }
}

impl Charging {
    async fn charge(&self, requests: &[ChargeRequest]) -> Result<Done, ChargeError> {
        match self.charge_at_once(requests).await? {
            Some(done) => Ok(done),
            None => self.charge_under_locks(requests).await,
        }
    }
}

/// The outcome of a batch.
#[derive(Debug)]
pub struct Done {
    /// The reply to each request.
    pub replies: Vec<TillReply>,
    /// The codes that were used up.
    pub used: Vec<ShownCode>,
}
