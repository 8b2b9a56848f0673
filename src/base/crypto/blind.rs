//! Blind index: looks up sealed personal data by a keyed digest, without decrypting it.
//!
//! HMAC-SHA256 over school ‖ field ‖ value, each framed by its length. Equal values of one field of
//! one school have equal digests; without the key nothing else can be learnt. The caller normalises
//! the value first, because normalisation depends on the field.

use super::{
    frame,
    keyring::{KeyRing, NamedKey},
};
use crate::base::ids::SchoolId;
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

const DOMAIN: &[u8] = b"onecard-blind-index-v1";

/// A digest and the id of the key that made it. Both are stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Blind {
    /// The id of the key.
    pub key_id: String,
    /// HMAC-SHA256.
    pub digest: [u8; 32],
}

/// Makes digests with the keys of `keys.index`.
#[derive(Clone, Debug)]
pub struct BlindIndex {
    keys: KeyRing,
}

impl BlindIndex {
    /// Uses the keys of `keys.index`.
    pub const fn new(keys: KeyRing) -> Self {
        Self { keys }
    }

    /// The id of the current key.
    pub fn key_id(&self) -> &str {
        self.keys.current().id()
    }

    /// The digest to store, made with the current key.
    pub fn index(&self, school: SchoolId, field: &str, value: &str) -> Blind {
        blind(self.keys.current(), school, field, value)
    }

    /// The digests to search for, the current key's first: during a key rotation, rows still hold
    /// digests of the older keys.
    pub fn candidates(&self, school: SchoolId, field: &str, value: &str) -> Vec<Blind> {
        let keys = self.keys.all();
        keys.map(|key| blind(key, school, field, value)).collect()
    }
}

fn blind(key: &NamedKey, school: SchoolId, field: &str, value: &str) -> Blind {
    let mut message = Zeroizing::new(Vec::with_capacity(DOMAIN.len() + value.len() + 64));
    frame(&mut message, DOMAIN);
    frame(&mut message, &school.number().to_be_bytes());
    frame(&mut message, field.as_bytes());
    frame(&mut message, value.as_bytes());
    let mac = hmac::Key::new(hmac::HMAC_SHA256, key.key().expose());
    let tag = hmac::sign(&mac, &message);
    let mut digest = [0; 32];
    // Both are 32 bytes, the output of SHA-256.
    digest.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    Blind { key_id: key.id().to_owned(), digest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::crypto::keyring::Key32;
    use std::collections::HashSet;

    fn key(id: &str, byte: u8) -> NamedKey {
        NamedKey::new(id, Key32::from_bytes([byte; 32])).unwrap()
    }

    fn school(number: i64) -> SchoolId {
        SchoolId::from_number(number)
    }

    /// Made with Python's `hmac`: key 32 × 0x01, school 1.
    #[test]
    fn matches_another_implementation() {
        let index = BlindIndex::new(KeyRing::single(key("k1", 1)));
        let blind = index.index(school(1), "student_no", "2023001");
        assert_eq!(blind.key_id, "k1");
        assert_eq!(
            hex::encode(blind.digest),
            "518ea960e62d14a450e8a691f920f4886ccbd4e0303905f42baf48e34fd79caf"
        );
    }

    #[test]
    fn every_part_counts_and_parts_are_framed() {
        let one = BlindIndex::new(KeyRing::single(key("k1", 1)));
        let other = BlindIndex::new(KeyRing::single(key("k1", 2)));
        let digests = [
            one.index(school(1), "phone", "13900000000"),
            one.index(school(2), "phone", "13900000000"),
            one.index(school(1), "phone1", "3900000000"),
            one.index(school(1), "phon", "e13900000000"),
            one.index(school(1), "phone", "13900000001"),
            one.index(school(1), "phone", ""),
            other.index(school(1), "phone", "13900000000"),
        ];
        let distinct: HashSet<_> = digests.iter().collect();
        assert_eq!(distinct.len(), digests.len());
    }

    #[test]
    fn a_rotated_index_still_finds_by_the_old_key() {
        let before = BlindIndex::new(KeyRing::single(key("k1", 1)));
        let after = BlindIndex::new(KeyRing::new(key("k2", 2), vec![key("k1", 1)]).unwrap());
        let stored = before.index(school(1), "phone", "13900000000");
        let sought = after.candidates(school(1), "phone", "13900000000");
        assert_eq!(sought.first(), Some(&after.index(school(1), "phone", "13900000000")));
        assert_eq!(sought.get(1), Some(&stored));
    }
}
