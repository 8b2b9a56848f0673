//! The keys of WeChat Pay: ours that signs, WeChat's that verify.
//!
//! The `rsa` crate reads the public key; aws-lc-rs signs and verifies.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use rsa::{
    RsaPublicKey, pkcs1::EncodeRsaPublicKey, pkcs8::DecodePublicKey, traits::PublicKeyParts,
};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};
use std::{collections::BTreeMap, fmt};
use zeroize::Zeroize;

const RSA_MIN_BYTES: usize = 256;

/// Why a text is not the key it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not PKCS#8 in PEM, as WeChat hands it out in `apiclient_key.pem`.
    #[error("must be PEM that begins -----BEGIN PRIVATE KEY-----")]
    NotPkcs8Pem,
    /// Not SPKI in PEM, as WeChat hands it out in `pub_key.pem`. A certificate is not one.
    #[error("must be PEM that begins -----BEGIN PUBLIC KEY-----, not a certificate")]
    NotSpkiPem,
    /// Another kind of key, or too short to be safe.
    #[error("must be an RSA key of at least 2048 bits")]
    NotRsa2048,
}

/// The library refused to sign; with a key that was accepted it never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signing failed")]
pub struct SigningFailed;

/// The signature does not fit the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// The private key of the merchant's API certificate. It does not print.
pub struct MerchantKey(RsaKeyPair);

impl MerchantKey {
    /// From the text of `apiclient_key.pem`.
    pub fn from_pkcs8_pem(pem: &SecretString) -> Result<Self, BadKey> {
        let mut der = PrivatePkcs8KeyDer::from_pem_slice(pem.expose_secret().as_bytes())
            .map_err(|_| BadKey::NotPkcs8Pem)?;
        let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der());
        der.zeroize();
        let pair = pair.map_err(|_| BadKey::NotRsa2048)?;
        if pair.public_modulus_len() < RSA_MIN_BYTES {
            return Err(BadKey::NotRsa2048);
        }
        Ok(Self(pair))
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256, in base64 without line breaks.
    pub fn sign(&self, message: &[u8]) -> Result<String, SigningFailed> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| SigningFailed)?;
        Ok(BASE64_STANDARD.encode(signature))
    }

    /// True where `public` is this key's other half.
    pub(super) fn belongs_to(&self, public: &PublicKey) -> bool {
        self.0.public_key().as_ref() == public.0.as_ref()
    }
}

impl fmt::Debug for MerchantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MerchantKey(…)")
    }
}

/// A key of WeChat Pay's: proves that WeChat wrote a message.
pub struct PublicKey(ParsedPublicKey);

/// Proof that a signature was verified. Only [`PublicKey::verify`] makes one.
#[derive(Debug)]
pub struct CheckedSignature(());

impl PublicKey {
    /// From the text of `pub_key.pem`.
    pub fn from_spki_pem(pem: &str) -> Result<Self, BadKey> {
        let key = RsaPublicKey::from_public_key_pem(pem.trim()).map_err(|_| BadKey::NotSpkiPem)?;
        if key.size() < RSA_MIN_BYTES {
            return Err(BadKey::NotRsa2048);
        }
        let der = key.to_pkcs1_der().map_err(|_| BadKey::NotRsa2048)?;
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_bytes())
            .map(Self)
            .map_err(|_| BadKey::NotRsa2048)
    }

    /// Checks an RSASSA-PKCS1-v1_5 signature with SHA-256.
    pub fn verify(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<CheckedSignature, BadSignature> {
        self.0
            .verify_sig(message, signature)
            .map(|()| CheckedSignature(()))
            .map_err(|_| BadSignature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(…)")
    }
}

/// WeChat's keys by the serial that messages name them with: `PUB_KEY_ID_` and digits, or the hex
/// serial of a platform certificate. Serials are compared as texts, whatever their case.
#[derive(Debug)]
pub struct KeyRing(BTreeMap<String, PublicKey>);

impl KeyRing {
    /// A ring of these serials and keys.
    pub fn new(keys: impl IntoIterator<Item = (String, PublicKey)>) -> Self {
        let keys = keys.into_iter();
        Self(keys.map(|(serial, key)| (serial.to_ascii_lowercase(), key)).collect())
    }

    /// The key of `serial`, if there is one.
    pub fn get(&self, serial: &str) -> Option<&PublicKey> {
        self.0.get(&serial.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::wechat_pay::testing::keys;

    #[test]
    fn keys_of_another_form_or_kind_are_refused_by_name() {
        let merchant = |pem: &str| MerchantKey::from_pkcs8_pem(&pem.into()).unwrap_err();
        let public = |pem: &str| PublicKey::from_spki_pem(pem).unwrap_err();
        let keys = keys();
        assert_eq!(merchant(""), BadKey::NotPkcs8Pem);
        assert_eq!(merchant(&keys.wechat_public_pem), BadKey::NotPkcs8Pem);
        let pkcs1 = keys.merchant_private_pem.replace("PRIVATE", "RSA PRIVATE");
        assert_eq!(merchant(&pkcs1), BadKey::NotPkcs8Pem);
        assert_eq!(public(""), BadKey::NotSpkiPem);
        assert_eq!(public(&keys.merchant_private_pem), BadKey::NotSpkiPem);
        assert_eq!(public(&keys.merchant_certificate_pem), BadKey::NotSpkiPem);
    }

    #[test]
    fn no_key_prints() {
        let keys = keys();
        let merchant = MerchantKey::from_pkcs8_pem(&keys.merchant_private_pem.into()).unwrap();
        let public = PublicKey::from_spki_pem(&keys.wechat_public_pem).unwrap();
        assert_eq!(format!("{merchant:?}"), "MerchantKey(…)");
        assert_eq!(format!("{public:?}"), "PublicKey(…)");
        assert!(!merchant.belongs_to(&public));
    }

    #[test]
    fn serials_are_found_whatever_their_case() {
        let key = PublicKey::from_spki_pem(&keys().wechat_public_pem).unwrap();
        let ring = KeyRing::new([("5A0B02".to_owned(), key)]);
        assert!(ring.get("5a0b02").is_some());
        assert!(ring.get("5A0B02").is_some());
        assert!(ring.get("5A0B03").is_none());
        assert!(ring.get("").is_none());
    }
}
