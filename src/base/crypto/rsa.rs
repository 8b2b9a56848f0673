//! RSA signatures: RSASSA-PKCS1-v1_5 with SHA-256, as payment providers use it.
//!
//! The `rsa` crate parses public keys; aws-lc-rs signs and verifies.
//!
//! Invariant: only [`PublicKey::verify`] makes a [`CheckedSignature`].

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
use std::{fmt, sync::Arc};
use zeroize::{Zeroize, Zeroizing};

const RSA_MIN_BYTES: usize = 256;

/// Why a text is not a usable RSA key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not PKCS#8 in PEM.
    #[error("must be PEM that begins -----BEGIN PRIVATE KEY-----")]
    NotPkcs8Pem,
    /// Not SPKI in PEM. A certificate is not accepted.
    #[error("must be PEM that begins -----BEGIN PUBLIC KEY-----, not a certificate")]
    NotSpkiPem,
    /// No private key in any of the four forms.
    #[error("must be a private key, PKCS#1 or PKCS#8, as PEM or as one line of base64")]
    NotPrivateKey,
    /// No public key in either form.
    #[error("must be a public key (not a certificate), as PEM or as one line of base64")]
    NotPublicKey,
    /// Not RSA, or shorter than 2048 bits.
    #[error("must be an RSA key of at least 2048 bits")]
    NotRsa2048,
}

/// The library failed to sign; this does not happen with a key that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signing failed")]
pub struct SigningFailed;

/// The signature does not match the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// A private key. It is never printed.
#[derive(Clone)]
pub struct PrivateKey(Arc<RsaKeyPair>);

impl PrivateKey {
    /// From PEM that begins `-----BEGIN PRIVATE KEY-----`.
    pub fn from_pkcs8_pem(pem: &SecretString) -> Result<Self, BadKey> {
        let mut der = PrivatePkcs8KeyDer::from_pem_slice(pem.expose_secret().as_bytes())
            .map_err(|_| BadKey::NotPkcs8Pem)?;
        let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der());
        der.zeroize();
        Self::of(pair.map_err(|_| BadKey::NotRsa2048)?)
    }

    /// From PKCS#1 or PKCS#8, as PEM or as the base64 alone: the forms in which consoles hand out
    /// keys.
    pub fn from_any_form(text: &SecretString) -> Result<Self, BadKey> {
        let labels = ["PRIVATE KEY", "RSA PRIVATE KEY"];
        let der = der_in(text.expose_secret(), &labels).ok_or(BadKey::NotPrivateKey)?;
        let pair = RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der));
        Self::of(pair.map_err(|_| BadKey::NotRsa2048)?)
    }

    fn of(pair: RsaKeyPair) -> Result<Self, BadKey> {
        if pair.public_modulus_len() < RSA_MIN_BYTES {
            return Err(BadKey::NotRsa2048);
        }
        Ok(Self(Arc::new(pair)))
    }

    /// Signs with RSASSA-PKCS1-v1_5 and SHA-256; returns base64 without line breaks.
    pub fn sign(&self, message: &[u8]) -> Result<String, SigningFailed> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| SigningFailed)?;
        Ok(BASE64_STANDARD.encode(signature))
    }

    /// True if `public` is the public half of this key.
    pub fn belongs_to(&self, public: &PublicKey) -> bool {
        self.0.public_key().as_ref() == public.0.as_ref()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

/// A public key of another party.
#[derive(Clone)]
pub struct PublicKey(ParsedPublicKey);

/// Proof that a signature was verified. Only [`PublicKey::verify`] makes one.
#[derive(Debug)]
pub struct CheckedSignature(());

impl PublicKey {
    /// From PEM that begins `-----BEGIN PUBLIC KEY-----`.
    pub fn from_spki_pem(pem: &str) -> Result<Self, BadKey> {
        let key = RsaPublicKey::from_public_key_pem(pem.trim()).map_err(|_| BadKey::NotSpkiPem)?;
        Self::of(&key)
    }

    /// From SPKI, as PEM or as the base64 alone.
    pub fn from_any_form(text: &str) -> Result<Self, BadKey> {
        let der = der_in(text, &["PUBLIC KEY"]).ok_or(BadKey::NotPublicKey)?;
        Self::from_spki_der(&der)
    }

    /// From the `SubjectPublicKeyInfo` of a certificate.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, BadKey> {
        let key = RsaPublicKey::from_public_key_der(der).map_err(|_| BadKey::NotRsa2048)?;
        Self::of(&key)
    }

    fn of(key: &RsaPublicKey) -> Result<Self, BadKey> {
        if key.size() < RSA_MIN_BYTES {
            return Err(BadKey::NotRsa2048);
        }
        let der = key.to_pkcs1_der().map_err(|_| BadKey::NotRsa2048)?;
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_bytes())
            .map(Self)
            .map_err(|_| BadKey::NotRsa2048)
    }

    /// Verifies an RSASSA-PKCS1-v1_5 signature with SHA-256.
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

