//! The phone number of `my.getPhoneNumber`, which the client hands over signed and encrypted by
//! Alipay.
//!
//! It names neither a person nor a time: whoever gets hold of it can send it again. The caller binds
//! it to the session, takes each one from one identity alone, and decides nothing about security with it.

use super::{answer, content_key::ContentKey, trust::AlipayTrust};
use crate::{
    identity::login::{PhoneError, ToldPhone},
    payments::gateway::NotificationRefused,
    sessions::phones::PlatformPhone,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fmt;

/// The longest accepted text, in bytes; real ones have about five hundred.
const MAX_BYTES: usize = 8 * 1024;

const SUCCESS: &str = "10000";
const NUMBER_MAX_CHARS: usize = 20;

/// What a checked text says.
#[derive(Clone, PartialEq, Eq)]
pub enum PhoneAnswer {
    /// The number, digits.
    Number(String),
    /// No number is bound to the account.
    NoNumber,
    /// Alipay gave none.
    Refused {
        /// Alipay's code.
        code: String,
    },
}

/// Without the number.
impl fmt::Debug for PhoneAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(_) => f.write_str("Number(…)"),
            Self::NoNumber => f.write_str("NoNumber"),
            Self::Refused { code } => write!(f, "Refused({code})"),
        }
    }
}

/// Algorithms and character set are not read: they are those of the configuration.
#[derive(Deserialize)]
struct Payload {
    response: String,
    #[serde(default)]
    sign: String,
}

/// The codes of errors are in camel case here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    code: String,
    #[serde(default)]
    sub_code: String,
    #[serde(default)]
    mobile: String,
}

/// Checks the text that the client got: verifies first, decrypts then.
pub fn read(
    payload: &str,
    trust: &AlipayTrust,
    content_key: Option<&ContentKey>,
) -> Result<PhoneAnswer, NotificationRefused> {
    let malformed = NotificationRefused::Envelope;
    if payload.len() > MAX_BYTES {
        return Err(malformed);
    }
    let Payload { response, sign } = serde_json::from_str(payload).map_err(|_| malformed)?;
    if response.starts_with('{') {
        trust.verify(response.as_bytes(), &sign)?;
        return said(response.as_bytes());
    }
    trust.verify(format!("\"{response}\"").as_bytes(), &sign)?;
    let refused = NotificationRefused::Ciphertext;
    said(&content_key.and_then(|key| key.decrypt(&response)).ok_or(refused)?)
}

/// A number of Alipay, which writes those of other countries with their code before a hyphen.
///
/// Alipay encrypts and signs the same number alike each time, so the digest is of the number in this
/// application: its owner may hand it over again, and nobody else may.
pub(super) fn told(payload: &str, number: &str) -> Result<ToldPhone, PhoneError> {
    const CHINA: &str = "86";
    let (country, number) = match number.trim_start_matches('+').split_once('-') {
        Some((country, number)) => (country, number),
        None => (CHINA, number),
    };
    let number = PlatformPhone::new(country, number).ok_or(PhoneError::Unavailable)?;
    let Payload { response, .. } =
        serde_json::from_str(payload).map_err(|_| PhoneError::ProofRefused)?;
    let digest = Sha256::new().chain_update(b"onecard-phone-alipay|").chain_update(response);
    Ok(ToldPhone { number, proof: digest.finalize().into() })
}

fn said(content: &[u8]) -> Result<PhoneAnswer, NotificationRefused> {
    let malformed = NotificationRefused::Content;
    let Content { code, sub_code, mobile } =
        serde_json::from_slice(content).map_err(|_| malformed)?;
    if code != SUCCESS {
        let code = if sub_code.is_empty() { code } else { sub_code };
        let readable = answer::is_readable(&code);
        return if readable { Ok(PhoneAnswer::Refused { code }) } else { Err(malformed) };
    }
    if mobile.is_empty() {
        return Ok(PhoneAnswer::NoNumber);
    }
    let digits = mobile.bytes().all(|byte| byte.is_ascii_digit() || b"+-".contains(&byte));
    if digits && mobile.len() <= NUMBER_MAX_CHARS {
        Ok(PhoneAnswer::Number(mobile))
    } else {
        Err(malformed)
    }
}
