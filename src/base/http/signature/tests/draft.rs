//! Requests signed by hand, not by the code under test.

use crate::base::{
    clock::Timestamp,
    crypto::ed25519::Ed25519Key,
    http::signature::{SignatureError, SignedRequest, UnverifiedSignature},
};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256, Sha512};

pub(super) const NOW: i64 = 1_795_000_000;
pub(super) const BODY: &[u8] = br#"{"seq":17,"code":"00","amount_fen":1250}"#;

pub(super) fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

pub(super) fn key(seed: u8) -> Ed25519Key {
    Ed25519Key::from_bytes(pair(seed).public_key().as_ref()).unwrap()
}

pub(super) fn sha256(body: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64_STANDARD.encode(Sha256::digest(body)))
}

pub(super) fn sha512(body: &[u8]) -> String {
    format!("sha-512=:{}:", BASE64_STANDARD.encode(Sha512::digest(body)))
}

/// A request before signing, and how to sign it.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) seed: u8,
    pub(super) label: &'static str,
    /// Components as written, each with its value.
    pub(super) covered: Vec<(String, String)>,
    pub(super) parameters: String,
    pub(super) wire: Wire,
}

/// A request as received.
#[derive(Clone)]
pub(super) struct Wire {
    pub(super) method: &'static str,
    pub(super) authority: &'static str,
    pub(super) path: &'static str,
    pub(super) query: Option<&'static str>,
    pub(super) body: Vec<u8>,
    pub(super) digest: Vec<String>,
    pub(super) input: Vec<String>,
    pub(super) signature: Vec<String>,
}

impl Draft {
    pub(super) fn charge() -> Self {
        let mut draft = Self {
            seed: 1,
            label: "sig1",
            covered: Vec::new(),
            parameters: format!(r#";created={NOW};nonce="n-1";keyid="xnec/T1""#),
            wire: Wire {
                method: "POST",
                authority: "card.example.edu.cn",
                path: "/terminal/v1/charges",
                query: None,
                body: BODY.to_vec(),
                digest: vec![sha256(BODY)],
                input: vec![],
                signature: vec![],
            },
        };
        draft.cover(&["@method", "@authority", "@path", "content-digest"]);
        draft
    }

    pub(super) fn config() -> Self {
        let mut draft = Self::charge();
        draft.wire.method = "GET";
        draft.wire.path = "/terminal/v1/config";
        draft.wire.query = Some("v=1&x=%20");
        draft.wire.body = Vec::new();
        draft.wire.digest = vec![sha256(b"")];
        draft.cover(&["@query", "content-digest", "@path", "@authority", "@method"]);
        draft
    }

    /// Covers these components with their current values.
    pub(super) fn cover(&mut self, names: &[&str]) {
        let wire = &self.wire;
        let value = |name: &str| match name {
            "@method" => wire.method.to_owned(),
            "@authority" => wire.authority.to_owned(),
            "@path" => wire.path.to_owned(),
            "@query" => format!("?{}", wire.query.unwrap_or_default()),
            "content-digest" => wire.digest.join(", "),
            _ => "application/json".to_owned(),
        };
        self.covered = names.iter().map(|name| (format!("\"{name}\""), value(name))).collect();
    }

    pub(super) fn sign(mut self) -> Wire {
        let names: Vec<&str> = self.covered.iter().map(|(name, _)| name.as_str()).collect();
        let input = format!("({}){}", names.join(" "), self.parameters);
        let lines: Vec<_> = self.covered.iter().map(|(n, v)| format!("{n}: {v}\n")).collect();
        let base = format!("{}\"@signature-params\": {input}", lines.concat());
        let signature = BASE64_STANDARD.encode(pair(self.seed).sign(base.as_bytes()));
        self.wire.input = vec![format!("{}={input}", self.label)];
        self.wire.signature = vec![format!("{}=:{signature}:", self.label)];
        self.wire
    }
}

impl Wire {
    pub(super) fn check_at(&self, now: Timestamp) -> Result<(), SignatureError> {
        let lines = |lines: &'_ Vec<String>| lines.clone();
        let (digest, input, signature) =
            (lines(&self.digest), lines(&self.input), lines(&self.signature));
        let claim = UnverifiedSignature::read(&SignedRequest {
            method: self.method,
            authority: self.authority,
            path: self.path,
            query: self.query,
            content_digest: digest.iter().map(String::as_str).collect(),
            signature_input: input.iter().map(String::as_str).collect(),
            signature: signature.iter().map(String::as_str).collect(),
        })?;
        let key = match claim.key_id() {
            "xnec/T1" => key(1),
            "xnec/T2" => key(2),
            _ => return Err(SignatureError::Key),
        };
        claim.verify(&key, now)?.with_body(&self.body).map(|_| ())
    }

    pub(super) fn check(&self) -> Result<(), SignatureError> {
        self.check_at(Timestamp::from_seconds(NOW))
    }
}