/// The bytes of the first PEM block with one of the labels, or of a text that is base64 alone.
fn der_in(text: &str, labels: &[&str]) -> Option<Zeroizing<Vec<u8>>> {
    let base64 = if text.contains("-----") {
        labels.iter().find_map(|label| {
            let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
            Some(rest.split_once(&format!("-----END {label}-----"))?.0)
        })?
    } else {
        text
    };
    let plain: Zeroizing<String> =
        Zeroizing::new(base64.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    let der = BASE64_STANDARD.decode(plain.as_bytes()).ok()?;
    if der.is_empty() { None } else { Some(Zeroizing::new(der)) }
}

/// A real, verified signature for tests of code that requires one.
#[cfg(test)]
pub(crate) mod testing {
    use super::{CheckedSignature, PrivateKey, PublicKey};
    use base64::{Engine, prelude::BASE64_STANDARD};
    use serde_json::Value;

    /// A value from the file of throwaway keys.
    pub(crate) fn text(pointer: &str) -> String {
        let file = include_str!("../../../tests/fixtures/wechat/keys.json");
        let file: Value = serde_json::from_str(file).unwrap();
        file.pointer(pointer).and_then(Value::as_str).unwrap().to_owned()
    }

    /// A private key from the file of throwaway keys, which holds DER.
    pub(crate) fn private_pem(pointer: &str) -> String {
        let der = text(&format!("{pointer}/der_base64"));
        format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n")
    }

    pub(crate) fn checked_signature() -> CheckedSignature {
        let pem = private_pem("/merchant/private_key_pem");
        let signature = PrivateKey::from_pkcs8_pem(&pem.into()).unwrap().sign(b"paid").unwrap();
        let signature = BASE64_STANDARD.decode(signature).unwrap();
        let public = PublicKey::from_spki_pem(&text("/merchant/public_key_pem")).unwrap();
        public.verify(b"paid", &signature).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::*, *};

    #[test]
    fn each_unusable_key_is_refused_with_its_reason() {
        let private = |pem: &str| PrivateKey::from_pkcs8_pem(&pem.into()).unwrap_err();
        let public = |pem: &str| PublicKey::from_spki_pem(pem).unwrap_err();
        let private_pem = private_pem("/merchant/private_key_pem");
        assert_eq!(private(""), BadKey::NotPkcs8Pem);
        assert_eq!(private(&text("/wechatpay/public_key_pem")), BadKey::NotPkcs8Pem);
        assert_eq!(private(&private_pem.replace("PRIVATE", "RSA PRIVATE")), BadKey::NotPkcs8Pem);
        assert_eq!(public(""), BadKey::NotSpkiPem);
        assert_eq!(public(&private_pem), BadKey::NotSpkiPem);
        assert_eq!(public(&text("/merchant/certificate_pem")), BadKey::NotSpkiPem);
        assert_eq!(PublicKey::from_spki_der(b"no key").unwrap_err(), BadKey::NotRsa2048);
    }

    /// The same key four times, as Alipay's console and its tool write it.
    #[test]
    fn a_key_is_read_in_each_of_its_forms() {
        let file = include_str!("../../../tests/fixtures/alipay/keys.json");
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        let text = |pointer| file.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        let pkcs1 = text("/app/private_pkcs1_pem/der_base64");
        let pkcs8 = text("/app/private_pkcs8_pem/der_base64");
        let public_pem = text("/app/public_spki_pem");
        let pem = |label: &str, base64: &str| {
            format!("note\n-----BEGIN {label}-----\r\n{base64}\r\n-----END {label}-----\r\n")
        };
        let private = |text: String| PrivateKey::from_any_form(&text.into());
        let forms = [
            pem("RSA PRIVATE KEY", &pkcs1),
            pem("PRIVATE KEY", &pkcs8),
            format!(" {pkcs1}\n"),
            pkcs8.clone(),
        ];
        let public = PublicKey::from_any_form(&public_pem).unwrap();
        for form in forms {
            assert!(private(form).unwrap().belongs_to(&public));
        }
        let bare = PublicKey::from_any_form(&text("/app/public_spki_b64")).unwrap();
        assert!(private(pkcs8.clone()).unwrap().belongs_to(&bare));

        for bad in ["", " ", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA", &public_pem] {
            assert_eq!(private(bad.to_owned()).unwrap_err(), BadKey::NotPrivateKey, "{bad}");
        }
        for bad in ["", "no key", &pem("PRIVATE KEY", &pkcs8), &pem("CERTIFICATE", "AAAA")] {
            assert_eq!(PublicKey::from_any_form(bad).unwrap_err(), BadKey::NotPublicKey, "{bad}");
        }
        assert_eq!(private("AAAA".to_owned()).unwrap_err(), BadKey::NotRsa2048);
        assert_eq!(PublicKey::from_any_form(&pkcs8).unwrap_err(), BadKey::NotRsa2048);
    }

    #[test]
    fn keys_are_never_printed() {
        let private = private_pem("/merchant/private_key_pem");
        let private = PrivateKey::from_pkcs8_pem(&private.into()).unwrap();
        let public = PublicKey::from_spki_pem(&text("/wechatpay/public_key_pem")).unwrap();
        assert_eq!(format!("{private:?}"), "PrivateKey(…)");
        assert_eq!(format!("{public:?}"), "PublicKey(…)");
        assert!(!private.belongs_to(&public));
    }
}
