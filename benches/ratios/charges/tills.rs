//! Requests signed by tills (`docs/terminal.md`).

use crate::postings::Failure;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use onecard::base::clock::{Clock, SystemClock};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const PATH: &str = "/terminal/v1/charges";
const COVERED: &str = r#"("@method" "@authority" "@path" "content-digest")"#;
/// ¥12.50.
const AMOUNT_FEN: u32 = 1250;

/// A till with its last sequence number.
pub struct Till {
    key_id: String,
    seq: u64,
}

/// The throwaway key of all tills.
pub struct TillKey(Ed25519KeyPair);

impl Till {
    pub fn new(school: &str, code: &str) -> Self {
        Self { key_id: format!("{school}/{code}"), seq: 0 }
    }
}

impl TillKey {
    pub fn new() -> Result<Self, Failure> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]);
        Ok(Self(pair.map_err(|error| error.to_string())?))
    }

    pub fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// A complete HTTP request for a charge, signed now.
    pub fn charge(&self, till: &mut Till, code: &str, port: u16) -> Vec<u8> {
        till.seq += 1;
        let seq = till.seq;
        let body = format!(r#"{{"seq":{seq},"amount_fen":{AMOUNT_FEN},"code":"{code}"}}"#);
        let length = body.len();
        let digest = format!("sha-256=:{}:", BASE64_STANDARD.encode(Sha256::digest(&body)));
        let (created, nonce) = (SystemClock.now().seconds(), Uuid::new_v4().simple());
        let key_id = &till.key_id;
        let input = format!(
            r#"{COVERED};created={created};nonce="{nonce}";keyid="{key_id}";alg="ed25519""#
        );
        let base = format!(
            "\"@method\": POST\n\"@authority\": 127.0.0.1:{port}\n\"@path\": {PATH}\n\
             \"content-digest\": {digest}\n\"@signature-params\": {input}"
        );
        let signature = BASE64_STANDARD.encode(self.0.sign(base.as_bytes()));
        let request = format!(
            "POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nContent-Digest: {digest}\r\n\
             Signature-Input: sig1={input}\r\nSignature: sig1=:{signature}:\r\n\r\n{body}"
        );
        request.into_bytes()
    }
}
