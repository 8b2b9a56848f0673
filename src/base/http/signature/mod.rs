//! HTTP Message Signatures (RFC 9421) over requests: Ed25519, with a digest of the body (RFC 9530).
//!
//! A signature covers exactly the method, the authority, the path, the query where there is one,
//! and the `Content-Digest`; so that neither another request, nor another body, nor another server
//! can be put behind it. What it says of itself (`created`, `nonce`, `keyid` and whatever else the
//! signer adds) is kept in the signer's order and form, for that is what was signed.
//!
//! Invariant: only [`UnverifiedSignature::verify`] makes a [`VerifiedSignature`].
//! Invariant: a request carries one signature. Of two, nobody could say whose the request is.

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
use base::Covered;
use fields::{Parameters, digest_of, signature_of};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How far `created` may lie from our time.
pub const WINDOW: Duration = Duration::from_mins(1);
/// The longest of the three fields of a signature, in bytes.
const MAX_FIELD_BYTES: usize = 2048;

/// Why a request is not the one that somebody signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A field is missing.
    #[error("no {0}")]
    Missing(&'static str),
    /// A field is too long, or not of its form.
    #[error("{0} is too long or malformed")]
    Malformed(&'static str),
    /// Not one signature under one label.
    #[error("not exactly one signature")]
    Labels,
    /// Something is covered that must not be, twice, or with parameters; or not that must be.
    #[error("the covered components are not those demanded")]
    Components,
    /// A parameter is missing or not of its type.
    #[error("the parameter {0} is missing or wrong")]
    Parameter(&'static str),
    /// Signed for no server of ours.
    #[error("not for this server")]
    Authority,
    /// The body is not the one that was signed.
    #[error("the digest does not fit the body")]
    Digest,
    /// Nobody has that key.
    #[error("no such key")]
    Key,
    /// The signature does not fit.
    #[error("the signature does not verify")]
    Signature,
    /// Signed too long ago, or in the future, or no longer good.
    #[error("signed at another time")]
    Stale,
}

/// A request as signatures see it. Fields are given line by line, as received.
#[derive(Clone, Debug, Default)]
pub struct SignedRequest<'a> {
    /// As received.
    pub method: &'a str,
    /// As [`Authorities::accept`] writes it.
    pub authority: &'a str,
    /// As received, without the query.
    pub path: &'a str,
    /// Without its question mark; `None` where there is no question mark.
    pub query: Option<&'a str>,
    /// The whole body.
    pub body: &'a [u8],
    /// `Content-Digest`.
    pub content_digest: Vec<&'a str>,
    /// `Signature-Input`.
    pub signature_input: Vec<&'a str>,
    /// `Signature`.
    pub signature: Vec<&'a str>,
}

/// What a request says of who signed it; not checked so far.
#[derive(Clone, Debug)]
pub struct UnverifiedSignature {
    parameters: Parameters,
    base: String,
    signature: Vec<u8>,
    body_digest: [u8; 32],
}

/// What is proven of a request. Only [`UnverifiedSignature::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSignature {
    nonce: String,
    signature_digest: [u8; 32],
    body_digest: [u8; 32],
}

impl UnverifiedSignature {
    /// Reads what the request says, and that it covers what it must, the body included.
    pub fn read(request: &SignedRequest<'_>) -> Result<Self, SignatureError> {
        let input = fields::joined("signature-input", &request.signature_input)?;
        let signature = fields::joined("signature", &request.signature)?;
        let digest = fields::joined("content-digest", &request.content_digest)?;
        let (label, input) = fields::input_of(&input)?;
        let parameters = Parameters::read(&input)?;
        let signature = signature_of(&signature, &label)?;
        let body_digest: [u8; 32] = Sha256::digest(request.body).into();
        if digest_of(&digest)? != body_digest {
            return Err(SignatureError::Digest);
        }
        let covered = Covered { request, content_digest: &digest };
        covered.check(&input)?;
        let base = base::of(&input, |name| covered.value(name))?;
        Ok(Self { parameters, base, signature, body_digest })
    }

    /// Whose key it should be, as the signer calls it.
    pub fn key_id(&self) -> &str {
        &self.parameters.key_id
    }

    /// Checks the signature, and that its time is now. Only who has the key is told of the time.
    pub fn verify(
        self,
        key: &Ed25519Key,
        now: Timestamp,
    ) -> Result<VerifiedSignature, SignatureError> {
        let proven = key.verify(self.base.as_bytes(), &self.signature);
        proven.map_err(|_| SignatureError::Signature)?;
        self.parameters.check_time(now)?;
        Ok(VerifiedSignature {
            nonce: self.parameters.nonce,
            signature_digest: Sha256::digest(&self.signature).into(),
            body_digest: self.body_digest,
        })
    }
}

impl VerifiedSignature {
    /// The signer's own number of the request: 1 to 64 visible ASCII characters and blanks.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// SHA-256 of the signature. The signature itself is not kept: with the key that everybody may
    /// know, it would tell a guessed password in the body from a wrong one.
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
