//! A request of a terminal: whose it is, proven.

use super::{
    store,
    terminal::{Terminal, TerminalKind},
};
use crate::{
    base::{
        clock::Clock,
        db::{Db, DbError},
        http::signature::{
            Authorities, SignatureError, SignedRequest, UnverifiedSignature, VerifiedSignature,
        },
        kv::{Kv, KvError},
    },
    schools::Schools,
};
use moka::future::Cache;
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// A terminal's row may be this old in our copy: what an operator changes is seen within a second.
const COPY: Duration = Duration::from_millis(900);
/// At most this many terminals are remembered.
const COPIES: u64 = 20_000;
/// How long the nonce of a request without a number is remembered: as long as its signature may be
/// presented.
const NONCE_LIFE: Duration = Duration::from_mins(2);

/// A request that a terminal signed.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whose request it is.
    pub terminal: Arc<Terminal>,
    /// What its signature proves.
    pub signed: VerifiedSignature,
}

/// A request of a till.
#[derive(Clone, Debug)]
pub struct Till(Arc<Call>);

impl Till {
    /// `None` for other terminals.
    pub fn of(call: &Arc<Call>) -> Option<Self> {
        (call.terminal.kind == TerminalKind::Pos).then(|| Self(Arc::clone(call)))
    }

    /// The request.
    pub fn call(&self) -> &Call {
        &self.0
    }
}

/// Why a request is nobody's.
#[derive(Debug, thiserror::Error)]
pub enum TerminalAuthError {
    /// Not signed as it must be, or a replay.
    #[error("{0}")]
    Signature(#[from] SignatureError),
    /// The nonce of a request without a number came a second time.
    #[error("the nonce was used before")]
    Replayed,
    /// Not known.
    #[error("the terminal cannot be looked up: {0}")]
    Db(#[from] DbError),
}

/// Everything that terminals ask for.
#[derive(Clone, Debug)]
pub struct Terminals {
    pub(super) db: Db,
    pub(super) schools: Arc<Schools>,
    pub(super) clock: Arc<dyn Clock>,
    kv: Arc<dyn Kv>,
    authorities: Arc<Authorities>,
    live: Cache<String, Arc<Terminal>>,
}

/// What [`Terminals`] is made of.
#[derive(Debug)]
pub struct TerminalsSetup {
    /// Terminals and their answers.
    pub db: Db,
    /// Nonces of requests without a number.
    pub kv: Arc<dyn Kv>,
    /// Policies.
    pub schools: Arc<Schools>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// What requests may be signed for.
    pub authorities: Authorities,
}

impl Terminals {
    /// Terminals as stored in the database.
    pub fn new(parts: TerminalsSetup) -> Self {
        let TerminalsSetup { db, kv, schools, clock, authorities } = parts;
        let live = Cache::builder().max_capacity(COPIES).time_to_live(COPY).build();
        Self { db, schools, clock, kv, authorities: Arc::new(authorities), live }
    }

    /// What requests may be signed for.
    pub fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    /// Whose request it is.
    pub async fn authenticate(
        &self,
        request: &SignedRequest<'_>,
    ) -> Result<Call, TerminalAuthError> {
        let claim = UnverifiedSignature::read(request)?;
        let terminal = self.terminal(claim.key_id()).await?.ok_or(SignatureError::Key)?;
        let signed = claim.verify(&terminal.key, self.clock.now())?;
        Ok(Call { terminal, signed })
    }

    /// Lets a call without a number pass once. Where the key-value store is away or was emptied, it
    /// passes again while its signature is fresh, which is harmless: such calls only read.
    pub async fn once(&self, call: &Call) -> Result<(), TerminalAuthError> {
        let nonce = hex::encode(Sha256::digest(call.signed.nonce()));
        let key = format!("terminal:nonce:{}:{nonce}", call.terminal.id);
        match self.kv.put_once(&key, b"1", NONCE_LIFE).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(TerminalAuthError::Replayed),
            Err(error @ (KvError::Unavailable | KvError::OutOfBounds)) => {
                tracing::warn!(%error, "the nonce of a terminal's request is not remembered");
                Ok(())
            }
        }
    }

    async fn terminal(&self, key_id: &str) -> Result<Option<Arc<Terminal>>, DbError> {
        if let Some(known) = self.live.get(key_id).await {
            return Ok(Some(known));
        }
        let Some((school, code)) = key_id.split_once('/') else { return Ok(None) };
        let found = store::registry::find(&self.db, school, code).await?.map(Arc::new);
        if let Some(found) = &found {
            self.live.insert(key_id.to_owned(), Arc::clone(found)).await;
        }
        Ok(found)
    }
}
