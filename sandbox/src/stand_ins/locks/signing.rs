//! Signatures of `docs/lock-adapter.md`: written from that document and not from the server's code, as an
//! adapter's author would.

use actix_web::http::header::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::LockCredentials;

/// How far a request's time may be from ours, in seconds.
const MOST_SECONDS: i64 = 60;

/// What a request says of itself.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    key_id: &'a str,
    time: i64,
    pub(super) nonce: &'a str,
    pub(super) signature: &'a str,
}

/// What a request asks, as it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) body: &'a [u8],
}

impl<'a> Claim<'a> {
    /// From the headers, each of which must be there once.
    pub(super) fn read(headers: &'a HeaderMap) -> Result<Self, &'static str> {
        let one = |name: &'static str| {
            let mut values = headers.get_all(name);
            let value = values.next().and_then(|value| value.to_str().ok());
            if values.next().is_some() { None } else { value }.ok_or(name)
        };
        let time = one("Onecard-Time")?;
        let digits = time.bytes().all(|byte| byte.is_ascii_digit());
        Ok(Self {
            key_id: one("Onecard-Key")?,
            time: time.parse().ok().filter(|_| digits).ok_or("Onecard-Time")?,
            nonce: one("Onecard-Nonce")?,
            signature: one("Onecard-Signature")?,
        })
    }

    /// Everything but that the nonce is new.
    pub(super) fn check(
        &self,
        key: &LockCredentials,
        sent: Sent<'_>,
        now: i64,
    ) -> Result<(), &'static str> {
        let nonce = self.nonce;
        let plain = (16..=64).contains(&nonce.len())
            && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let rules = [
            (self.key_id == key.key_id, "Onecard-Key"),
            ((now - self.time).abs() <= MOST_SECONDS, "Onecard-Time"),
            (plain, "Onecard-Nonce"),
            (verify(key, &self.base(sent), self.signature), "Onecard-Signature"),
        ];
        let broken = rules.into_iter().find(|(kept, _)| !kept);
        broken.map_or(Ok(()), |(_, name)| Err(name))
    }

    fn base(&self, Sent { method, path, body }: Sent<'_>) -> String {
        let (time, digest) = (self.time.to_string(), digest(body));
        ["onecard-locks-v1 request", method, path, &time, self.nonce, &digest, self.key_id]
            .join("\n")
    }
}

/// The signature of an answer with the status 200.
pub(super) fn sign_answer(key: &LockCredentials, asked: &str, body: &str) -> String {
    let base = ["onecard-locks-v1 answer", "200", asked, &digest(body.as_bytes())].join("\n");
    mac(key, &base).map(|mac| hex::encode(mac.finalize().into_bytes())).unwrap_or_default()
}

fn verify(key: &LockCredentials, base: &str, signature: &str) -> bool {
    let lower = signature.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let told = hex::decode(signature).ok().filter(|_| lower);
    // Compared in constant time.
    mac(key, base).zip(told).is_some_and(|(mac, told)| mac.verify_slice(&told).is_ok())
}

fn mac(key: &LockCredentials, base: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.key_secret.as_bytes()).ok()?;
    mac.update(base.as_bytes());
    Some(mac)
}

fn digest(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_vectors_of_the_document_are_understood() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../../docs/lock-vectors.json")).unwrap();
        let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        let key = LockCredentials {
            key_id: text(&vectors, "key_id"),
            key_secret: text(&vectors, "key_secret"),
        };
        for exchange in vectors["exchanges"].as_array().unwrap() {
            let (asked, answer) = (&exchange["request"], &exchange["answer"]);
            let mut headers = HeaderMap::new();
            for (name, value) in asked["headers"].as_object().unwrap() {
                let name = HeaderName::from_bytes(name.to_lowercase().as_bytes()).unwrap();
                headers.append(name, HeaderValue::from_str(value.as_str().unwrap()).unwrap());
            }
            let claim = Claim::read(&headers).unwrap();
            let (line, body) = (text(asked, "line"), text(asked, "body"));
            let (method, path) = line.split_once(' ').unwrap();
            let sent = Sent { method, path, body: body.as_bytes() };
            assert_eq!(claim.check(&key, sent, 1_795_233_660), Ok(()));
            assert_eq!(claim.check(&key, sent, 1_795_233_661), Err("Onecard-Time"));
            let other = Sent { path: "/v1/locks/D3-403/open", ..sent };
            assert_eq!(claim.check(&key, other, 1_795_233_600), Err("Onecard-Signature"));
            let told = text(&answer["headers"], "Onecard-Signature");
            assert_eq!(sign_answer(&key, claim.signature, &text(answer, "body")), told);
        }
    }
}
