//! Encryption of personal data in single columns with AES-256-GCM.
//!
//! A sealed value is `version(1) ‖ length of the key id(1) ‖ key id ‖ nonce(12) ‖ ciphertext ‖
//! tag(16)`. The additional authenticated data are the header, the table, the column and the row's
//! id, so that a value copied to another place cannot be opened there. Nonces are random, which
//! limits a key to 2³² values (NIST SP 800-38D, section 8.3): far more than a campus writes between
//! two key rotations.

use super::{frame, keyring::KeyRing};
use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use uuid::Uuid;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;
const DOMAIN: &[u8] = b"onecard-seal";

/// The place of a sealed value, used as additional authenticated data: it cannot be opened
/// elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aad {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The id of the row.
    pub row: Uuid,
}

/// Why a value was not sealed or opened. The failing check is not revealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not in the form of a sealed value.
    #[error("not a sealed value")]
    Malformed,
    /// Sealed with a key that is not configured.
    #[error("sealed with a key that is not configured")]
    UnknownKey,
    /// Altered, sealed for another place, or sealed with another key of the same id.
    #[error("the sealed value cannot be opened")]
    Refused,
    /// The system provides no randomness, or the value is too long for AES-GCM.
    #[error("sealing failed")]
    Failed,
}

/// Seals with the current key of a ring, opens with all of its keys.
#[derive(Clone, Debug)]
pub struct Sealer {
    keys: KeyRing,
}

impl Sealer {
    /// Uses the keys of `keys.data`.
    pub const fn new(keys: KeyRing) -> Self {
        Self { keys }
    }

    /// The id of the current key, to find values that are due for resealing.
    pub fn key_id(&self) -> &str {
        self.keys.current().id()
    }

    /// The id of the key that a value is sealed with.
    pub fn key_of(sealed: &[u8]) -> Option<&str> {
        SealedParts::of(sealed).map(|parts| parts.key_id)
    }

    /// Seals `plaintext` for the place `aad`. The result differs on each call.
    pub fn seal(&self, plaintext: &[u8], aad: &Aad) -> Result<Vec<u8>, SealError> {
        let key = self.keys.current();
        let mut sealed = header(key.id())?;
        let mut nonce = [0; NONCE_BYTES];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| SealError::Failed)?;
        let payload = Payload { msg: plaintext, aad: &authenticated(&sealed, aad) };
        let ciphertext = Aes256Gcm::new(key.key().expose().into())
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| SealError::Failed)?;
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens a value that was sealed for the place `aad`.
    pub fn open(&self, sealed: &[u8], aad: &Aad) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let parts = SealedParts::of(sealed).ok_or(SealError::Malformed)?;
        let key = self.keys.find(parts.key_id).ok_or(SealError::UnknownKey)?;
        let payload =
            Payload { msg: parts.ciphertext, aad: &authenticated(&header(parts.key_id)?, aad) };
        Aes256Gcm::new(key.expose().into())
            .decrypt(&Nonce::from(parts.nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SealError::Refused)
    }
}

struct SealedParts<'a> {
    key_id: &'a str,
    nonce: [u8; NONCE_BYTES],
    ciphertext: &'a [u8],
}

impl<'a> SealedParts<'a> {
    fn of(sealed: &'a [u8]) -> Option<Self> {
        let (&[VERSION, id_length], rest) = sealed.split_first_chunk::<2>()? else {
            return None;
        };
        let (key_id, rest) = rest.split_at_checked(usize::from(id_length))?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>()?;
        Some(Self { key_id: str::from_utf8(key_id).ok()?, nonce: *nonce, ciphertext })
    }
}

fn header(key_id: &str) -> Result<Vec<u8>, SealError> {
    let length = u8::try_from(key_id.len()).map_err(|_| SealError::Failed)?;
    let mut header = vec![VERSION, length];
    header.extend_from_slice(key_id.as_bytes());
    Ok(header)
}

fn authenticated(header: &[u8], aad: &Aad) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [DOMAIN, header, aad.table.as_bytes(), aad.column.as_bytes()] {
        frame(&mut bytes, part);
    }
    frame(&mut bytes, aad.row.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::crypto::keyring::{Key32, NamedKey};

    const ROW: Uuid = Uuid::from_u128(7);
    const HERE: Aad = Aad { table: "person", column: "id_number", row: ROW };
    /// Made with the Python package `cryptography`: key 32 × 0x01, nonce 12 × 0x02.
    const VECTOR: &str = "01026b31020202020202020202020202e26a69\
                          adf2def9e6abcda2ddf89470f62ff159c2315f";

    fn key(id: &str, byte: u8) -> NamedKey {
        NamedKey::new(id, Key32::from_bytes([byte; 32])).unwrap()
    }

    fn sealer(current: NamedKey, previous: Vec<NamedKey>) -> Sealer {
        Sealer::new(KeyRing::new(current, previous).unwrap())
    }

    #[test]
    fn opens_its_own_values_and_never_repeats_a_ciphertext() {
        let keeper = sealer(key("k1", 1), vec![]);
        for plaintext in ["", "张三", "421202200001010017"] {
            let sealed = keeper.seal(plaintext.as_bytes(), &HERE).unwrap();
            assert_eq!(keeper.open(&sealed, &HERE).unwrap().as_slice(), plaintext.as_bytes());
            assert_eq!(sealed.len(), 2 + 2 + 12 + plaintext.len() + 16);
            assert_ne!(sealed, keeper.seal(plaintext.as_bytes(), &HERE).unwrap());
        }
    }

    #[test]
    fn opens_the_value_of_another_implementation() {
        let sealed = hex::decode(VECTOR).unwrap();
        let opened = sealer(key("k1", 1), vec![]).open(&sealed, &HERE).unwrap();
        assert_eq!(opened.as_slice(), "张三".as_bytes());
    }

    #[test]
    fn opens_with_the_key_that_the_value_names() {
        let old = sealer(key("k1", 1), vec![]).seal(b"x", &HERE).unwrap();
        let rotated = sealer(key("k2", 2), vec![key("k1", 1)]);
        assert_eq!(rotated.open(&old, &HERE).unwrap().as_slice(), b"x");
        assert_eq!(rotated.key_id(), "k2");

        let forgot = sealer(key("k2", 2), vec![]);
        assert_eq!(forgot.open(&old, &HERE).err(), Some(SealError::UnknownKey));
        let other = sealer(key("k1", 9), vec![]);
        assert_eq!(other.open(&old, &HERE).err(), Some(SealError::Refused));
    }

    #[test]
    fn a_value_opens_in_its_own_place_only() {
        let keeper = sealer(key("k1", 1), vec![]);
        let sealed = keeper.seal(b"x", &HERE).unwrap();
        let elsewhere = [
            Aad { row: Uuid::from_u128(8), ..HERE },
            Aad { column: "phone", ..HERE },
            Aad { table: "staff", ..HERE },
            Aad { table: "personi", column: "d_number", ..HERE },
        ];
        for place in elsewhere {
            assert_eq!(keeper.open(&sealed, &place).err(), Some(SealError::Refused), "{place:?}");
        }
    }

    #[test]
    fn every_altered_bit_and_every_cut_is_refused() {
        let keeper = sealer(key("k1", 1), vec![key("k0", 1)]);
        let sealed = keeper.seal(b"secret", &HERE).unwrap();
        for length in 0..sealed.len() {
            assert!(keeper.open(&sealed[..length], &HERE).is_err(), "cut to {length}");
        }
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(keeper.open(&altered, &HERE).is_err(), "bit {bit}");
        }
    }
}
