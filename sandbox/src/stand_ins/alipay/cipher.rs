//! Content encryption: AES-128-CBC with PKCS#7 and an initialisation vector of zeros, in base64.

use std::fmt;

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Block};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::crypto::CryptoError;

const BLOCK: usize = 16;

/// The AES key of an app.
pub(super) struct ContentKey(Aes128);

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey")
    }
}

impl ContentKey {
    /// `key`: 16 bytes in base64, as the console shows it.
    pub(super) fn new(key: &str) -> Result<Self, CryptoError> {
        let bytes = STANDARD.decode(key).map_err(|_| CryptoError::ContentKey)?;
        Aes128::new_from_slice(&bytes).map(Self).map_err(|_| CryptoError::ContentKey)
    }

    pub(super) fn encrypt(&self, text: &[u8]) -> String {
        let padding = BLOCK - text.len() % BLOCK;
        let filler = u8::try_from(padding).unwrap_or_default();
        let padded: Vec<u8> =
            text.iter().copied().chain(std::iter::repeat_n(filler, padding)).collect();
        let (mut before, mut sealed) = ([0; BLOCK], Vec::with_capacity(padded.len()));
        for chunk in padded.chunks_exact(BLOCK) {
            let mut block = Block::from(xor(before, chunk));
            self.0.encrypt_block(&mut block);
            before = block.into();
            sealed.extend_from_slice(&before);
        }
        STANDARD.encode(sealed)
    }

    /// `None` unless it is base64 of whole blocks that end in valid padding.
    pub(super) fn decrypt(&self, text: &str) -> Option<Vec<u8>> {
        let sealed = STANDARD.decode(text).ok()?;
        if sealed.is_empty() || sealed.len() % BLOCK != 0 {
            return None;
        }
        let (mut before, mut opened) = ([0; BLOCK], Vec::with_capacity(sealed.len()));
        for chunk in sealed.chunks_exact(BLOCK) {
            let bytes = <[u8; BLOCK]>::try_from(chunk).ok()?;
            let mut block = Block::from(bytes);
            self.0.decrypt_block(&mut block);
            opened.extend_from_slice(&xor(before, &block));
            before = bytes;
        }
        let filler = *opened.last()?;
        let padding = usize::from(filler);
        let (content, tail) = opened.split_at_checked(opened.len().checked_sub(padding)?)?;
        let sound = (1..=BLOCK).contains(&padding) && tail.iter().all(|byte| *byte == filler);
        sound.then(|| content.to_vec())
    }
}

fn xor(left: [u8; BLOCK], right: &[u8]) -> [u8; BLOCK] {
    let mut result = left;
    result.iter_mut().zip(right).for_each(|(byte, other)| *byte ^= other);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODw==";

    #[test]
    fn ciphertexts_equal_those_of_another_implementation() {
        let table = [
            (
                r#"{"code":"10000","msg":"Success","mobile":"13800138000"}"#,
                "igATcyTqqgv1AFpBiHJyVf94zn4d80DWhHrnUhty+8RANJYRclz7h18/tips8L5UTuMmNV7rHGCs+h7uZSZZQQ==",
            ),
            (
                "0123456789abcdef0123456789abcdef",
                "KBVnqy9M8Nc9MZgiW4uDk4cTG1VehdHWVolp0lE0Gx6iUEEKvgl7kuNf/3cf9u6G",
            ),
        ];
        let key = ContentKey::new(KEY).unwrap();
        for (text, sealed) in table {
            assert_eq!(key.encrypt(text.as_bytes()), sealed);
            assert_eq!(key.decrypt(sealed).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn what_is_not_whole_blocks_with_padding_is_not_opened() {
        let key = ContentKey::new(KEY).unwrap();
        for text in
            ["", "AAAA", "not base64", "KBVnqy9M8Nc9MZgiW4uDkw==", "AAAAAAAAAAAAAAAAAAAAAA=="]
        {
            assert_eq!(key.decrypt(text), None, "{text}");
        }
        assert!(ContentKey::new("AAEC").is_err() && ContentKey::new("*").is_err());
    }
}
