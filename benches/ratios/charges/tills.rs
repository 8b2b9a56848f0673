//! Requests signed by tills (`docs/terminal.md`).

use crate::postings::Failure;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use onecard::base::clock::{Clock, SystemClock};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const CHARGES: &str = "/terminal/v1/charges";
const ACCESS: &str = "/terminal/v1/access";
const COVERED: &str = r#"("@method" "@authority" "@path" "content-digest")"#;
/// ¥12.50.
const AMOUNT_FEN: u32 = 1250;

/// A till or a door with its last sequence number.
pub struct Till {
    key_id: String,
    seq: u64,
}

/// The throwaway key of all tills and doors.
pub struct TillKey(Ed25519KeyPair);

impl Till {
    pub fn new(school: &str, code: &str) -> Self {
        Self { key_id: format!("{school}/{code}"), seq: 0 }
    }

    const fn next(&mut self) -> u64 {
        self.seq += 1;
        self.seq
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
        let seq = till.next();
        let body = format!(r#"{{"seq":{seq},"amount_fen":{AMOUNT_FEN},"code":"{code}"}}"#);
        self.request(till, (CHARGES, &body), port)
    }

    /// A complete HTTP request of a door, signed now.
    pub fn ask(&self, door: &mut Till, code: &str, port: u16) -> Vec<u8> {
        let seq = door.next();
        let body = format!(r#"{{"seq":{seq},"code":"{code}"}}"#);
        self.request(door, (ACCESS, &body), port)
    }

    fn request(&self, till: &Till, (path, body): (&str, &str), port: u16) -> Vec<u8> {
        let length = body.len();
        let digest = format!("sha-256=:{}:", BASE64_STANDARD.encode(Sha256::digest(body)));
        let (created, nonce) = (SystemClock.now().seconds(), Uuid::new_v4().simple());
        let key_id = &till.key_id;
        let input = format!(
            r#"{COVERED};created={created};nonce="{nonce}";keyid="{key_id}";alg="ed25519""#
        );
        let base = format!(
            "\"@method\": POST\n\"@authority\": 127.0.0.1:{port}\n\"@path\": {path}\n\
             \"content-digest\": {digest}\n\"@signature-params\": {input}"
        );
        let signature = BASE64_STANDARD.encode(self.0.sign(base.as_bytes()));
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nContent-Digest: {digest}\r\n\
             Signature-Input: sig1={input}\r\nSignature: sig1=:{signature}:\r\n\r\n{body}"
        );
        request.into_bytes()
    }
}
