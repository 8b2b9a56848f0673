//! Signs requests as a terminal does, text by text, and not by the code under test.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use onecard::base::clock::{Clock, SystemClock};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use testkit::{Answer, Api};

/// What stands before the 32 bytes of a key in PKCS#8 and in SPKI (RFC 8410).
const PKCS8_HEAD: &str = "302e020100300506032b657004220420";
const SPKI_HEAD: &str = "302a300506032b6570032100";

/// A terminal with a throwaway key.
pub struct Signer {
    pub key_id: String,
    seed: [u8; 32],
}

/// What goes with a request.
#[derive(Clone)]
pub struct Signature {
    pub base: String,
    pub headers: Vec<(String, String)>,
}

impl Signer {
    pub fn new(key_id: &str, seed: u8) -> Self {
        Self { key_id: key_id.to_owned(), seed: [seed; 32] }
    }

    /// With a private key as PEM.
    pub fn with_pem(key_id: &str, pem: &str) -> Self {
        let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = BASE64_STANDARD.decode(text).unwrap();
        let head = hex::decode(PKCS8_HEAD).unwrap();
        let seed = der.strip_prefix(&*head).unwrap().try_into().unwrap();
        Self { key_id: key_id.to_owned(), seed }
    }

    fn pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&self.seed).unwrap()
    }

    pub fn private_pem(&self) -> String {
        pem("PRIVATE KEY", PKCS8_HEAD, &self.seed)
    }

    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", SPKI_HEAD, self.pair().public_key().as_ref())
    }

    /// Signs `line` (`GET /path?query`) to that authority.
    pub fn sign(
        &self,
        (line, authority): (&str, &str),
        body: &[u8],
        (created, nonce): (i64, &str),
    ) -> Signature {
        let (method, target) = line.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
        let digest = format!("sha-256=:{}:", BASE64_STANDARD.encode(Sha256::digest(body)));
        let mut covered = vec![("@method", method), ("@authority", authority), ("@path", path)];
        let query = query.map(|query| format!("?{query}"));
        covered.extend(query.as_deref().map(|query| ("@query", query)));
        covered.push(("content-digest", &digest));
        let names: Vec<String> = covered.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let input = format!(
            "({});created={created};nonce=\"{nonce}\";keyid=\"{}\";alg=\"ed25519\"",
            names.join(" "),
            self.key_id
        );
        let mut base = String::new();
        for (name, value) in &covered {
            writeln!(base, "\"{name}\": {value}").unwrap();
        }
        write!(base, "\"@signature-params\": {input}").unwrap();
        let signature = BASE64_STANDARD.encode(self.pair().sign(base.as_bytes()));
        let headers = [
            ("Content-Digest", digest),
            ("Signature-Input", format!("sig1={input}")),
            ("Signature", format!("sig1=:{signature}:")),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Signature { base, headers }
    }

    /// Asks now, with a fresh nonce.
    pub async fn ask(&self, api: &Api, line: &str) -> Answer {
        let nonce = uuid::Uuid::new_v4().to_string();
        let now = SystemClock.now().seconds();
        let signed = self.sign((line, &authority(api)), b"", (now, &nonce));
        api.raw(line, &signed.headers, b"").await
    }
}

/// As the `Host` of its requests says.
pub fn authority(api: &Api) -> String {
    api.address().to_owned()
}

fn pem(label: &str, head: &str, key: &[u8]) -> String {
    let der = BASE64_STANDARD.encode([hex::decode(head).unwrap().as_slice(), key].concat());
    format!("-----BEGIN {label}-----\n{der}\n-----END {label}-----\n")
}
