//! RSA-SHA256 and AES-256-GCM as WeChat Pay uses them, on the `rsa` and `aes-gcm` crates.
//!
//! The server signs with another library on purpose. Signing is blinded (`sign_with_rng`), and
//! nothing here decrypts with RSA.

use std::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs1v15::{Signature, SigningKey, VerifyingKey};
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::rand_core::OsRng;
use rsa::sha2::{Digest, Sha256};
use rsa::signature::{RandomizedSigner, SignatureEncoding, Verifier};
use rsa::{RsaPrivateKey, RsaPublicKey};

const RSA_BITS: usize = 2048;

#[derive(Debug, thiserror::Error)]
pub enum CryptoError {
    #[error("an RSA key could not be made: {0}")]
    Generate(#[from] rsa::Error),
    #[error("not a PKCS#8 private key in PEM: {0}")]
    PrivateKey(#[from] rsa::pkcs8::Error),
    #[error("a public key could not be written: {0}")]
    PublicKey(#[from] rsa::pkcs8::spki::Error),
    #[error("not a key of a till: {0}")]
    TillKey(rsa::pkcs8::Error),
    #[error("the API v3 key is not 32 bytes long")]
    SealingKey,
    #[error("the AES key is not 16 bytes in base64")]
    ContentKey,
    #[error("the text is too long to seal")]
    Seal,
    #[error("a certificate could not be made: {0}")]
    Certificate(#[from] x509_cert::builder::Error),
    #[error("not a certificate in PEM: {0}")]
    CertificatePem(#[from] x509_cert::der::Error),
}

/// The half of a key that signs.
pub(crate) struct SignatureKey(SigningKey<Sha256>);

impl fmt::Debug for SignatureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignatureKey")
    }
}

impl SignatureKey {
    pub(crate) fn generate() -> Result<Self, CryptoError> {
        Ok(Self(SigningKey::new(RsaPrivateKey::new(&mut OsRng, RSA_BITS)?)))
    }

    pub(crate) fn from_pem(pem: &str) -> Result<Self, CryptoError> {
        Ok(Self(SigningKey::new(RsaPrivateKey::from_pkcs8_pem(pem)?)))
    }

    pub(crate) fn private_pem(&self) -> Result<String, CryptoError> {
        Ok(self.0.as_ref().to_pkcs8_pem(LineEnding::LF)?.to_string())
    }

    pub(crate) fn public_pem(&self) -> Result<String, CryptoError> {
        let public = RsaPublicKey::from(self.0.as_ref());
        Ok(public.to_public_key_pem(LineEnding::LF)?)
    }

    /// What a certificate is signed with.
    pub(crate) fn signer(&self) -> &SigningKey<Sha256> {
        &self.0
    }

    pub(crate) fn checking_half(&self) -> CheckingKey {
        CheckingKey(VerifyingKey::new(RsaPublicKey::from(self.0.as_ref())))
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256, in base64.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        STANDARD.encode(self.0.sign_with_rng(&mut OsRng, message).to_bytes())
    }
}

/// The half of a key that checks signatures.
#[derive(Debug)]
pub(crate) struct CheckingKey(VerifyingKey<Sha256>);

impl CheckingKey {
    /// Whether `signature` (strict base64) is this key's over `message`.
    pub(crate) fn accepts(&self, message: &[u8], signature: &str) -> bool {
        STANDARD
            .decode(signature)
            .ok()
            .and_then(|bytes| Signature::try_from(bytes.as_slice()).ok())
            .is_some_and(|signature| self.0.verify(message, &signature).is_ok())
    }
}

/// `AEAD_AES_256_GCM` under an API v3 key.
pub(crate) struct Sealer(Aes256Gcm);

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// `key`: the 32 ASCII bytes of the API v3 key, not decoded in any way.
    pub(crate) fn new(key: &[u8]) -> Result<Self, CryptoError> {
        Aes256Gcm::new_from_slice(key).map(Self).map_err(|_| CryptoError::SealingKey)
    }

    /// Ciphertext and 16-byte tag, together in base64. `nonce`: 12 bytes.
    pub(crate) fn seal(&self, nonce: &str, aad: &str, text: &[u8]) -> Result<String, CryptoError> {
        let nonce = Nonce::try_from(nonce.as_bytes()).map_err(|_| CryptoError::Seal)?;
        let payload = Payload { msg: text, aad: aad.as_bytes() };
        let sealed = self.0.encrypt(&nonce, payload).map_err(|_| CryptoError::Seal)?;
        Ok(STANDARD.encode(sealed))
    }
}

pub(crate) fn sha256(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// PKCS#1 v1.5 signatures are deterministic, so that the bytes can be compared.
    #[test]
    fn signatures_equal_those_of_another_implementation() {
        let text = include_str!("../tests/fixtures/wechat_pay_signatures.json");
        let vectors: Value = serde_json::from_str(text).unwrap();
        let der = vectors["wechat_pay"]["private_key_pkcs8_der_base64"].as_str().unwrap();
        let key = RsaPrivateKey::from_pkcs8_der(&STANDARD.decode(der).unwrap()).unwrap();
        let key = SignatureKey(SigningKey::new(key));
        let responses = vectors["responses"].as_array().unwrap();
        assert_eq!(responses.len(), 2);
        for response in responses {
            let part = |name: &str| response[name].as_str().unwrap();
            let message = format!("{}\n{}\n{}\n", part("timestamp"), part("nonce"), part("body"));
            assert_eq!(key.sign(message.as_bytes()), part("signature"));
            let checking = key.checking_half();
            assert!(checking.accepts(message.as_bytes(), part("signature")));
            assert!(!checking.accepts(message.trim_end().as_bytes(), part("signature")));
            assert!(!checking.accepts(message.as_bytes(), "WECHATPAY/SIGNTEST/AAAA"));
        }
    }
}
