//! 32-byte keys, and key rings: one current key, and older keys that are only read with.

use base64::{Engine, engine::general_purpose::STANDARD};
use std::{collections::BTreeSet, fmt};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const TEXT_PREFIX: &str = "base64:";
/// The id of a key that was configured without one.
const FIRST_ID: &str = "k1";
const MAX_ID_BYTES: usize = 32;

/// A secret of 32 bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Key32([u8; 32]);

/// Why a text is not a key, or why keys do not form a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The encoding prefix is missing.
    #[error("must be \"base64:\" followed by 32 bytes in base64")]
    NoPrefix,
    /// Not padded base64 of the standard alphabet.
    #[error("is not valid base64 after \"base64:\"")]
    NotBase64,
    /// Decodes to another number of bytes.
    #[error("must be exactly 32 bytes, not {0}")]
    WrongLength(usize),
    /// The id is not 1 to 32 of `a-z`, `0-9`, `-`, `_`.
    #[error("must be 1 to 32 of the characters a-z, 0-9, - and _")]
    BadId,
    /// Two keys of one ring have one id.
    #[error("holds two keys with the same id")]
    RepeatedId,
}

impl Key32 {
    /// Uses these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Takes a slice of exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, KeyError> {
        <[u8; 32]>::try_from(bytes).map(Self).map_err(|_| KeyError::WrongLength(bytes.len()))
    }

    /// Reads `base64:…`, standard alphabet with padding.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let encoded = text.strip_prefix(TEXT_PREFIX).ok_or(KeyError::NoPrefix)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| KeyError::NotBase64)?;
        Self::from_slice(&Zeroizing::new(bytes))
    }

    /// The raw bytes, for cryptography only.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key32([redacted])")
    }
}

/// A key with its id, under which stored data refers to it.
#[derive(Clone, Debug)]
pub struct NamedKey {
    id: String,
    key: Key32,
}

impl NamedKey {
    /// Gives `key` an id of 1 to 32 of `a-z`, `0-9`, `-`, `_`.
    pub fn new(id: &str, key: Key32) -> Result<Self, KeyError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b);
        if id.is_empty() || id.len() > MAX_ID_BYTES || !id.bytes().all(allowed) {
            return Err(KeyError::BadId);
        }
        Ok(Self { id: id.to_owned(), key })
    }

    /// A key that was configured without an id: `k1`.
    pub fn unnamed(key: Key32) -> Self {
        Self { id: FIRST_ID.to_owned(), key }
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key.
    pub const fn key(&self) -> &Key32 {
        &self.key
    }
}

/// The current key and older ones. The older ones only decrypt and verify.
#[derive(Clone, Debug)]
pub struct KeyRing {
    current: NamedKey,
    previous: Vec<NamedKey>,
}

impl KeyRing {
    /// A ring; the ids must differ.
    pub fn new(current: NamedKey, previous: Vec<NamedKey>) -> Result<Self, KeyError> {
        let ids: BTreeSet<&str> = previous.iter().map(NamedKey::id).collect();
        if ids.len() != previous.len() || ids.contains(current.id()) {
            return Err(KeyError::RepeatedId);
        }
        Ok(Self { current, previous })
    }

    /// A ring of one key.
    pub const fn single(current: NamedKey) -> Self {
        Self { current, previous: Vec::new() }
    }

    /// The key for everything new.
    pub const fn current(&self) -> &NamedKey {
        &self.current
    }

    /// All keys, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &NamedKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// The key with this id.
    pub fn find(&self, id: &str) -> Option<&Key32> {
        self.all().find(|named| named.id == id).map(NamedKey::key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "base64:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn named(id: &str, byte: u8) -> NamedKey {
        NamedKey::new(id, Key32::from_bytes([byte; 32])).unwrap()
    }

    #[test]
    fn a_key_is_exactly_32_bytes_of_prefixed_base64() {
        let key = Key32::parse(TEXT).unwrap();
        assert_eq!(key.expose()[31], 31);
        let cases = [
            ("", KeyError::NoPrefix),
            (&TEXT[7..], KeyError::NoPrefix),
            ("base64:!", KeyError::NotBase64),
            ("base64:AAECAw", KeyError::NotBase64),
            ("base64:AAECAw==", KeyError::WrongLength(4)),
            ("base64:", KeyError::WrongLength(0)),
        ];
        for (text, error) in cases {
            assert_eq!(Key32::parse(text).err(), Some(error), "{text}");
        }
    }

    #[test]
    fn keys_are_never_printed() {
        let ring = KeyRing::new(named("k2", 0xAB), vec![named("k1", 0xCD)]).unwrap();
        let printed = format!("{ring:?} {:?}", Key32::parse(TEXT).unwrap());
        for secret in ["171", "ab", "205", "cd", "AAEC", "[0, 1"] {
            assert!(!printed.replace("redacted", "").contains(secret), "{printed}");
        }
        assert!(printed.contains("k2"));
    }

    #[test]
    fn ids_are_plain_and_unique() {
        for bad in ["", "K1", "k 1", "k.1", &"k".repeat(33)] {
            let refused = NamedKey::new(bad, Key32::from_bytes([0; 32]));
            assert_eq!(refused.err(), Some(KeyError::BadId), "{bad}");
        }
        let repeats = [
            (named("a", 1), vec![named("a", 2)]),
            (named("a", 1), vec![named("b", 2), named("b", 3)]),
        ];
        for (current, previous) in repeats {
            assert_eq!(KeyRing::new(current, previous).err(), Some(KeyError::RepeatedId));
        }
        let ring = KeyRing::new(named("b", 2), vec![named("a", 1)]).unwrap();
        assert_eq!(ring.find("a").unwrap().expose(), &[1; 32]);
        assert!(ring.find("c").is_none());
    }
}
