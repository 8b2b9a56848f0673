//! Answers of WeChat Pay: which ones are trusted, and how the others map to errors.
//!
//! | answer | means |
//! | --- | --- |
//! | 2xx whose signature verifies | the body is authentic |
//! | 2xx unsigned, altered, stale, or a signature probe | `Unknown` |
//! | 429, or a rate code under another 4xx | `Throttled` |
//! | 4xx with a readable code | `Refused`, unless the code says "try again" |
//! | 4xx without one (gateways, HTML) | `Unknown` |
//! | an error with a signature that does not verify | `Unknown` |
//! | 5xx | `Unknown`, except `OPENID_MISMATCH`, which a retry cannot fix: `Refused` |
//! | 3xx, no answer, or a truncated or overlong one | `Unknown` |
//!
//! WeChat need not sign errors, so `Refused` is only a hint: a query decides before a payment is
//! given up. That a query is answered with `ORDER_NOT_EXIST` or `RESOURCE_NOT_EXISTS` is taken as said,
//! signed or not: whether WeChat signs these is not documented, and payments that were never made there
//! could otherwise never be closed here. What follows can be undone by what is signed: a payment that was
//! closed here and is paid is credited, a refund is sent again under its one number, and one that two
//! persons ended and that is done after all is posted. Alipay signs such answers, and must have.

use super::{
    keys::TrustedKeys,
    received::{self, CheckedBody},
    trust::Trust,
};
use crate::{
    base::{clock::Timestamp, http_client},
    payments::gateway::{
        Evidence, GatewayError, Headers, KeptHeaders, NotificationRefused, RawNotification,
    },
};
use reqwest::header::HeaderMap;
use serde::Deserialize;
use std::time::Duration;

/// The code of a payment that WeChat does not know, normalised.
pub(super) const ORDER_NOT_EXIST: &str = "ORDERNOTEXIST";
/// The code of a payment that cannot be closed because it was paid, normalised.
pub(super) const ORDER_PAID: &str = "ORDERPAID";
/// The code of a payment that was closed before, normalised.
pub(super) const ORDER_CLOSED: &str = "ORDERCLOSED";

/// The code of a refund that WeChat does not know, normalised.
pub(super) const REFUND_NOT_EXIST: &str = "RESOURCENOTEXISTS";

const MAX_BYTES: usize = 1024 * 1024;
const CODE_MAX_CHARS: usize = 64;
const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// An unverified answer.
pub(super) struct Answer {
    status: u16,
    headers: AnswerHeaders,
    body: Vec<u8>,
}

#[derive(Debug)]
struct AnswerHeaders(HeaderMap);

impl Headers for AnswerHeaders {
    fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.get_all(name).iter();
        let first = values.next()?;
        if values.next().is_some() {
            return None;
        }
        first.to_str().ok()
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    code: String,
    #[serde(default)]
    detail: serde_json::Value,
}

impl Answer {
    /// Reads a response up to a size limit and logs it with WeChat's request id.
    pub(super) async fn read(
        sent: Result<reqwest::Response, reqwest::Error>,
    ) -> Result<Self, GatewayError> {
        let response = sent.map_err(|error| {
            let error = error.without_url();
            tracing::warn!(?error, "WeChat Pay: no answer");
            GatewayError::Unknown
        })?;
        let status = response.status().as_u16();
        let headers = AnswerHeaders(response.headers().clone());
        let request_id = headers.get("request-id");
        let body = http_client::read_bounded(response, MAX_BYTES).await;
        let body = body.map_err(|error| {
            tracing::warn!(status, request_id, ?error, "WeChat Pay: no whole answer");
            GatewayError::Unknown
        })?;
        tracing::info!(status, request_id, "WeChat Pay answered");
        Ok(Self { status, headers, body })
    }

