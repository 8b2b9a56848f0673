//! Messages from WeChat, answers and notifications alike, and the verification of their signatures.

use super::{keys::TrustedKeys, signing};
use crate::{
    base::{
        clock::Timestamp,
        crypto::rsa::{CheckedSignature, PublicKey},
    },
    payments::gateway::{Headers, NotificationRefused, RawNotification},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::time::Duration;

/// The largest accepted difference between WeChat's time and ours, in either direction, inclusive.
pub const WINDOW: Duration = Duration::from_mins(5);

/// The headers that a message is signed with.
pub const SIGNED_HEADERS: [&str; 5] = [
    "wechatpay-timestamp",
    "wechatpay-nonce",
    "wechatpay-serial",
    "wechatpay-signature",
    "wechatpay-signature-type",
];

const SIGNATURE_TYPE: &str = "WECHATPAY2-SHA256-RSA2048";

/// A body whose signature verified. Other bodies are not read.
#[derive(Debug)]
pub struct CheckedBody<'a> {
    bytes: &'a [u8],
    proof: CheckedSignature,
}

impl<'a> CheckedBody<'a> {
    /// The bytes that were signed.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The proof that is needed to create facts from the content.
    pub fn proof(&self) -> &CheckedSignature {
        &self.proof
    }
}

/// The signature of a message, whose key and time are good. It is not verified.
struct Claim<'a> {
    timestamp: &'a str,
    nonce: &'a str,
    key: &'a PublicKey,
    signature: Vec<u8>,
}

/// Checks headers, signature type, serial, time and signature, in this order. WeChat sends probes
/// with signatures that begin `WECHATPAY/SIGNTEST/`; they fail here like any bad signature.
pub fn check<'a>(
    message: &RawNotification<'a>,
    keys: &TrustedKeys,
    now: Timestamp,
) -> Result<CheckedBody<'a>, NotificationRefused> {
    let claim = claim(message.headers, keys, now)?;
    let signed = signing::received_message(claim.timestamp, claim.nonce, message.body);
    let proof = claim.key.verify(&signed, &claim.signature);
    let proof = proof.map_err(|_| NotificationRefused::Signature)?;
    Ok(CheckedBody { bytes: message.body, proof })
}

/// The checks that need no body.
pub fn check_head(
    headers: &dyn Headers,
    keys: &TrustedKeys,
    now: Timestamp,
) -> Result<(), NotificationRefused> {
    claim(headers, keys, now).map(|_| ())
}

fn claim<'a>(
    headers: &'a dyn Headers,
    keys: &'a TrustedKeys,
    now: Timestamp,
) -> Result<Claim<'a>, NotificationRefused> {
    let header = |name| headers.get(name).ok_or(NotificationRefused::Headers);
    let timestamp = header("wechatpay-timestamp")?;
    let nonce = header("wechatpay-nonce")?;
    let serial = header("wechatpay-serial")?;
    let signature = header("wechatpay-signature")?;
    // Absent means RSA, as in WeChat's own libraries.
    let signature_type = headers.get("wechatpay-signature-type");
    if signature_type.unwrap_or(SIGNATURE_TYPE) != SIGNATURE_TYPE {
        return Err(NotificationRefused::SignatureType);
    }
    let key = keys.get(serial, now).ok_or_else(|| unknown(keys, now))?;
    let seconds = timestamp.parse().map_err(|_| NotificationRefused::Headers)?;
    if Timestamp::from_seconds(seconds).distance(now) > WINDOW {
        return Err(NotificationRefused::Stale);
    }
    let signature =
        BASE64_STANDARD.decode(signature).map_err(|_| NotificationRefused::Signature)?;
    Ok(Claim { timestamp, nonce, key, signature })
}

fn unknown(keys: &TrustedKeys, now: Timestamp) -> NotificationRefused {
    if keys.is_blind(now) {
        NotificationRefused::NoKeys
    } else {
        NotificationRefused::UnknownSerial
    }
}
