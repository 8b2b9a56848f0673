//! Closing records: signed statements that every law held up to a seal, and what stood there, so that
//! `verify --since` need not read what came before.
//!
//! Invariant: a record is made by a `verify` that found no break.
//! Absent on purpose: what facts debited. From a record on, a debt may exceed the debt that stood
//! there by what facts have debited since, which is a closer bound than the sum over all time.

use super::{heads::bytes, seal::Head, transfer::Hash};
use crate::base::{
    clock::Timestamp,
    crypto::heads::{BadHeadSignature, HeadKeyError, HeadSigner, TrustedKey, verify},
    ids::SchoolId,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What stood at a seal of a school when every law held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The school.
    pub school: SchoolId,
    /// The seal.
    pub head: Head,
    /// The digest of all balances there, by [`BalanceDigest`].
    pub balances: Hash,
    /// How many transfers are sealed.
    pub transfers: u64,
    /// How many legs they have.
    pub legs: u64,
    /// How many of the transfers a row of their room explains, by kind.
    pub rows: BTreeMap<String, u64>,
}

impl Closing {
    /// What stands before the first seal.
    pub fn genesis(school: SchoolId) -> Self {
        let balances = BalanceDigest::new(school).finish();
        let head = super::seal::GENESIS;
        Self { school, head, balances, transfers: 0, legs: 0, rows: BTreeMap::new() }
    }
}

/// The digest of the balances of a school. Accounts are added by key; those at zero are left out, so
/// that opening an account changes nothing.
#[derive(Clone, Debug)]
pub(super) struct BalanceDigest(Sha256);

impl BalanceDigest {
    pub(super) fn new(school: SchoolId) -> Self {
        let label = Sha256::new().chain_update(b"onecard-balances-v1|");
        Self(label.chain_update(school.number().to_be_bytes()))
    }

    pub(super) fn add(&mut self, account: Uuid, fen: i64) {
        if fen != 0 {
            self.0.update(account.as_bytes());
            self.0.update(fen.to_be_bytes());
        }
    }

    pub(super) fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}

/// A signed closing record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedClosing {
    /// What is signed.
    pub closing: Closing,
    /// When it was signed, in whole seconds.
    pub at: Timestamp,
    /// The Ed25519 key that verifies the signature.
    pub public_key: [u8; 32],
    signature: [u8; 64],
}

/// The text is not a closing record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a closing record")]
pub struct NotAClosing;

/// The file format: JSON on one line, bytes in hexadecimal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    school: i64,
    position: i64,
    hash: String,
    balances: String,
    transfers: u64,
    legs: u64,
    rows: BTreeMap<String, u64>,
    at: String,
    public_key: String,
    signature: String,
}

impl SignedClosing {
    /// Signs a record.
    pub fn sign(
        signer: &HeadSigner,
        closing: Closing,
        now: Timestamp,
    ) -> Result<Self, HeadKeyError> {
        let at = Timestamp::from_seconds(now.seconds());
        let signature = signer.sign(&message(&closing, at))?;
        Ok(Self { closing, at, public_key: signer.public_key(), signature })
    }

    /// Checks that the signature is valid, and that its key is trusted at this position.
    pub fn verify(&self, trusted: &[TrustedKey]) -> Result<(), BadHeadSignature> {
        let position = self.closing.head.position;
        if !trusted.iter().any(|key| key.covers(&self.public_key, position)) {
            return Err(BadHeadSignature);
        }
        verify(&self.public_key, &message(&self.closing, self.at), &self.signature)
    }

