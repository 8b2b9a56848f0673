//! Signatures over the heads of the ledger's sealed history: Ed25519, with a seed derived by
//! HKDF-SHA256 (no salt) from `keys.head`, which is not in the database.
//!
//! An attacker with the database alone can rebuild the chain but cannot sign its heads.

use super::keyring::Key32;
use aws_lc_rs::{
    error::Unspecified,
    hkdf::{HKDF_SHA256, Salt},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use std::fmt;
use zeroize::Zeroizing;

const INFO: &[u8] = b"onecard-ledger-head-v1";

/// Deriving the key or signing failed in the cryptographic library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key for signing heads cannot be used")]
pub struct HeadKeyError;

/// The signature does not verify with this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature of the head is wrong")]
pub struct BadHeadSignature;

/// A public key that may have signed heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    /// The Ed25519 key.
    pub public_key: [u8; 32],
    /// The last position that it may have signed; `None` for a key that is still in use.
    pub until_position: Option<i64>,
}

impl TrustedKey {
    /// A key that may sign at every position.
    pub const fn lasting(public_key: [u8; 32]) -> Self {
        Self { public_key, until_position: None }
    }

    /// Whether this is the key, and may have signed at this position.
    pub fn covers(&self, public_key: &[u8; 32], position: i64) -> bool {
        self.public_key == *public_key && self.until_position.is_none_or(|until| position <= until)
    }
}

/// Signs heads.
pub struct HeadSigner {
    pair: Ed25519KeyPair,
    public_key: [u8; 32],
}

impl HeadSigner {
    /// Derives the key from `keys.head`. The derivation is deterministic, and was the same when it
    /// was `keys.master` that signed.
    pub fn derive(key: &Key32) -> Result<Self, HeadKeyError> {
        let seed = derive_seed(key).map_err(|_| HeadKeyError)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| HeadKeyError)?;
        let public_key = pair.public_key().as_ref();
        let public_key = public_key.try_into().map_err(|_| HeadKeyError)?;
        Ok(Self { pair, public_key })
    }

    /// The signature over `message`.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], HeadKeyError> {
        let signature = self.pair.try_sign(message).map_err(|_| HeadKeyError)?;
        signature.as_ref().try_into().map_err(|_| HeadKeyError)
    }

    /// The public key, for storing elsewhere and for verifying.
    pub const fn public_key(&self) -> [u8; 32] {
        self.public_key
    }
}

impl fmt::Debug for HeadSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printed = f.debug_struct("HeadSigner");
        printed.field("public_key", &hex::encode(self.public_key));
        printed.finish_non_exhaustive()
    }
}

/// Verifies `signature` over `message` with `public_key`.
pub fn verify(
    public_key: &[u8; 32],
    message: &[u8],
    signature: &[u8],
) -> Result<(), BadHeadSignature> {
    UnparsedPublicKey::new(&ED25519, public_key)
        .verify(message, signature)
        .map_err(|_| BadHeadSignature)
}

fn derive_seed(key: &Key32) -> Result<Zeroizing<[u8; 32]>, Unspecified> {
    let secret = Salt::none(HKDF_SHA256).extract(key.expose());
    let mut seed = Zeroizing::new([0; 32]);
    secret.expand(&[INFO], HKDF_SHA256)?.fill(&mut *seed)?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(byte: u8) -> HeadSigner {
        HeadSigner::derive(&Key32::from_bytes([byte; 32])).unwrap()
    }

    /// Made with the Python package `cryptography`: master key 32 × 0x01.
    #[test]
    fn matches_another_implementation() {
        let signer = signer(1);
        assert_eq!(
            hex::encode(signer.public_key()),
            "a9395b269ad67a7b8cf1f9d18157a7a0d6f8b21969285089ea7b41ff2483fb1a"
        );
        let signature = signer.sign(b"head").unwrap();
        assert_eq!(
            hex::encode(signature),
            "e06a03237ee142519faa94aae6ddce4bf8bda8e571f58962568b65480fafb74b\
             25feb1a7325eb054661857ead2c452f9830a5847b9643f7facf332f307dad305"
        );
    }

    #[test]
    fn verifies_its_own_signatures_only() {
        let ours = signer(1);
        let signature = ours.sign(b"school 1, position 7").unwrap();
        let key = ours.public_key();
        assert_eq!(verify(&key, b"school 1, position 7", &signature), Ok(()));

        let mut tampered = signature;
        tampered[0] ^= 1;
        let bad: [(&[u8; 32], &[u8], &[u8]); 5] = [
            (&key, b"school 1, position 8", &signature),
            (&key, b"school 1, position 7", &tampered),
            (&key, b"school 1, position 7", &signature[..63]),
            (&key, b"school 1, position 7", b""),
            (&signer(2).public_key(), b"school 1, position 7", &signature),
        ];
        for (key, message, signature) in bad {
            assert_eq!(verify(key, message, signature), Err(BadHeadSignature));
        }
    }

    #[test]
    fn prints_the_public_key_only() {
        let printed = format!("{:?}", signer(1));
        assert!(printed.contains(&hex::encode(signer(1).public_key())));
        assert!(!printed.contains("seed"));
    }
}
