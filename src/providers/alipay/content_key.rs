//! Content encryption: AES-128-CBC with an IV of zero bytes and PKCS#7 padding, in base64.
//!
//! The cipher has no integrity of its own, so that only text whose signature verified is decrypted.

use aws_lc_rs::{
    cipher::{
        AES_128, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
        PaddedBlockEncryptingKey, UnboundCipherKey,
    },
    iv::FixedLength,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

const KEY_BYTES: usize = 16;
const IV: [u8; 16] = [0; 16];

/// The key of the console's "content encryption". It is never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ContentKey([u8; KEY_BYTES]);

impl ContentKey {
    /// From base64 of 16 bytes, as the console shows it.
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = zeroize::Zeroizing::new(BASE64_STANDARD.decode(text.trim()).ok()?);
        Some(Self(bytes.as_slice().try_into().ok()?))
    }

    /// Encrypts; returns base64. `None` where the library fails, which does not happen with a key
    /// of the right length.
    pub fn encrypt(&self, plaintext: &str) -> Option<String> {
        let mut bytes = plaintext.as_bytes().to_vec();
        let key = UnboundCipherKey::new(&AES_128, &self.0).ok()?;
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).ok()?;
        let iv = EncryptionContext::Iv128(FixedLength::from(IV));
        key.less_safe_encrypt(&mut bytes, iv).ok()?;
        Some(BASE64_STANDARD.encode(bytes))
    }

    /// Decrypts base64. `None` where it is none, or not encrypted with this key.
    pub fn decrypt(&self, ciphertext: &str) -> Option<Vec<u8>> {
        let mut bytes = BASE64_STANDARD.decode(ciphertext).ok()?;
        let key = UnboundCipherKey::new(&AES_128, &self.0).ok()?;
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
        let iv = DecryptionContext::Iv128(FixedLength::from(IV));
        Some(key.decrypt(&mut bytes, iv).ok()?.to_vec())
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ContentKey {
        ContentKey::from_base64("AAECAwQFBgcICQoLDA0ODw==").unwrap()
    }

    #[test]
    fn texts_of_every_length_come_back() {
        for length in 0..50 {
            let text = "校".repeat(length) + &"x".repeat(length);
            let ciphertext = key().encrypt(&text).unwrap();
            assert_eq!(key().decrypt(&ciphertext).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn what_is_no_ciphertext_does_not_open() {
        for bad in ["", "AAAA", "not base64", "AAECAwQFBgcICQoLDA0ODw=="] {
            assert_eq!(key().decrypt(bad), None, "{bad}");
        }
        let other = ContentKey::from_base64("AQECAwQFBgcICQoLDA0ODw==").unwrap();
        let ciphertext = key().encrypt("{}").unwrap();
        assert_ne!(other.decrypt(&ciphertext).as_deref(), Some(&b"{}"[..]));
    }

    #[test]
    fn a_key_is_16_bytes_and_does_not_print() {
        for bad in ["", "AAEC", "0123456789abcdef", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]
        {
            assert!(ContentKey::from_base64(bad).is_none(), "{bad}");
        }
        assert_eq!(format!("{:?}", key()), "ContentKey(…)");
    }
}
