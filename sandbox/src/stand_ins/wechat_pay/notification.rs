//! The notification of a payment or a refund: sealed once, signed anew for every try.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use serde_json::{Value, json};
use uuid::Uuid;

use super::merchants::Merchant;
use super::payment::{Paid, Payment};
use super::refund::{self, Refund, RefundStatus};
use super::signed::Signed;
use super::transaction::paid_transaction;
use crate::callbacks::{Letter, LetterError, Message, Terms, any_2xx};
use crate::chance;
use crate::clock::rfc3339;
use crate::crypto::{CryptoError, Sealer};
use crate::faults::CallbackFault;

const NONCE_LENGTH: usize = 12;
/// In bytes, as API v3 keys are.
const SEALING_KEY_LENGTH: usize = 32;

/// As WeChat Pay documents: fifteen retries within 24 hours and 4 minutes.
const TERMS: Terms = Terms {
    retry_after_seconds: &[
        15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600,
    ],
    answer_within: Duration::from_secs(5),
    accepts: any_2xx,
    door: "callback",
    faults: &CallbackFault::WECHAT_PAY,
};

/// A notification: the same id and body over all its tries.
#[derive(Debug)]
pub(super) struct Notification {
    id: String,
    /// The merchant's number of the payment or the refund.
    about: String,
    notify_url: String,
    merchant: Arc<Merchant>,
    at: DateTime<Utc>,
    event: Event,
    content: Value,
    body: String,
}

/// What is told.
#[derive(Debug, Clone, Copy)]
struct Event {
    /// `transaction` or `refund`: also the associated data.
    original_type: &'static str,
    kind: &'static str,
    summary: &'static str,
    /// Where the amount is.
    amount: &'static str,
    /// Where the state is, and another one.
    state: (&'static str, &'static str),
}

const PAID: Event = Event {
    original_type: "transaction",
    kind: "TRANSACTION.SUCCESS",
    summary: "支付成功",
    amount: "/amount/total",
    state: ("/trade_state", "NOTPAY"),
};

const fn refund_event(kind: &'static str, summary: &'static str) -> Event {
    Event {
        original_type: "refund",
        kind,
        summary,
        amount: "/amount/refund",
        state: ("/refund_status", "PROCESSING"),
    }
}

impl Notification {
    pub(super) fn new(
        payment: &Payment,
        paid: &Paid,
        merchant: &Arc<Merchant>,
    ) -> Result<Self, CryptoError> {
        let notification = Self {
            id: String::new(),
            about: payment.out_trade_no.clone(),
            notify_url: payment.notify_url.clone(),
            merchant: merchant.clone(),
            at: paid.at,
            event: PAID,
            content: paid_transaction(payment, paid),
            body: String::new(),
        };
        notification.renewed()
    }

    /// Of a refund that has come to its end, or waits for the merchant; `None` of one under way.
    pub(super) fn of_refund(
        payment: &Payment,
        refund: &Refund,
        merchant: &Arc<Merchant>,
    ) -> Result<Option<Self>, CryptoError> {
        let event = match refund.status {
            RefundStatus::Processing => return Ok(None),
            RefundStatus::Success(_) => refund_event("REFUND.SUCCESS", "退款成功"),
            RefundStatus::Closed => refund_event("REFUND.CLOSED", "退款关闭"),
            RefundStatus::Abnormal => refund_event("REFUND.ABNORMAL", "退款异常"),
        };
        let notification = Self {
            id: String::new(),
            about: refund.out_refund_no.clone(),
            notify_url: refund.notify_url.clone(),
            merchant: merchant.clone(),
            at: refund.created_at,
            event,
            content: refund::notified(payment, refund),
            body: String::new(),
        };
        notification.renewed().map(Some)
    }

    /// With a new id, and sealed anew.
    fn renewed(&self) -> Result<Self, CryptoError> {
        let mut renewed = Self {
            id: Uuid::new_v4().to_string(),
            about: self.about.clone(),
            notify_url: self.notify_url.clone(),
            merchant: self.merchant.clone(),
            content: self.content.clone(),
            body: String::new(),
            ..*self
        };
        renewed.body = renewed.envelope(&renewed.content, &renewed.merchant.keys.api_v3)?;
        Ok(renewed)
    }

