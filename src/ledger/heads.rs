//! Signed heads: the last seal of each school, signed with a key that is not in the database and
//! written to a file and to the log. `verify` compares them with the history.
//!
//! Invariant: lines are only appended, and are synced to disk before they count as signed.

mod file;

pub(super) use file::HeadLines;
pub use file::append;

use super::{seal::Head, store};
use crate::base::{
    clock::{Clock, Timestamp},
    crypto::heads::{BadHeadSignature, HeadKeyError, HeadSigner, TrustedKey, verify},
    db::{Db, DbError},
    ids::SchoolId,
    job_runs,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

/// How often heads are signed.
const EVERY: Duration = Duration::from_mins(1);

/// A signed statement of a school's last seal at a given time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// The school.
    pub school: SchoolId,
    /// The school's last seal.
    pub head: Head,
    /// When it was signed, in whole seconds.
    pub at: Timestamp,
    /// The Ed25519 key that verifies the signature.
    pub public_key: [u8; 32],
    /// The signature over [`SignedHead::message`].
    pub signature: [u8; 64],
}

/// The text is not a signed head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a signed head")]
pub struct NotASignedHead;

/// The file format of a signed head: JSON on one line, bytes in hexadecimal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    school: i64,
    position: i64,
    hash: String,
    at: String,
    public_key: String,
    signature: String,
}

impl SignedHead {
    /// Signs a head.
    pub fn sign(
        signer: &HeadSigner,
        school: SchoolId,
        head: Head,
        now: Timestamp,
    ) -> Result<Self, HeadKeyError> {
        let at = Timestamp::from_seconds(now.seconds());
        let signature = signer.sign(&Self::message(school, &head, at))?;
        Ok(Self { school, head, at, public_key: signer.public_key(), signature })
    }

    /// The signed bytes: a label, then school, position, hash and seconds since 1970 UTC, each of
    /// fixed length and big-endian.
    pub fn message(school: SchoolId, head: &Head, at: Timestamp) -> Vec<u8> {
        let mut message = b"onecard-signed-head-v1|".to_vec();
        message.extend(school.number().to_be_bytes());
        message.extend(head.position.to_be_bytes());
        message.extend(head.hash);
        message.extend(at.seconds().to_be_bytes());
        message
    }

    /// Checks that the signature is valid, and that its key is trusted at this position.
    pub fn verify(&self, trusted: &[TrustedKey]) -> Result<(), BadHeadSignature> {
        let position = self.head.position;
        if !trusted.iter().any(|key| key.covers(&self.public_key, position)) {
            return Err(BadHeadSignature);
        }
        let message = Self::message(self.school, &self.head, self.at);
        verify(&self.public_key, &message, &self.signature)
    }

    /// The head as a line of JSON, without the line end.
    pub fn to_line(&self) -> String {
        let line = Line {
            school: self.school.number(),
            position: self.head.position,
            hash: hex::encode(self.head.hash),
            at: self.at.to_rfc3339(),
            public_key: hex::encode(self.public_key),
            signature: hex::encode(self.signature),
        };
        // Numbers and strings always serialize.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Parses a line of JSON.
    pub fn parse(line: &str) -> Result<Self, NotASignedHead> {
        let line: Line = serde_json::from_str(line).map_err(|_| NotASignedHead)?;
        let head = Head { position: line.position, hash: bytes(&line.hash).ok_or(NotASignedHead)? };
        Ok(Self {
            school: SchoolId::from_number(line.school),
            head,
            at: Timestamp::parse_rfc3339(&line.at).map_err(|_| NotASignedHead)?,
            public_key: bytes(&line.public_key).ok_or(NotASignedHead)?,
            signature: bytes(&line.signature).ok_or(NotASignedHead)?,
        })
    }
}

/// Reads bytes in hexadecimal, as many as there must be.
pub(super) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

/// Why heads were not signed.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// The database cannot be read.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] HeadKeyError),
    /// The file cannot be written.
    #[error("the file of signed heads cannot be written: {0}")]
    File(#[from] std::io::Error),
    /// The process is stopping.
    #[error("stopped while writing signed heads")]
    Stopped,
}

/// Signs the heads of all schools whose chain has grown since `known`.
pub async fn sign_heads(
    db: &Db,
    signer: &HeadSigner,
    known: &BTreeMap<SchoolId, Head>,
    now: Timestamp,
) -> Result<Vec<SignedHead>, HeadError> {
    let heads = store::heads(db.conn()).await?;
    let moved = heads
        .into_iter()
        .filter(|(school, head)| head.position > 0 && known.get(school) != Some(head));
    moved.map(|(school, head)| Ok(SignedHead::sign(signer, school, head, now)?)).collect()
}

/// Signs heads and appends them to a file.
#[derive(Debug)]
pub struct HeadLog {
    db: Db,
    clock: Arc<dyn Clock>,
    signer: Arc<HeadSigner>,
    path: PathBuf,
    signed: BTreeMap<SchoolId, Head>,
}

impl HeadLog {
    /// A log that appends to the file at `path`.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        signer: impl Into<Arc<HeadSigner>>,
        path: PathBuf,
    ) -> Self {
        Self { db, clock, signer: signer.into(), path, signed: BTreeMap::new() }
    }

    /// Signs the heads that changed since the last call, and returns after they are synced to disk.
    pub async fn sign(&mut self) -> Result<Vec<SignedHead>, HeadError> {
        let heads = sign_heads(&self.db, &self.signer, &self.signed, self.clock.now()).await?;
        if heads.is_empty() {
            return Ok(heads);
        }
        let path = self.path.clone();
        let lines: Vec<String> = heads.iter().map(SignedHead::to_line).collect();
        tokio::task::spawn_blocking(move || append(&path, &lines))
            .await
            .map_err(|_| HeadError::Stopped)??;
        for head in &heads {
            self.signed.insert(head.school, head.head);
            tracing::info!(head = head.to_line(), "head of the ledger signed");
        }
        Ok(heads)
    }

    /// Signs every minute until the process stops.
    pub async fn run(mut self) {
        let mut minutes = tokio::time::interval(EVERY);
        loop {
            minutes.tick().await;
            match self.sign().await {
                Ok(_) => job_runs::done(),
                Err(error) => {
                    job_runs::failed("other");
                    tracing::error!(%error, "heads were not signed, will retry");
                }
            }
        }
    }
}
