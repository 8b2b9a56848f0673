//! HMAC-SHA256 over requests and answers: `docs/lock-adapter.md`, "Signing".

use aws_lc_rs::hmac;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

pub(super) const KEY: &str = "Onecard-Key";
pub(super) const TIME: &str = "Onecard-Time";
pub(super) const NONCE: &str = "Onecard-Nonce";
pub(super) const SIGNATURE: &str = "Onecard-Signature";

/// The key that an adapter shares with us.
#[derive(Debug)]
pub(super) struct LockKey {
    pub(super) id: String,
    pub(super) secret: SecretString,
}

/// What is signed of a request.
#[derive(Debug)]
pub(super) struct RequestLines<'a> {
    pub(super) method: &'a str,
    /// As sent.
    pub(super) path: &'a str,
    /// Seconds since 1970 UTC.
    pub(super) time: i64,
    pub(super) nonce: &'a str,
    pub(super) body: &'a [u8],
}

impl RequestLines<'_> {
    pub(super) fn base(&self, key_id: &str) -> String {
        let Self { method, path, time, nonce, body } = self;
        let digest = digest(body);
        format!("onecard-locks-v1 request\n{method}\n{path}\n{time}\n{nonce}\n{digest}\n{key_id}")
    }
}

/// What is signed of an answer with the status 200.
pub(super) fn answer_base(asked: &str, body: &[u8]) -> String {
    format!("onecard-locks-v1 answer\n200\n{asked}\n{}", digest(body))
}

fn digest(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

impl LockKey {
    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.secret.expose_secret().as_bytes())
    }

    /// The signature of a request.
    pub(super) fn sign_request(&self, lines: &RequestLines<'_>) -> String {
        hex::encode(hmac::sign(&self.key(), lines.base(&self.id).as_bytes()))
    }

    /// True if this signs the answer to the request with that signature. Compared in constant time.
    pub(super) fn is_answer(&self, asked: &str, body: &[u8], told: &[u8]) -> bool {
        hmac::verify(&self.key(), answer_base(asked, body).as_bytes(), told).is_ok()
    }
}

/// The signature of an answer: one header of 64 hex digits in lower case.
pub(super) fn signature_of(headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut told = headers.get_all(SIGNATURE).iter();
    let text = told.next()?.to_str().ok()?;
    let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if told.next().is_some() || text.len() != 64 || !plain {
        return None;
    }
    hex::decode(text).ok()
}
