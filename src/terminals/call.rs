//! Authentication of requests from terminals.

use super::{
    contacts::Contacts,
    store,
    terminal::{Terminal, TerminalKind},
};
use crate::{
    base::{
        clock::{Clock, Timestamp},
        db::{Db, DbError},
        http::signature::{
            Authorities, SignatureError, SignedRequest, UnverifiedSignature, VerifiedHead,
            VerifiedSignature,
        },
        kv::{Kv, KvError},
    },
    schools::Schools,
};
use moka::future::Cache;
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// How long terminals are cached. Together with [`READ_WITHIN`], changes by an operator take effect
/// within a second.
const CACHED_FOR: Duration = Duration::from_millis(900);
/// A terminal that took longer to be read is not cached: it may have been changed since.
const READ_WITHIN: Duration = Duration::from_millis(100);
/// The number of cached terminals.
const MAX_CACHED: u64 = 20_000;
/// How long the nonce of an unnumbered request is remembered: as long as its signature is accepted.
const NONCE_LIFE: Duration = Duration::from_mins(2);

/// A request with a verified signature of a terminal.
#[derive(Clone, Debug)]
pub struct Call {
    /// The terminal that signed it.
    pub terminal: Arc<Terminal>,
    /// The verified signature.
    pub signed: VerifiedSignature,
    /// When it arrived: the terminal, and whoever stands at it, waits from then.
    pub arrived_at: Timestamp,
}

/// A head with a verified signature of a terminal: its body may be received.
#[derive(Debug)]
pub struct CallHead {
    terminal: Arc<Terminal>,
    signed: VerifiedHead,
}

impl CallHead {
    /// The request, if this is the body that the terminal signed.
    pub fn with_body(self, body: &[u8], arrived_at: Timestamp) -> Result<Call, SignatureError> {
        let signed = self.signed.with_body(body)?;
        Ok(Call { terminal: self.terminal, signed, arrived_at })
    }
}

/// A request of a terminal that charges: a till, or a library's desk with a merchant.
#[derive(Clone, Debug)]
pub struct Till(Arc<Call>);

impl Till {
    /// `None` for other terminals.
    pub fn of(call: &Arc<Call>) -> Option<Self> {
        let terminal = &call.terminal;
        let sells = match terminal.kind {
            TerminalKind::Pos => true,
            TerminalKind::Library => terminal.merchant.is_some(),
            TerminalKind::Gate | TerminalKind::Water => false,
        };
        sells.then(|| Self(Arc::clone(call)))
    }

    /// The request.
    pub fn call(&self) -> &Call {
        &self.0
    }
}

/// A request of a terminal that asks who may pass: a door or a gate, or a library's desk.
#[derive(Clone, Debug)]
pub struct DoorCall(Arc<Call>);

impl DoorCall {
    /// `None` for other terminals.
    pub fn of(call: &Arc<Call>) -> Option<Self> {
        let is_door = matches!(call.terminal.kind, TerminalKind::Gate | TerminalKind::Library);
        is_door.then(|| Self(Arc::clone(call)))
    }

    /// The request.
    pub fn call(&self) -> &Call {
        &self.0
    }
}

/// Why a terminal's request was not authenticated.
#[derive(Debug, thiserror::Error)]
pub enum TerminalAuthError {
    /// The signature is not valid.
    #[error("{0}")]
    Signature(#[from] SignatureError),
    /// The nonce of an unnumbered request was used before.
    #[error("the nonce was used before")]
    Replayed,
    /// The database failed.
    #[error("the terminal cannot be looked up: {0}")]
    Db(#[from] DbError),
}

/// Verifies with the terminal's key; with the one before as long as that is good.
fn verify(
    claim: UnverifiedSignature,
    terminal: &Terminal,
    now: Timestamp,
) -> Result<VerifiedHead, SignatureError> {
    let old = terminal.old_key.as_ref().filter(|(_, until)| now < *until);
    let Some((old, _)) = old else { return claim.verify(&terminal.key, now) };
    match claim.clone().verify(&terminal.key, now) {
        Err(SignatureError::Signature) => claim.verify(old, now),
        verified => verified,
    }
}

/// Authentication and configuration of terminals.
#[derive(Clone, Debug)]
pub struct Terminals {
    pub(super) db: Db,
    pub(super) schools: Arc<Schools>,
    pub(super) clock: Arc<dyn Clock>,
    kv: Arc<dyn Kv>,
    authorities: Arc<Authorities>,
    live: Cache<String, Arc<Terminal>>,
    pub(super) contacts: Arc<Contacts>,
}

/// The dependencies of [`Terminals`].
#[derive(Debug)]
pub struct TerminalsSetup {
    /// The database of terminals and stored responses.
    pub db: Db,
    /// For nonces of unnumbered requests.
    pub kv: Arc<dyn Kv>,
    /// The schools and their policies.
    pub schools: Arc<Schools>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The names of this server that signatures may cover.
    pub authorities: Authorities,
}

impl Terminals {
    /// Terminals as stored in the database.
    pub fn new(setup: TerminalsSetup) -> Self {
        let TerminalsSetup { db, kv, schools, clock, authorities } = setup;
        let live = Cache::builder().max_capacity(MAX_CACHED).time_to_live(CACHED_FOR).build();
        let (authorities, contacts) = (Arc::new(authorities), Arc::default());
        Self { db, schools, clock, kv, authorities, live, contacts }
    }

    /// The names of this server that signatures may cover.
    pub fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    /// Verifies the signature of a request's head; returns it with the terminal.
    pub async fn authenticate(
        &self,
        request: &SignedRequest<'_>,
    ) -> Result<CallHead, TerminalAuthError> {
        let claim = UnverifiedSignature::read(request)?;
        let terminal = self.terminal(claim.key_id()).await?.ok_or(SignatureError::Key)?;
        let now = self.clock.now();
        let signed = verify(claim, &terminal, now)?;
        self.contacts.note(terminal.id, now);
        Ok(CallHead { terminal, signed })
    }

    /// Checks that the nonce of an unnumbered request is new, on this server before anything is
    /// awaited. If the key-value store is unavailable or was emptied, a request may be replayed at
    /// another server while its signature is fresh, which is harmless: such requests only read.
    pub async fn once(&self, call: &Call) -> Result<(), TerminalAuthError> {
        let nonce = hex::encode(Sha256::digest(call.signed.nonce()));
        let key = format!("terminal:nonce:{}:{nonce}", call.terminal.id);
        match self.kv.put_once(&key, b"1", NONCE_LIFE).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(TerminalAuthError::Replayed),
            Err(error @ (KvError::Unavailable | KvError::OutOfBounds)) => {
                tracing::warn!(%error, "the nonce of a terminal's request could not be stored");
                Ok(())
            }
        }
    }

    async fn terminal(&self, key_id: &str) -> Result<Option<Arc<Terminal>>, DbError> {
        if let Some(known) = self.live.get(key_id).await {
            return Ok(Some(known));
        }
        let Some((school, code)) = key_id.split_once('/') else { return Ok(None) };
        let asked_at = self.clock.now();
        let found = store::registry::find(&self.db, school, code).await?.map(Arc::new);
        let fresh = self.clock.now().distance(asked_at) <= READ_WITHIN;
        if let Some(found) = found.as_ref().filter(|_| fresh) {
            self.live.insert(key_id.to_owned(), Arc::clone(found)).await;
        }
        Ok(found)
    }
}
