//! Data that WeChat encrypts with the API v3 key: the contents of notifications, and certificates.

use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, KeyInit, Nonce, Payload},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::fmt;

/// The only supported algorithm.
pub(super) const ALGORITHM: &str = "AEAD_AES_256_GCM";

/// The API v3 key, prepared for decryption. It is erased on drop and omitted from debug output.
#[derive(Clone)]
pub struct ApiV3Key(Box<Aes256Gcm>);

impl ApiV3Key {
    /// The key from 32 bytes; `None` for any other length.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        Aes256Gcm::new_from_slice(bytes).ok().map(Box::new).map(Self)
    }
}

impl fmt::Debug for ApiV3Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiV3Key")
    }
}

/// An encrypted part as in the JSON.
#[derive(Clone, Copy)]
pub(super) struct Sealed<'a> {
    pub(super) algorithm: &'a str,
    pub(super) nonce: &'a str,
    /// Absent, null and empty are equivalent: no associated data.
    pub(super) associated_data: Option<&'a str>,
    pub(super) ciphertext: &'a str,
}

/// Why an encrypted part was not decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotOpened {
    #[error("unexpected algorithm, wrong nonce length, or invalid base64")]
    Malformed,
    #[error("altered, or encrypted with another API v3 key")]
    Altered,
}

impl Sealed<'_> {
    pub(super) fn open(&self, key: &ApiV3Key) -> Result<Vec<u8>, NotOpened> {
        if self.algorithm != ALGORITHM {
            return Err(NotOpened::Malformed);
        }
        let nonce = Nonce::<Aes256Gcm>::try_from(self.nonce.as_bytes())
            .map_err(|_| NotOpened::Malformed)?;
        let sealed = BASE64_STANDARD.decode(self.ciphertext).map_err(|_| NotOpened::Malformed)?;
        let aad = self.associated_data.unwrap_or("").as_bytes();
        let sealed = Payload { msg: &sealed, aad };
        key.0.decrypt(&nonce, sealed).map_err(|_| NotOpened::Altered)
    }
}
