//! Ed25519 public keys and the verification of signatures.

use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer,
    pem::{Error as PemError, PemObject},
};
use sha2::{Digest, Sha256};
use std::fmt;

/// The DER prefix of an Ed25519 `SubjectPublicKeyInfo` (RFC 8410).
const SPKI_HEAD: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why a text is not an Ed25519 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEd25519Key {
    /// A private key.
    #[error("holds a private key: keep it secret, and give its public half")]
    Private,
    /// A certificate.
    #[error("holds a certificate: give the public key alone")]
    Certificate,
    /// Not a public key in PEM.
    #[error("must be PEM that begins -----BEGIN PUBLIC KEY-----")]
    NotSpkiPem,
    /// More than one.
    #[error("must hold one public key")]
    Several,
    /// Another algorithm, or not a point on the curve.
    #[error("must be an Ed25519 key")]
    NotEd25519,
}

/// The signature does not match the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadEd25519Signature;

/// A public key.
#[derive(Clone)]
pub struct Ed25519Key {
    bytes: [u8; 32],
    parsed: ParsedPublicKey,
}

impl Ed25519Key {
    /// From 32 bytes, as stored.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadEd25519Key> {
        let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| BadEd25519Key::NotEd25519)?;
        let parsed = ParsedPublicKey::new(&ED25519, bytes);
        let parsed = parsed.map_err(|_| BadEd25519Key::NotEd25519)?;
        Ok(Self { bytes, parsed })
    }

    /// From PEM that begins `-----BEGIN PUBLIC KEY-----`.
    pub fn from_spki_pem(pem: &[u8]) -> Result<Self, BadEd25519Key> {
        if PrivateKeyDer::from_pem_slice(pem).is_ok() {
            return Err(BadEd25519Key::Private);
        }
        if CertificateDer::from_pem_slice(pem).is_ok() {
            return Err(BadEd25519Key::Certificate);
        }
        let keys =
            SubjectPublicKeyInfoDer::pem_slice_iter(pem).collect::<Result<Vec<_>, PemError>>();
        let keys = keys.map_err(|_| BadEd25519Key::NotSpkiPem)?;
        match keys.as_slice() {
            [] => Err(BadEd25519Key::NotSpkiPem),
            [key] => {
                let bytes = key.strip_prefix(SPKI_HEAD.as_slice());
                Self::from_bytes(bytes.ok_or(BadEd25519Key::NotEd25519)?)
            }
            [_, _, ..] => Err(BadEd25519Key::Several),
        }
    }

    /// For storage.
    pub const fn bytes(&self) -> [u8; 32] {
        self.bytes
    }

    /// SHA-256 of the key's `SubjectPublicKeyInfo` in hex, to compare by eye:
    /// `openssl pkey -pubin -outform DER | sha256sum` prints the same.
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::new().chain_update(SPKI_HEAD).chain_update(self.bytes).finalize())
    }

    /// Verifies `signature` over `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadEd25519Signature> {
        self.parsed.verify_sig(message, signature).map_err(|_| BadEd25519Signature)
    }
}

impl PartialEq for Ed25519Key {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Ed25519Key {}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ed25519Key").field(&self.fingerprint()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of RFC 9421, B.1.4.
    const PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----
";
    const PRIVATE: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
";
    const P256: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----
";

    #[test]
    fn reads_ed25519_pem_and_names_other_inputs() {
        let key = Ed25519Key::from_spki_pem(PUBLIC.as_bytes()).unwrap();
        assert_eq!(Ed25519Key::from_bytes(&key.bytes()), Ok(key.clone()));
        assert!(format!("{key:?}").contains(&key.fingerprint()));

        let certificate = PUBLIC.replace("PUBLIC KEY", "CERTIFICATE");
        let rsa = PUBLIC.replace("PUBLIC KEY", "RSA PUBLIC KEY");
        let short = PUBLIC.replace("MCow", "MCsw");
        let cases = [
            (PRIVATE.to_owned(), BadEd25519Key::Private),
            (format!("{PUBLIC}{PRIVATE}"), BadEd25519Key::Private),
            (certificate, BadEd25519Key::Certificate),
            (rsa, BadEd25519Key::NotSpkiPem),
            (PUBLIC.replace("-----END PUBLIC KEY-----", ""), BadEd25519Key::NotSpkiPem),
            (String::new(), BadEd25519Key::NotSpkiPem),
            ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA".to_owned(), BadEd25519Key::NotSpkiPem),
            (P256.to_owned(), BadEd25519Key::NotEd25519),
            (short, BadEd25519Key::NotEd25519),
            (format!("{PUBLIC}{PUBLIC}"), BadEd25519Key::Several),
        ];
        for (pem, refusal) in cases {
            assert_eq!(Ed25519Key::from_spki_pem(pem.as_bytes()), Err(refusal), "{pem}");
        }
        assert_eq!(Ed25519Key::from_bytes(&[1; 31]), Err(BadEd25519Key::NotEd25519));
    }

    #[test]
    fn verifies_one_message_only() {
        // RFC 8032, 7.1, TEST 2.
        let key = hex::decode("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let key = Ed25519Key::from_bytes(&key.unwrap()).unwrap();
        let signature = hex::decode(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        );
        let signature = signature.unwrap();
        assert_eq!(key.verify(&[0x72], &signature), Ok(()));
        for (message, signature) in
            [(&[0x73][..], &signature[..]), (&[0x72], &signature[..63]), (&[0x72], &[])]
        {
            assert_eq!(key.verify(message, signature), Err(BadEd25519Signature));
        }
    }
}
