//! The message that a payment was made: sealed once, signed anew for every try.

use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use serde_json::json;
use uuid::Uuid;

use super::answer::signature_headers;
use super::merchants::Merchant;
use super::payment::{Paid, Payment};
use super::signing::Signer;
use super::transaction::paid_transaction;
use crate::chance;
use crate::clock::rfc3339;
use crate::crypto::CryptoError;

const ASSOCIATED_DATA: &str = "transaction";

/// A notification: the same id and body over all its tries.
#[derive(Debug)]
pub(super) struct Notification {
    pub(super) id: String,
    pub(super) mchid: String,
    pub(super) out_trade_no: String,
    pub(super) notify_url: String,
    body: String,
}

/// A try of a notification, signed and ready to send.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) notify_url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Notification {
    pub(super) fn new(
        payment: &Payment,
        paid: &Paid,
        merchant: &Merchant,
    ) -> Result<Self, CryptoError> {
        let id = Uuid::new_v4().to_string();
        let nonce = chance::alphanumeric(12);
        let text = paid_transaction(payment, paid).to_string();
        let body = json!({
            "id": id,
            "create_time": rfc3339(paid.at),
            "resource_type": "encrypt-resource",
            "event_type": "TRANSACTION.SUCCESS",
            "summary": "支付成功",
            "resource": {
                "original_type": "transaction",
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": merchant.keys.api_v3.seal(&nonce, ASSOCIATED_DATA, text.as_bytes())?,
                "associated_data": ASSOCIATED_DATA,
                "nonce": nonce,
            },
        });
        Ok(Self {
            id,
            mchid: payment.mchid.clone(),
            out_trade_no: payment.out_trade_no.clone(),
            notify_url: payment.notify_url.clone(),
            body: body.to_string(),
        })
    }

    pub(super) fn letter(&self, signer: &Signer, now: DateTime<Utc>) -> Letter {
        let mut headers: HeaderMap = signature_headers(signer, now, &self.body)
            .into_iter()
            .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
            .collect();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("Mozilla/4.0"));
        Letter { notify_url: self.notify_url.clone(), headers, body: self.body.clone() }
    }
}
