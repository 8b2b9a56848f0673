//! The message that a payment was made: sealed once, signed anew for every try.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use serde_json::{Value, json};
use uuid::Uuid;

use super::ActRefusal;
use super::merchants::Merchant;
use super::payment::{Paid, Payment};
use super::signed::Signed;
use super::transaction::paid_transaction;
use crate::chance;
use crate::clock::rfc3339;
use crate::crypto::{CryptoError, Sealer};
use crate::faults::CallbackFault;

const ASSOCIATED_DATA: &str = "transaction";
const NONCE_LENGTH: usize = 12;
/// In bytes, as API v3 keys are.
const SEALING_KEY_LENGTH: usize = 32;

/// A notification: the same id and body over all its tries.
#[derive(Debug)]
pub(super) struct Notification {
    pub(super) id: String,
    pub(super) out_trade_no: String,
    pub(super) notify_url: String,
    pub(super) merchant: Arc<Merchant>,
    paid_at: DateTime<Utc>,
    total_fen: i64,
    transaction: Value,
    body: String,
}

/// A try of a notification, signed and ready to send.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) notify_url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Letter {
    /// Which key it names; empty where it is not signed.
    pub(super) fn serial(&self) -> String {
        let serial = self.headers.get("wechatpay-serial");
        serial.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }
}

impl Notification {
    pub(super) fn new(
        payment: &Payment,
        paid: &Paid,
        merchant: &Arc<Merchant>,
    ) -> Result<Self, CryptoError> {
        let mut notification = Self {
            id: Uuid::new_v4().to_string(),
            out_trade_no: payment.out_trade_no.clone(),
            notify_url: payment.notify_url.clone(),
            merchant: merchant.clone(),
            paid_at: paid.at,
            total_fen: payment.total_fen,
            transaction: paid_transaction(payment, paid),
            body: String::new(),
        };
        let sealer = &merchant.keys.api_v3;
        notification.body = notification.envelope(&notification.transaction, sealer)?;
        Ok(notification)
    }

    /// Whose it is.
    pub(super) fn mchid(&self) -> &str {
        self.merchant.mch_id()
    }

    /// Signed with the key that is its merchant's turn; wrong in one place where that is wanted.
    pub(super) fn letter(
        &self,
        now: DateTime<Utc>,
        fault: Option<CallbackFault>,
    ) -> Result<Letter, ActRefusal> {
        let key = self.merchant.callback_signer(now)?;
        let forgery = fault.and_then(CallbackFault::forgery);
        let signed = Signed::new(&key, now, self.body(fault)?, forgery);
        let headers = signed.headers.into_iter();
        let mut headers: HeaderMap = headers
            .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
            .collect();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("Mozilla/4.0"));
        Ok(Letter { notify_url: self.notify_url.clone(), headers, body: signed.body })
    }

    fn body(&self, fault: Option<CallbackFault>) -> Result<String, CryptoError> {
        if fault == Some(CallbackFault::OtherSealingKey) {
            let other = chance::alphanumeric(SEALING_KEY_LENGTH);
            return self.envelope(&self.transaction, &Sealer::new(other.as_bytes())?);
        }
        let Some((place, lie)) = fault.and_then(|fault| fault.lie(self.total_fen)) else {
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