    /// The body of a successful answer whose signature verifies; otherwise the error that the
    /// answer maps to.
    pub(super) fn success(
        &self,
        keys: &Trust,
        now: Timestamp,
    ) -> Result<CheckedBody<'_>, GatewayError> {
        self.believe(keys.check(&self.raw(), now))
    }

    /// Whether the answer, successful or not, is WeChat's own.
    pub(super) fn is_authentic(&self, keys: &Trust, now: Timestamp) -> bool {
        keys.check(&self.raw(), now).is_ok()
    }

    /// Like [`Answer::success`], with the given keys.
    pub(super) fn success_under(
        &self,
        ring: &TrustedKeys,
        now: Timestamp,
    ) -> Result<CheckedBody<'_>, GatewayError> {
        self.believe(received::check(&self.raw(), ring, now))
    }

    /// What the answer is kept with, once it was checked.
    pub(super) fn evidence(&self, checked_at: Timestamp) -> Evidence {
        let headers = KeptHeaders::of(&self.headers, &received::SIGNED_HEADERS);
        Evidence { headers, body: self.body.clone(), checked_at }
    }

    /// Whether the answer, successful or not, is WeChat's own, or why it is not believed.
    pub(super) fn check(&self, keys: &Trust, now: Timestamp) -> Result<(), NotificationRefused> {
        keys.check(&self.raw(), now).map(|_| ())
    }

    /// The status, which is not authenticated.
    pub(super) const fn status(&self) -> u16 {
        self.status
    }

    /// A header that came once. It is not authenticated.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// True if the status is 2xx. The status is not authenticated.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The unverified body. The caller must authenticate what it reads from it.
    pub(super) fn unchecked_body(&self) -> &[u8] {
        &self.body
    }

    fn believe<'a>(
        &self,
        checked: Result<CheckedBody<'a>, NotificationRefused>,
    ) -> Result<CheckedBody<'a>, GatewayError> {
        if !self.is_success() {
            let forged = checked.is_err() && self.headers.get("wechatpay-signature").is_some();
            return Err(if forged { GatewayError::Unknown } else { self.failure() });
        }
        checked.map_err(|reason| {
            let request_id = self.headers.get("request-id");
            tracing::warn!(request_id, %reason, "WeChat Pay: answer not believed");
            GatewayError::Unknown
        })
    }

    fn raw(&self) -> RawNotification<'_> {
        RawNotification { headers: &self.headers, body: &self.body }
    }

    /// The error that an unsuccessful answer maps to; see the table in the module docs.
    fn failure(&self) -> GatewayError {
        let code = self.code();
        match (self.status, code.as_deref()) {
            (429, _) | (400..=499, Some("RATELIMITEXCEEDED" | "FREQUENCYLIMITED")) => {
                GatewayError::Throttled { retry_after: self.retry_after() }
            }
            (408, _) | (400..=499, Some("SYSTEMERROR")) => GatewayError::Unknown,
            (400..=499, Some(code)) | (500, Some(code @ "OPENIDMISMATCH")) => {
                GatewayError::Refused { code: code.to_owned() }
            }
            _ => GatewayError::Unknown,
        }
    }

    /// The error code without underscores: WeChat writes each in two spellings.
    fn code(&self) -> Option<String> {
        let error: ErrorBody = serde_json::from_slice(&self.body).ok()?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let readable = (1..=CODE_MAX_CHARS).contains(&error.code.len());
        if !readable || !error.code.bytes().all(plain) {
            return None;
        }
        log_error(&error, self.headers.get("request-id"));
        Some(error.code.replace('_', ""))
    }

    /// Parses seconds only; the protocol does not use dates here.
    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get("retry-after")?.parse().ok()?;
        Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
    }
}

/// Logs the field that WeChat rejects and the request whose signature it computed, but no values:
/// they may be personal data.
fn log_error(error: &ErrorBody, request_id: Option<&str>) {
    let detail = |pointer| error.detail.pointer(pointer).and_then(|value| value.as_str());
    tracing::warn!(
        code = error.code,
        request_id,
        field = detail("/field"),
        location = detail("/location"),
        signed_method = detail("/sign_information/method"),
        signed_url = detail("/sign_information/url"),
        "WeChat Pay: error"
    );
}
