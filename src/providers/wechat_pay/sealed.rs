//! What WeChat encrypts with the API v3 key: contents of notifications, and certificates.

use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, KeyInit, Nonce, Payload},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretBox};

/// The one algorithm that is opened.
pub(super) const ALGORITHM: &str = "AEAD_AES_256_GCM";

/// The 32 characters of the API v3 key, as bytes.
pub(super) type ApiV3Key = SecretBox<[u8; 32]>;

/// An encrypted part as it stands in JSON.
#[derive(Clone, Copy)]
pub(super) struct Sealed<'a> {
    pub(super) algorithm: &'a str,
    pub(super) nonce: &'a str,
    /// Absent, null and empty are the same: nothing is bound in.
    pub(super) associated_data: Option<&'a str>,
    pub(super) ciphertext: &'a str,
}

/// Why an encrypted part was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotOpened {
    #[error("another algorithm, a nonce of another length, or no base64")]
    Malformed,
    #[error("altered, or sealed with another API v3 key")]
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
        Aes256Gcm::new(key.expose_secret().into())
            .decrypt(&nonce, Payload { msg: &sealed, aad })
            .map_err(|_| NotOpened::Altered)
    }
}
