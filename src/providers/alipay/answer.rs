//! Answers of the gateway: which ones are believed, and how the others map to errors.
//!
//! | answer | means |
//! | --- | --- |
//! | `code` 10000 whose signature verifies | done; the body is authentic |
//! | the same unsigned, altered, or signed under another certificate | `Unknown` |
//! | a failure, signed or unsigned: `sub_code` `isp.…`, `…SYSTEM_ERROR`, `aop.unknow-error`; code 20000, 10003 | `Unknown` |
//! | a failure that names the rate of calls; HTTP 429 | `Throttled` |
//! | another failure with a readable code | `Refused` |
//! | a signed `ACQ.TRADE_NOT_EXIST` of a query or a close | Alipay does not know the payment or the refund |
//! | the same unsigned | `Unknown` |
//! | a failure whose signature does not verify | `Unknown` |
//! | HTTP other than 200, no answer, a truncated or overlong one, HTML, garbage | `Unknown` |
//!
//! Alipay need not sign failures, so `Refused` is only a hint: a query decides before a payment is
//! given up.

use super::{content_key::ContentKey, envelope::Envelope, trust::AlipayTrust, wire};
use crate::{
    base::crypto::rsa::CheckedSignature,
    payments::gateway::{GatewayError, NotificationRefused},
};
use serde::Deserialize;
use std::{borrow::Cow, fmt};

/// The method whose success has no code.
pub(super) const OAUTH_TOKEN: &str = "alipay.system.oauth.token";

const SUCCESS: &str = "10000";
const ERROR_NODE: &str = "error_response";
const CODE_MAX_CHARS: usize = 96;

/// What an answer says.
#[derive(Debug)]
pub enum Said {
    /// The method was carried out.
    Done(CheckedAnswer),
    /// It was not, or not yet.
    Failed(Failure),
}

/// The content of a successful answer whose signature verified, decrypted. Its text is not logged.
pub struct CheckedAnswer {
    text: String,
    proof: CheckedSignature,
}

/// The codes of a failure, as Alipay writes them. It may be unsigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `40004` and the like.
    pub code: String,
    /// `ACQ.TRADE_NOT_EXIST` and the like; empty where there is none.
    pub sub_code: String,
    /// Whether Alipay signed it.
    pub signed: bool,
}

impl CheckedAnswer {
    /// The JSON that was signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The proof that is needed to create facts from the content.
    pub fn proof(&self) -> &CheckedSignature {
        &self.proof
    }
}

impl fmt::Debug for CheckedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CheckedAnswer(…)")
    }
}

#[derive(Deserialize)]
struct Codes<'a> {
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sub_code: Option<Cow<'a, str>>,
}

/// Reads an answer to `method`: finds the part that is signed, verifies it, and only then decrypts
/// and decodes it.
pub fn read(
    body: &[u8],
    method: &str,
    trust: &AlipayTrust,
    content_key: Option<&ContentKey>,
) -> Result<Said, NotificationRefused> {
    let malformed = NotificationRefused::Envelope;
    let envelope = Envelope::parse(body).ok_or(malformed)?;
    let node = format!("{}_response", method.replace('.', "_"));
    let (content, is_error) = match (envelope.bytes(&node), envelope.bytes(ERROR_NODE)) {
        (Some(content), None) => (content, false),
        (None, Some(content)) => (content, true),
        (None, None) | (Some(_), Some(_)) => return Err(malformed),
    };
    let codeless = method == OAUTH_TOKEN && !is_error;
    let Some(sign) = envelope.text("sign").map_err(|_| malformed)? else {
        return match said(&decode(content)?, codeless)? {
            Verdict::Failed(failure) => Ok(Said::Failed(failure)),
            // Anybody could have written it.
            Verdict::Done => Err(NotificationRefused::Signature),
        };
    };
    let named = envelope.text("alipay_cert_sn").map_err(|_| malformed)?;
    trust.check_number(named.as_deref())?;
    let proof = verify(content, &sign, trust)?;
    let text = decode(&opened(content, content_key)?)?;
    Ok(match said(&text, codeless)? {
        Verdict::Failed(failure) => Said::Failed(Failure { signed: true, ..failure }),
        Verdict::Done if is_error => return Err(NotificationRefused::Content),
        Verdict::Done => Said::Done(CheckedAnswer { text, proof }),
    })
}