    /// The record as a line of JSON, without the line end.
    pub fn to_line(&self) -> String {
        let Closing { school, head, balances, transfers, legs, rows } = &self.closing;
        let line = Line {
            school: school.number(),
            position: head.position,
            hash: hex::encode(head.hash),
            balances: hex::encode(balances),
            transfers: *transfers,
            legs: *legs,
            rows: rows.clone(),
            at: self.at.to_rfc3339(),
            public_key: hex::encode(self.public_key),
            signature: hex::encode(self.signature),
        };
        // Numbers and strings always serialize.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Parses a line of JSON.
    pub fn parse(line: &str) -> Result<Self, NotAClosing> {
        let line: Line = serde_json::from_str(line).map_err(|_| NotAClosing)?;
        let closing = Closing {
            school: SchoolId::from_number(line.school),
            head: Head { position: line.position, hash: bytes(&line.hash).ok_or(NotAClosing)? },
            balances: bytes(&line.balances).ok_or(NotAClosing)?,
            transfers: line.transfers,
            legs: line.legs,
            rows: line.rows,
        };
        Ok(Self {
            closing,
            at: Timestamp::parse_rfc3339(&line.at).map_err(|_| NotAClosing)?,
            public_key: bytes(&line.public_key).ok_or(NotAClosing)?,
            signature: bytes(&line.signature).ok_or(NotAClosing)?,
        })
    }
}

/// The signed bytes; strings and lists are prefixed with their lengths.
fn message(closing: &Closing, at: Timestamp) -> Vec<u8> {
    let mut message = b"onecard-closing-v1|".to_vec();
    message.extend(closing.school.number().to_be_bytes());
    message.extend(closing.head.position.to_be_bytes());
    message.extend(closing.head.hash);
    message.extend(closing.balances);
    message.extend(closing.transfers.to_be_bytes());
    message.extend(closing.legs.to_be_bytes());
    message.extend(length(closing.rows.len()));
    for (kind, rows) in &closing.rows {
        message.extend(length(kind.len()));
        message.extend(kind.as_bytes());
        message.extend(rows.to_be_bytes());
    }
    message.extend(at.seconds().to_be_bytes());
    message
}

fn length(n: usize) -> [u8; 8] {
    u64::try_from(n).unwrap_or(u64::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::crypto::keyring::Key32;

    fn signed() -> (HeadSigner, SignedClosing) {
        let signer = HeadSigner::derive(&Key32::from_bytes([1; 32])).unwrap();
        let rows = [("received".to_owned(), 3), ("spent".to_owned(), 7)];
        let closing = Closing {
            head: Head { position: 12, hash: [3; 32] },
            transfers: 11,
            legs: 20,
            rows: rows.into_iter().collect(),
            ..Closing::genesis(SchoolId::from_number(1))
        };
        let record = SignedClosing::sign(&signer, closing, Timestamp::from_seconds(9)).unwrap();
        (signer, record)
    }

    #[test]
    fn a_line_says_what_was_signed() {
        let (signer, record) = signed();
        let read = SignedClosing::parse(&record.to_line()).unwrap();
        assert_eq!(read, record);
        assert_eq!(read.verify(&[TrustedKey::lasting(signer.public_key())]), Ok(()));
        assert_eq!(read.verify(&[TrustedKey::lasting([0; 32])]), Err(BadHeadSignature));
        assert_eq!(SignedClosing::parse("{}"), Err(NotAClosing));
    }

    #[test]
    fn every_field_is_signed() {
        let (signer, record) = signed();
        let line = record.to_line();
        let alterations = [
            ("\"school\":1", "\"school\":2"),
            ("\"position\":12", "\"position\":13"),
            ("\"hash\":\"03", "\"hash\":\"04"),
            ("\"balances\":\"", "\"balances\":\"00"),
            ("\"transfers\":11", "\"transfers\":12"),
            ("\"legs\":20", "\"legs\":21"),
            ("\"received\":3", "\"received\":4"),
            ("\"spent\":7", "\"spend\":7"),
            ("1970-01-01T08:00:09", "1970-01-01T08:00:10"),
        ];
        for (from, to) in alterations {
            let mut altered = line.replacen(from, to, 1);
            assert_ne!(altered, line, "{from}");
            if from.contains("balances") {
                // The digest keeps its length.
                let end = altered.find("\",\"transfers").unwrap();
                altered.replace_range(end - 2..end, "");
            }
            let altered = SignedClosing::parse(&altered).unwrap();
            assert_eq!(
                altered.verify(&[TrustedKey::lasting(signer.public_key())]),
                Err(BadHeadSignature),
                "{from}"
            );
        }
    }

    #[test]
    fn accounts_at_zero_do_not_count() {
        let of = |accounts: &[(u128, i64)]| {
            let mut digest = BalanceDigest::new(SchoolId::from_number(1));
            for (id, fen) in accounts {
                digest.add(Uuid::from_u128(*id), *fen);
            }
            digest.finish()
        };
        assert_eq!(of(&[(1, 5), (2, 0), (3, -5)]), of(&[(1, 5), (3, -5)]));
        assert_ne!(of(&[(1, 5), (3, -5)]), of(&[(1, 6), (3, -6)]));
        assert_ne!(of(&[(1, 5)]), of(&[(2, 5)]));
    }
}
