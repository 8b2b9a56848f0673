//! Signed heads: where each school's sealed history stood, signed with a key that is not in the
//! database, kept in a file and in the log. `verify` holds them against the history.
//!
//! Invariant: lines are only ever appended, and are on the disk before they count.

mod file;

pub use file::{HeadLines, append};

use super::{seal::Head, store};
use crate::base::{
    clock::{Clock, Timestamp},
    crypto::heads::{BadHeadSignature, HeadKeyError, HeadSigner, verify},
    db::{Db, DbError},
    ids::SchoolId,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

/// How often heads are signed.
const EVERY: Duration = Duration::from_mins(1);

/// That a school's sealed history stood there at that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// The school.
    pub school: SchoolId,
    /// Its last seal.
    pub head: Head,
    /// When it was signed; whole seconds.
    pub at: Timestamp,
    /// The Ed25519 key that it was signed with.
    pub public_key: [u8; 32],
    /// Over [`SignedHead::message`].
    pub signature: [u8; 64],
}

/// The text is not a signed head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a signed head")]
pub struct NotASignedHead;

/// A signed head as it is written: JSON on one line, bytes in hexadecimal.
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

    /// What is signed: a label, then school, position, hash and seconds since 1970 UTC, each of
    /// fixed length and big-endian.
    pub fn message(school: SchoolId, head: &Head, at: Timestamp) -> Vec<u8> {
        let mut message = b"onecard-signed-head-v1|".to_vec();
        message.extend(school.number().to_be_bytes());
        message.extend(head.position.to_be_bytes());
        message.extend(head.hash);
        message.extend(at.seconds().to_be_bytes());
        message
    }

    /// True to its signature, and signed with one of the `trusted` keys.
    pub fn verify(&self, trusted: &[[u8; 32]]) -> Result<(), BadHeadSignature> {
        if !trusted.contains(&self.public_key) {
            return Err(BadHeadSignature);
        }
        let message = Self::message(self.school, &self.head, self.at);
        verify(&self.public_key, &message, &self.signature)
    }

    /// As a line of JSON, without its end.
    pub fn to_line(&self) -> String {
        let line = Line {
            school: self.school.number(),
            position: self.head.position,
            hash: hex::encode(self.head.hash),
            at: self.at.to_rfc3339(),
            public_key: hex::encode(self.public_key),
            signature: hex::encode(self.signature),
        };
        // Numbers and texts always have a JSON form.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// From a line of JSON.
    pub fn parse(line: &str) -> Result<Self, NotASignedHead> {
        let line: Line = serde_json::from_str(line).map_err(|_| NotASignedHead)?;
        let head = Head { position: line.position, hash: bytes(&line.hash)? };
        Ok(Self {
            school: SchoolId::from_number(line.school),
            head,
            at: Timestamp::parse_rfc3339(&line.at).map_err(|_| NotASignedHead)?,
            public_key: bytes(&line.public_key)?,
            signature: bytes(&line.signature)?,
        })
    }
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], NotASignedHead> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| NotASignedHead)?;
    Ok(bytes)
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

/// Signs the heads of all schools that have moved past what is `known`.
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

/// Signs heads and keeps them.
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

    /// Signs what has moved since the last time, and answers once it is on the disk.
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

    /// Signs each minute, for as long as the process lives.
    pub async fn run(mut self) {
        let mut minutes = tokio::time::interval(EVERY);
        loop {
            minutes.tick().await;
            if let Err(error) = self.sign().await {
                tracing::error!(%error, "heads were not signed, will be tried again");
            }
        }
    }
}