/// Verifies the bytes as they came. Where they hold `\/`, Alipay may have signed `/` instead.
fn verify(
    content: &[u8],
    sign: &str,
    trust: &AlipayTrust,
) -> Result<CheckedSignature, NotificationRefused> {
    let first = trust.verify(content, sign);
    if first.is_ok() || !content.windows(2).any(|pair| pair == br"\/") {
        return first;
    }
    trust.verify(&without_escaped_slashes(content), sign)
}

fn without_escaped_slashes(content: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(content.len());
    let mut rest = content;
    while let [first, after @ ..] = rest {
        if *first != b'\\' || after.first() != Some(&b'/') {
            plain.push(*first);
        }
        rest = after;
    }
    plain
}

/// The content in plain text: a JSON text is ciphertext, which only verified content may be.
fn opened<'a>(
    content: &'a [u8],
    key: Option<&ContentKey>,
) -> Result<Cow<'a, [u8]>, NotificationRefused> {
    if content.first() != Some(&b'"') {
        return Ok(Cow::Borrowed(content));
    }
    let refused = NotificationRefused::Ciphertext;
    let ciphertext: String = serde_json::from_slice(content).map_err(|_| refused)?;
    let plain = key.and_then(|key| key.decrypt(&ciphertext)).ok_or(refused)?;
    Ok(Cow::Owned(plain))
}

fn decode(bytes: &[u8]) -> Result<String, NotificationRefused> {
    wire::text_of(bytes).map(Cow::into_owned).ok_or(NotificationRefused::Content)
}

enum Verdict {
    Done,
    Failed(Failure),
}

/// What the codes of the content say. Without a code only the one method succeeds.
fn said(text: &str, codeless: bool) -> Result<Verdict, NotificationRefused> {
    let refused = NotificationRefused::Content;
    let codes: Codes<'_> = serde_json::from_str(text).map_err(|_| refused)?;
    let sub_code = codes.sub_code.unwrap_or_default();
    let Some(code) = codes.code else {
        let done = codeless && sub_code.is_empty();
        return if done { Ok(Verdict::Done) } else { Err(refused) };
    };
    if code == SUCCESS {
        return Ok(Verdict::Done);
    }
    if !is_readable(&code) || !(sub_code.is_empty() || is_readable(&sub_code)) {
        return Err(refused);
    }
    let (code, sub_code) = (code.into_owned(), sub_code.into_owned());
    Ok(Verdict::Failed(Failure { code, sub_code, signed: false }))
}

pub(super) fn is_readable(code: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=CODE_MAX_CHARS).contains(&code.len()) && code.bytes().all(plain)
}

impl Failure {
    /// True for this code, with or without the prefix of the gateway in front of it.
    pub(super) fn is(&self, sub_code: &str) -> bool {
        self.sub_code.strip_prefix("aop.").unwrap_or(&self.sub_code) == sub_code
    }

    /// `state` where Alipay signed that it does not know what was asked about. Unsigned, anybody could have
    /// said so: then nobody knows, and it is asked again.
    pub(super) fn unless_unsigned<S>(&self, state: S) -> Result<S, GatewayError> {
        if self.signed { Ok(state) } else { Err(GatewayError::Unknown) }
    }

    /// The error that it maps to; see the table in the module docs.
    pub(super) fn into_error(self) -> GatewayError {
        // Alipay writes `AQC.SYSTEM_ERROR`, too.
        let unknown = self.sub_code.ends_with("SYSTEM_ERROR")
            || self.sub_code.starts_with("isp.")
            || self.is("unknow-error")
            || ["20000", "10003"].contains(&self.code.as_str());
        if unknown {
            GatewayError::Unknown
        } else if self.code == "40005" || self.sub_code.ends_with("call-limited") {
            GatewayError::Throttled { retry_after: None }
        } else if self.sub_code.is_empty() {
            GatewayError::Refused { code: self.code }
        } else {
            GatewayError::Refused { code: self.sub_code }
        }
    }
}