    fn body(&self, fault: Option<CallbackFault>) -> Result<String, CryptoError> {
        if fault == Some(CallbackFault::OtherSealingKey) {
            let other = chance::alphanumeric(SEALING_KEY_LENGTH);
            return self.envelope(&self.content, &Sealer::new(other.as_bytes())?);
        }
        let Some((place, lie)) = fault.and_then(|fault| self.lie(fault)) else {
            return Ok(self.body.clone());
        };
        let mut content = self.content.clone();
        if let Some(truth) = content.pointer_mut(place) {
            *truth = lie;
        }
        self.envelope(&content, &self.merchant.keys.api_v3)
    }

    fn envelope(&self, content: &Value, sealer: &Sealer) -> Result<String, CryptoError> {
        let nonce = chance::alphanumeric(NONCE_LENGTH);
        let text = content.to_string();
        let Event { original_type, kind, summary, .. } = self.event;
        let body = json!({
            "id": self.id,
            "create_time": rfc3339(self.at),
            "resource_type": "encrypt-resource",
            "event_type": kind,
            "summary": summary,
            "resource": {
                "original_type": original_type,
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": sealer.seal(&nonce, original_type, text.as_bytes())?,
                "associated_data": original_type,
                "nonce": nonce,
            },
        });
        Ok(body.to_string())
    }
}

impl Message for Notification {
    fn terms(&self) -> &'static Terms {
        &TERMS
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn about(&self) -> &str {
        &self.about
    }

    /// Signed with the next key in the merchant's rotation.
    fn letter(
        &self,
        now: DateTime<Utc>,
        fault: Option<CallbackFault>,
    ) -> Result<Letter, LetterError> {
        let chosen = self.merchant.callback_signer(now);
        let chosen = chosen.map_err(|error| LetterError(error.to_string()))?;
        let forgery = fault.and_then(CallbackFault::forgery);
        let signed = Signed::new(&chosen, now, self.body(fault)?, forgery);
        let key = signed.serial().to_owned();
        let headers = signed.headers.into_iter();
        let mut headers: HeaderMap = headers
            .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
            .collect();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("Mozilla/4.0"));
        Ok(Letter { url: self.notify_url.clone(), headers, body: signed.body, key })
    }

    fn with_fresh_id(&self) -> Result<Arc<dyn Message>, LetterError> {
        Ok(Arc::new(self.renewed()?))
    }
}

impl Notification {
    /// The field that the fault changes, with its wrong value; `None` if the content is unchanged.
    fn lie(&self, fault: CallbackFault) -> Option<(&'static str, Value)> {
        let Event { amount, state: (state, other), .. } = self.event;
        match fault {
            CallbackFault::OtherAmount => {
                let truth = self.content.pointer(amount).and_then(Value::as_i64)?;
                Some((amount, json!(truth - 1)))
            }
            CallbackFault::NotPaid => Some((state, json!(other))),
            CallbackFault::OtherCurrency => Some(("/amount/currency", json!("USD"))),
            CallbackFault::OtherMerchant => Some(("/mchid", json!("1900000000"))),
            CallbackFault::OtherApp => Some(("/appid", json!("wx0000000000000000"))),
            CallbackFault::OtherPayer => {
                Some(("/payer/openid", json!("oSomebodyElse000000000000000")))
            }
            CallbackFault::OtherOrder => {
                Some(("/out_trade_no", json!("NEVERMADE0000000000000000000000")))
            }
            CallbackFault::Delay
            | CallbackFault::Drop
            | CallbackFault::AnswerLost
            | CallbackFault::Twice
            | CallbackFault::Unsigned
            | CallbackFault::AlteredBody
            | CallbackFault::WrongSignature
            | CallbackFault::SignatureProbe
            | CallbackFault::UnknownSerial
            | CallbackFault::Stale
            | CallbackFault::Future
            | CallbackFault::OtherSealingKey
            | CallbackFault::OtherTransaction
            | CallbackFault::OtherSeller
            | CallbackFault::OtherKey
            | CallbackFault::SignTypeRsa
            | CallbackFault::Gbk
            | CallbackFault::EmptyValue
            | CallbackFault::ExtraParameter
            | CallbackFault::RepeatedParameter
            | CallbackFault::HtmlEscaped
            | CallbackFault::ExtraQuery => None,
        }
    }
}

impl From<CryptoError> for LetterError {
    fn from(error: CryptoError) -> Self {
        Self(format!("密钥或密文无法生成：{error}"))
    }
}
