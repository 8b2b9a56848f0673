//! The lanes of charges. A batch goes one of two ways, which decide by the same rules and leave the
//! same rows: [`at_once`](super::at_once) without locks where nothing is unusual, otherwise
//! [`under_locks`](super::under_locks).

use super::asking::{Asking, Told};
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

/// The most charges of one commit.
pub const BATCH: usize = 64;

/// Why nothing was decided. The till is told to ask again.
#[derive(Debug, thiserror::Error)]
pub enum ChargeError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A name that does not open.
    #[error("a name could not be opened: {0}")]
    Sealed(#[from] SealError),
    /// A merchant's code that cannot be an account's.
    #[error(transparent)]
    Name(#[from] NotAName),
    /// An answer that is not JSON.
    #[error("an answer could not be written: {0}")]
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

/// Charges in lanes.
#[derive(Debug)]
pub struct Charging {
    /// Where.
    pub db: Db,
    /// When.
    pub clock: Arc<dyn Clock>,
    /// Opens names.
    pub names: Sealer,
    /// Told which codes were used.
    pub codes: Codes,
    /// Woken after each commit.
    pub sealer: Arc<Notify>,
}

#[async_trait(?Send)]
impl Batch for Charging {
    type Request = Asking;
    type Answer = Told;
    type Error = ChargeError;

    async fn run(&self, requests: &[Asking]) -> Result<Vec<Told>, ChargeError> {
        let done = write_point::within("charge", self.charge(requests)).await?;
        self.sealer.notify_one();
        self.codes.remember_used(&done.used);
        Ok(done.told)
    }

    fn is_unreachable(error: &ChargeError) -> bool {
        error.db().is_some_and(DbError::is_unreachable)
    }
}

impl Charging {
    async fn charge(&self, askings: &[Asking]) -> Result<Done, ChargeError> {
        match self.charge_at_once(askings).await? {
            Some(done) => Ok(done),
            None => self.charge_under_locks(askings).await,
        }
    }
}

/// What came of a batch.
#[derive(Debug)]
pub struct Done {
    /// What each request is told.
    pub told: Vec<Told>,
    /// The codes that can be used no more.
    pub used: Vec<ShownCode>,
}
