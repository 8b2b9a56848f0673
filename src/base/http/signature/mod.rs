//! HTTP Message Signatures (RFC 9421) over requests: Ed25519, with a digest of the body (RFC 9530).
//!
//! A signature covers exactly the method, the authority, the path, the query if there is one, and
//! the `Content-Digest`, so that it cannot be reused for another request, body or server. The
//! signature parameters (`created`, `nonce`, `keyid` and any others) are kept in the signer's order
//! and form, since that is what was signed.
//!
//! Invariant: only [`UnverifiedSignature::verify`] makes a [`VerifiedHead`], and only
//! [`VerifiedHead::with_body`] a [`VerifiedSignature`]. So a body is received only once its digest is
//! known to be signed.
//! Invariant: a request carries exactly one signature, so that its signer is unambiguous.

mod authority;
mod base;
mod fields;
mod received;
#[cfg(test)]
mod tests;

pub use authority::Authorities;
pub use received::Received;

use crate::base::{
    clock::Timestamp,
    crypto::ed25519::{BadEd25519Key, Ed25519Key},
};
use base::RequiredComponents;
use fields::{Parameters, digest_of, signature_of};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// The largest difference between `created` and the server's time.
pub const WINDOW: Duration = Duration::from_mins(1);
/// The longest of the three signature fields, in bytes.
const MAX_FIELD_BYTES: usize = 2048;

/// Why a signature was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A field is missing.
    #[error("no {0}")]
    Missing(&'static str),
    /// A field is too long or malformed.
    #[error("{0} is too long or malformed")]
    Malformed(&'static str),
    /// Not exactly one signature with one label.
    #[error("not exactly one signature")]
    Labels,
    /// The covered components are not exactly the required ones, once each and without parameters.
    #[error("the covered components are not the required ones")]
    Components,
    /// A parameter is missing or of the wrong type.
    #[error("the parameter {0} is missing or wrong")]
    Parameter(&'static str),
    /// The authority is not a name of this server.
    #[error("not for this server")]
    Authority,
    /// The digest does not match the body.
    #[error("the digest does not match the body")]
    Digest,
    /// The key is unknown.
    #[error("no such key")]
    Key,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// `created` is too far from the server's time, or `expires` has passed.
    #[error("the signature is not valid at this time")]
    Stale,
}

/// The parts of a request's head that signatures cover. Fields are given line by line, as received.
#[derive(Clone, Debug, Default)]
pub struct SignedRequest<'a> {
    /// As received.
    pub method: &'a str,
    /// As returned by [`Authorities::accept`].
    pub authority: &'a str,
    /// As received, without the query.
    pub path: &'a str,
    /// Without the question mark; `None` if there is no question mark.
    pub query: Option<&'a str>,
    /// `Content-Digest`.
    pub content_digest: Vec<&'a str>,
    /// `Signature-Input`.
    pub signature_input: Vec<&'a str>,
    /// `Signature`.
    pub signature: Vec<&'a str>,
}

/// A parsed signature that is not verified yet.
#[derive(Clone, Debug)]
pub struct UnverifiedSignature {
    parameters: Parameters,
    base: String,
    signature: Vec<u8>,
    body_digest: Vec<u8>,
}

/// The head of a request with a verified signature. Only [`UnverifiedSignature::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedHead {
    nonce: String,
    signature_digest: [u8; 32],
    body_digest: Vec<u8>,
}

/// A verified signature over a whole request. Only [`VerifiedHead::with_body`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSignature {
    nonce: String,
    signature_digest: [u8; 32],
    body_digest: [u8; 32],
}

impl UnverifiedSignature {
    /// Parses the signature and checks that it covers the required components, including the digest
    /// of the body.
    pub fn read(request: &SignedRequest<'_>) -> Result<Self, SignatureError> {
        let input = fields::joined("signature-input", &request.signature_input)?;
        let signature = fields::joined("signature", &request.signature)?;
        let digest = fields::joined("content-digest", &request.content_digest)?;
        let (label, input) = fields::input_of(&input)?;
        let parameters = Parameters::read(&input)?;
        let signature = signature_of(&signature, &label)?;
        let body_digest = digest_of(&digest)?;
        let covered = RequiredComponents { request, content_digest: &digest };
        covered.check(&input)?;
        let base = base::of(&input, |name| covered.value(name))?;
        Ok(Self { parameters, base, signature, body_digest })
    }

    /// The id of the key, as the signer names it.
    pub fn key_id(&self) -> &str {
        &self.parameters.key_id
    }

    /// Verifies the signature and then its time: only a signer with the right key learns that the
    /// time was wrong.
    pub fn verify(self, key: &Ed25519Key, now: Timestamp) -> Result<VerifiedHead, SignatureError> {
        let proven = key.verify(self.base.as_bytes(), &self.signature);
        proven.map_err(|_| SignatureError::Signature)?;
        self.parameters.check_time(now)?;
        Ok(VerifiedHead {
            nonce: self.parameters.nonce,
            signature_digest: Sha256::digest(&self.signature).into(),
            body_digest: self.body_digest,
        })
    }
}

impl VerifiedHead {
    /// Checks that this is the body that was signed.
    pub fn with_body(self, body: &[u8]) -> Result<VerifiedSignature, SignatureError> {
        let body_digest: [u8; 32] = Sha256::digest(body).into();
        if self.body_digest != body_digest {
            return Err(SignatureError::Digest);
        }
        let Self { nonce, signature_digest, .. } = self;
        Ok(VerifiedSignature { nonce, signature_digest, body_digest })
    }
}

impl VerifiedSignature {
    /// The nonce: 1 to 64 visible ASCII characters and spaces, chosen by the signer.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// SHA-256 of the signature. The signature itself must not be stored: with the public key it
    /// would allow guesses of a password in the body to be verified.
    pub const fn signature_digest(&self) -> [u8; 32] {
        self.signature_digest
    }

    /// SHA-256 of the body.
    pub const fn body_digest(&self) -> [u8; 32] {
        self.body_digest
    }
}

impl From<BadEd25519Key> for SignatureError {
    fn from(_: BadEd25519Key) -> Self {
        Self::Key
    }
}
