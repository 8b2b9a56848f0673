//! The notification of a payment: sealed once, signed anew for every try.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use serde_json::{Value, json};
use uuid::Uuid;

use super::merchants::Merchant;
use super::payment::{Paid, Payment};
use super::signed::Signed;
use super::transaction::paid_transaction;
use crate::callbacks::{Letter, LetterError, Message, Terms, any_2xx};
use crate::chance;
use crate::clock::rfc3339;
use crate::crypto::{CryptoError, Sealer};
use crate::faults::CallbackFault;

const ASSOCIATED_DATA: &str = "transaction";
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
    faults: &CallbackFault::WECHAT_PAY,
};

/// A notification: the same id and body over all its tries.
#[derive(Debug)]
pub(super) struct Notification {
    id: String,
    out_trade_no: String,
    notify_url: String,
    merchant: Arc<Merchant>,
    paid_at: DateTime<Utc>,
    total_fen: i64,
    transaction: Value,
    body: String,
}

impl Notification {
    pub(super) fn new(
        payment: &Payment,
        paid: &Paid,
        merchant: &Arc<Merchant>,
    ) -> Result<Self, CryptoError> {
        let notification = Self {
            id: String::new(),
            out_trade_no: payment.out_trade_no.clone(),
            notify_url: payment.notify_url.clone(),
            merchant: merchant.clone(),
            paid_at: paid.at,
            total_fen: payment.total_fen,
            transaction: paid_transaction(payment, paid),
            body: String::new(),
        };
        notification.renewed()
    }

    /// With a new id, and sealed anew.
    fn renewed(&self) -> Result<Self, CryptoError> {
        let mut renewed = Self {
            id: Uuid::new_v4().to_string(),
            out_trade_no: self.out_trade_no.clone(),
            notify_url: self.notify_url.clone(),
            merchant: self.merchant.clone(),
            transaction: self.transaction.clone(),
            body: String::new(),
            ..*self
        };
        renewed.body = renewed.envelope(&renewed.transaction, &renewed.merchant.keys.api_v3)?;
        Ok(renewed)
    }

    fn body(&self, fault: Option<CallbackFault>) -> Result<String, CryptoError> {
        if fault == Some(CallbackFault::OtherSealingKey) {
            let other = chance::alphanumeric(SEALING_KEY_LENGTH);
            return self.envelope(&self.transaction, &Sealer::new(other.as_bytes())?);
        }
        let Some((place, lie)) = fault.and_then(|fault| lie(fault, self.total_fen)) else {
            return Ok(self.body.clone());
        };
        let mut transaction = self.transaction.clone();
        if let Some(truth) = transaction.pointer_mut(place) {
            *truth = lie;
        }
        self.envelope(&transaction, &self.merchant.keys.api_v3)
    }

    fn envelope(&self, transaction: &Value, sealer: &Sealer) -> Result<String, CryptoError> {
        let nonce = chance::alphanumeric(NONCE_LENGTH);
        let text = transaction.to_string();
        let body = json!({
            "id": self.id,
            "create_time": rfc3339(self.paid_at),
            "resource_type": "encrypt-resource",
            "event_type": "TRANSACTION.SUCCESS",
            "summary": "支付成功",
            "resource": {
                "original_type": "transaction",
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": sealer.seal(&nonce, ASSOCIATED_DATA, text.as_bytes())?,
                "associated_data": ASSOCIATED_DATA,
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
        &self.out_trade_no
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

impl From<CryptoError> for LetterError {
    fn from(error: CryptoError) -> Self {
        Self(format!("密钥或密文无法生成：{error}"))
    }
}

/// The field that the fault changes, with its wrong value; `None` if the transaction is unchanged.
fn lie(fault: CallbackFault, total_fen: i64) -> Option<(&'static str, Value)> {
    match fault {
        CallbackFault::OtherAmount => Some(("/amount/total", json!(total_fen - 1))),
        CallbackFault::OtherCurrency => Some(("/amount/currency", json!("USD"))),
        CallbackFault::OtherMerchant => Some(("/mchid", json!("1900000000"))),
        CallbackFault::OtherApp => Some(("/appid", json!("wx0000000000000000"))),
        CallbackFault::OtherPayer => Some(("/payer/openid", json!("oSomebodyElse000000000000000"))),
        CallbackFault::OtherOrder => {
            Some(("/out_trade_no", json!("NEVERMADE0000000000000000000000")))
        }
        CallbackFault::NotPaid => Some(("/trade_state", json!("NOTPAY"))),
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
