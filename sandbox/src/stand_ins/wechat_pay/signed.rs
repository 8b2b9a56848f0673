//! Signs what WeChat Pay sends; on demand with one thing wrong.

use chrono::{DateTime, TimeDelta, Utc};

use super::signing::Signer;
use crate::chance;
use crate::faults::{Forgery, forgery};

/// The beginning of WeChat Pay's probes, which stand in place of a signature.
const PROBE: &str = "WECHATPAY/SIGNTEST/";

/// Twice as far from the present as a signature may be.
const FAR: TimeDelta = TimeDelta::minutes(10);
const NONCE_LENGTH: usize = 32;

/// A body with the headers that sign it.
#[derive(Debug)]
pub(super) struct Signed {
    /// The five `Wechatpay-…` headers over `timestamp\nnonce\nbody\n`.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Signed {
    pub(super) fn new(
        signer: &Signer,
        now: DateTime<Utc>,
        body: String,
        wrong: Option<Forgery>,
    ) -> Self {
        let at = match wrong {
            Some(Forgery::Stale) => now - FAR,
            Some(Forgery::Future) => now + FAR,
            Some(
                Forgery::Unsigned
                | Forgery::AlteredBody
                | Forgery::WrongSignature
                | Forgery::SignatureProbe
                | Forgery::UnknownSerial,
            )
            | None => now,
        };
        let timestamp = at.timestamp().to_string();
        let nonce = chance::alphanumeric(NONCE_LENGTH);
        let signature = signer.key.sign(format!("{timestamp}\n{nonce}\n{body}\n").as_bytes());
        let headers = vec![
            ("Wechatpay-Timestamp", timestamp),
            ("Wechatpay-Nonce", nonce),
            ("Wechatpay-Signature", signature),
            ("Wechatpay-Serial", signer.serial.clone()),
            ("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048".to_owned()),
        ];
        let whole = Self { headers, body };
        match wrong {
            Some(wrong) => whole.with(wrong),
            None => whole,
        }
    }

    /// The key that the headers name; empty where the message is not signed.
    pub(super) fn serial(&self) -> &str {
        let mut headers = self.headers.iter();
        let serial = headers.find(|(name, _)| *name == "Wechatpay-Serial");
        serial.map_or("", |(_, serial)| serial)
    }

    fn with(mut self, wrong: Forgery) -> Self {
        match wrong {
            Forgery::Unsigned => self.headers.clear(),
            Forgery::AlteredBody => self.body = forgery::altered(&self.body),
            Forgery::WrongSignature => self.change("Wechatpay-Signature", forgery::wrong),
            Forgery::SignatureProbe => self.change("Wechatpay-Signature", probe),
            Forgery::UnknownSerial => {
                self.change("Wechatpay-Serial", |_| unknown_serial());
            }
            Forgery::Stale | Forgery::Future => {}
        }
        self
    }

    fn change(&mut self, name: &str, change: impl Fn(&str) -> String) {
        for (header, value) in &mut self.headers {
            if *header == name {
                *value = change(value);
            }
        }
    }
}

fn probe(signature: &str) -> String {
    let tail = signature.chars().skip(PROBE.len());
    PROBE.chars().chain(tail).collect()
}

/// A serial number in the usual form that no key has.
fn unknown_serial() -> String {
    chance::hex_digits(40).to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_as_long_as_a_signature() {
        assert_eq!(probe(&"x".repeat(344)).len(), 344);
    }
}
