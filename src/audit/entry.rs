//! An entry, and the bytes that are hashed.

use super::acts::AuditAct;
use crate::base::{clock::Timestamp, crypto::row_mac::Field, ids::SchoolId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Something that was done. Who did it, and why, is what the transaction was begun with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was done.
    pub act: AuditAct,
    /// The school, unless it concerns all.
    pub school: Option<SchoolId>,
    /// To whom or what: an id or a code.
    pub subject: String,
    /// What changed, without secrets; may be empty.
    pub detail: String,
}

/// The longest text of an entry; longer ones are cut.
const MAX_TEXT: usize = 1000;

/// An entry as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) position: i64,
    pub(super) at: Timestamp,
    pub(super) who: String,
    pub(super) act: String,
    pub(super) school: i64,
    pub(super) subject: String,
    pub(super) detail: String,
    pub(super) why: String,
    pub(super) hash: Vec<u8>,
    pub(super) mac: Option<Vec<u8>>,
}

impl Stored {
    /// The hash over the entry and the hash of the one before: `docs/ledger.md` states its bytes.
    pub(super) fn hash_after(&self, before: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"onecard-audit-v1|");
        hash.update(self.position.to_be_bytes());
        hash.update(self.at.micros().to_be_bytes());
        hash.update(self.school.to_be_bytes());
        for text in [&self.who, &self.act, &self.subject, &self.detail, &self.why] {
            let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
            hash.update(length.to_be_bytes());
            hash.update(text.as_bytes());
        }
        hash.update(before);
        hash.finalize().into()
    }

    /// The row that the MAC is for: the entry's position in place of an id.
    pub(super) fn mac_row(&self) -> Uuid {
        Uuid::from_u128(u128::try_from(self.position).unwrap_or(0))
    }

    /// What the MAC covers: the hash covers everything else.
    pub(super) fn mac_fields(&self) -> [Field; 1] {
        [self.hash.as_slice().into()]
    }
}

/// The text without control characters, cut to a bounded length.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with the Python module `hashlib`.
    #[test]
    fn the_hash_is_that_of_another_implementation() {
        let stored = Stored {
            position: 7,
            at: Timestamp::from_micros(1_795_233_600_000_001),
            who: "root".into(),
            act: "terminal.added".into(),
            school: 3,
            subject: "xnec/T1".into(),
            detail: String::new(),
            why: "新设备".into(),
            hash: vec![],
            mac: None,
        };
        assert_eq!(hex::encode(stored.hash_after(&[9; 32])), VECTOR);
    }

    #[test]
    fn texts_are_plain_and_bounded() {
        assert_eq!(plain("a\nb\u{1b}[0m"), "ab[0m");
        assert_eq!(plain(&"x".repeat(2000)).len(), MAX_TEXT);
    }

    const VECTOR: &str = "42aaf95e37fa0cc048008fc2b37cee5f8b0021cf9657f0a10e53f959827b002a";
}
