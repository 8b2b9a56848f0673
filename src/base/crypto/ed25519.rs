//! Ed25519 public keys and the verification of signatures, and new pairs of keys for devices that make none.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer,
    pem::{Error as PemError, PemObject},
};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// The DER prefix of an Ed25519 `PrivateKeyInfo` (RFC 8410).
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
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

/// The system provides no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key could not be made")]
pub struct NoEd25519Key;

/// A new pair of keys, of which only the public half stays here.
pub struct NewEd25519Key {
    /// The public half.
    pub public: Ed25519Key,
    private: Zeroizing<String>,
}

impl NewEd25519Key {
    /// A random pair.
    pub fn random() -> Result<Self, NoEd25519Key> {
        let mut seed = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(&mut *seed).map_err(|_| NoEd25519Key)?;
        Self::from_seed(&seed)
    }

    fn from_seed(seed: &[u8; 32]) -> Result<Self, NoEd25519Key> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoEd25519Key)?;
        let public = pair.public_key().as_ref();
        let public = Ed25519Key::from_bytes(public).map_err(|_| NoEd25519Key)?;
        let der = Zeroizing::new([PKCS8_HEAD.as_slice(), seed].concat());
        let text = Zeroizing::new(BASE64_STANDARD.encode(&*der));
        let [begin, end] = ["BEGIN", "END"].map(|mark| format!("-----{mark} PRIVATE KEY-----"));
        Ok(Self { public, private: Zeroizing::new(format!("{begin}\n{}\n{end}\n", *text)) })
    }

    /// The private half as PEM (PKCS#8), to be shown once.
    pub fn private_pem(&self) -> &str {
        &self.private
    }
}

/// Omits the private half.
impl fmt::Debug for NewEd25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NewEd25519Key").field(&self.public).finish()
    }
}

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
    fn a_new_key_is_read_by_others_and_not_printed() {
        // Of RFC 9421, B.1.4, as OpenSSL prints it.
        let seed = hex::decode("9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5");
        let known = NewEd25519Key::from_seed(&seed.unwrap().try_into().unwrap()).unwrap();
        assert_eq!(known.private_pem(), PRIVATE);
        assert_eq!(Ok(&known.public), Ed25519Key::from_spki_pem(PUBLIC.as_bytes()).as_ref());
        let [one, two] = [(); 2].map(|()| NewEd25519Key::random().unwrap());
        assert_ne!(one.public, two.public);
        let secret = one.private_pem().lines().nth(1).unwrap();
        assert!(!format!("{one:?}").contains(secret));
        let pair =
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(&BASE64_STANDARD.decode(secret).unwrap());
        let signature = pair.unwrap().sign(b"x");
        assert_eq!(one.public.verify(b"x", signature.as_ref()), Ok(()));
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
