//! Messages of WeChat Pay, made with the sandbox's keys: valid ones, and ones with a single defect.

use crate::{
    Answer, Api,
    world::{now, sandbox_folder, sandbox_keys},
};
use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, KeyInit, Nonce, Payload},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use rsa::{
    RsaPrivateKey,
    pkcs1v15::SigningKey,
    pkcs8::DecodePrivateKey,
    sha2::{Digest, Sha256},
    signature::{SignatureEncoding, Signer as _},
};
use sandbox::{
    keys::{Credentials, MERCHANT_PRIVATE_KEY_FILE, WECHAT_PAY_PRIVATE_KEY_FILE},
    wechat_pay::PaymentView,
};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// Where WeChat Pay's messages about payments arrive, below `/callbacks/{school}/`.
const PATH: &str = "wechat-pay/transactions";

const SEAL_NONCE: &str = "0123456789ab";

/// Makes messages.
pub struct Forge {
    wechat_pay: Signer,
    merchant: Signer,
    credentials: Credentials,
}

/// What a message says of a refund.
#[derive(Clone, Copy, Debug)]
pub struct ToldRefund<'a> {
    /// The merchant's number of the refund.
    pub number: &'a str,
    /// `SUCCESS`, `CLOSED`, `ABNORMAL` or `PROCESSING`.
    pub status: &'a str,
    /// What it gives back, in fen.
    pub amount_fen: i64,
}

/// A signing key with its serial.
pub struct Signer {
    key: SigningKey<Sha256>,
    serial: String,
}

impl Signer {
    /// A signer from a PKCS#8 key.
    pub fn of(der: &[u8], serial: &str) -> Self {
        Self::of_key(RsaPrivateKey::from_pkcs8_der(der).unwrap(), serial)
    }

    /// A body signed with the current time.
    pub fn signed(&self, body: impl Into<Vec<u8>>) -> Letter {
        self.signed_at(now().seconds(), body.into())
    }

    fn signed_at(&self, seconds: i64, body: Vec<u8>) -> Letter {
        let (seconds, nonce) = (seconds.to_string(), uuid::Uuid::new_v4().simple().to_string());
        let message = [format!("{seconds}\n{nonce}\n").as_bytes(), &body, b"\n"].concat();
        let signature = BASE64_STANDARD.encode(self.key.sign(&message).to_bytes());
        let headers = [
            ("Content-Type", "application/json"),
            ("Wechatpay-Timestamp", &seconds),
            ("Wechatpay-Nonce", &nonce),
            ("Wechatpay-Signature", &signature),
            ("Wechatpay-Serial", &self.serial),
            ("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048"),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Letter { path: PATH, headers: headers.map(owned).into(), body }
    }

    fn of_key(key: RsaPrivateKey, serial: &str) -> Self {
        Self { key: SigningKey::new(key), serial: serial.to_owned() }
    }
}

/// A message, ready to send.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Where it goes, below `/callbacks/{school}/`.
    pub path: &'static str,
    /// The headers, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Forge {
    /// A forge with the sandbox's keys.
    pub fn with_sandbox_keys() -> Self {
        Self::of(sandbox_keys().credentials.clone(), &sandbox_folder())
    }

    /// A forge with the keys of a school that has an app and a merchant of its own.
    pub fn of_school(school: &str) -> Self {
        let own = sandbox_keys().schools[school].clone();
        let (wechat, wechat_pay) = (own.wechat.unwrap(), own.wechat_pay);
        let credentials = Credentials { throwaway: own.throwaway, wechat, wechat_pay };
        Self::of(credentials, &sandbox_folder().join(school))
    }

    fn of(credentials: Credentials, folder: &Path) -> Self {
        let id = credentials.wechat_pay.public_key_id.clone();
        let key = |file: &str| {
            let pem = fs::read_to_string(folder.join(file)).unwrap();
            Signer::of_key(RsaPrivateKey::from_pkcs8_pem(&pem).unwrap(), &id)
        };
        Self {
            wechat_pay: key(WECHAT_PAY_PRIVATE_KEY_FILE),
            merchant: key(MERCHANT_PRIVATE_KEY_FILE),
            credentials,
        }
    }

    /// The transaction of a payment, as if it were paid.
    pub fn transaction(&self, payment: &PaymentView) -> Value {
        let mut transaction = self.transaction_of(&payment.out_trade_no, payment.total_fen);
        if let Some(number) = &payment.transaction_id {
            transaction["transaction_id"] = number.as_str().into();
        }
        transaction["payer"] = json!({ "openid": payment.openid });
        transaction
    }

    /// A transaction with this number and amount, without the payer.
    pub fn transaction_of(&self, out_trade_no: &str, total_fen: i64) -> Value {
        json!({
            "appid": self.credentials.wechat.app_id,
            "mchid": self.credentials.wechat_pay.mch_id,
            "out_trade_no": out_trade_no,
            "transaction_id": transaction_number(out_trade_no, 0),
            "trade_type": "JSAPI",
            "trade_state": "SUCCESS",
            "success_time": now().to_rfc3339(),
            "amount": { "total": total_fen, "currency": "CNY" },
        })
    }

    /// The envelope of a transaction, encrypted with the merchant's API v3 key.
    pub fn envelope(&self, id: &str, transaction: &Value) -> Value {
        let sealed = transaction.to_string();
        envelope_of(id, sealed.as_bytes(), self.api_v3_key())
    }

    /// The complete message of a refund of a payment.
    pub fn refund(&self, id: &str, payment: &PaymentView, told: &ToldRefund<'_>) -> Letter {
        let ToldRefund { number, status, amount_fen } = told;
        let truth = self.transaction(payment);
        let refund = json!({
            "mchid": truth["mchid"], "out_trade_no": truth["out_trade_no"],
            "transaction_id": truth["transaction_id"], "out_refund_no": number,
            "refund_id": "50300000000000000000000000001", "refund_status": status,
            "success_time": truth["success_time"],
            "amount": {
                "total": payment.total_fen, "refund": amount_fen,
                "payer_total": payment.total_fen, "payer_refund": amount_fen,
            },
        });
        let mut envelope = self.envelope(id, &refund);
        envelope["event_type"] = format!("REFUND.{status}").into();
        envelope["resource"]["original_type"] = "refund".into();
        self.signed(envelope.to_string())
    }

    /// A body that WeChat Pay signs now.
    pub fn signed(&self, body: impl Into<Vec<u8>>) -> Letter {
        self.signed_at(now().seconds(), body)
    }

    /// A body that WeChat Pay signed at this time, in Unix seconds.
    pub fn signed_at(&self, seconds: i64, body: impl Into<Vec<u8>>) -> Letter {
        self.wechat_pay.signed_at(seconds, body.into())
    }

    /// A body signed with the merchant's own key, which must not be accepted.
    pub fn signed_by_merchant(&self, body: impl Into<Vec<u8>>) -> Letter {
        self.merchant.signed(body)
    }

    /// The serial of the merchant's own certificate.
    pub fn merchant_serial(&self) -> &str {
        &self.credentials.wechat_pay.merchant_serial_no
    }

    /// The key that encrypts the content.
    pub fn api_v3_key(&self) -> &str {
        &self.credentials.wechat_pay.api_v3_key
    }

    /// The complete message of a transaction.
    pub fn message(&self, id: &str, transaction: &Value) -> Letter {
        self.signed(self.envelope(id, transaction).to_string())
    }
}

/// The envelope of any bytes, encrypted with any key.
pub fn envelope_of(id: &str, content: &[u8], api_v3_key: &str) -> Value {
    let mut resource = seal(content, "transaction", api_v3_key);
    resource["original_type"] = "transaction".into();
    json!({
        "id": id,
        "create_time": now().to_rfc3339(),
        "resource_type": "encrypt-resource",
        "event_type": "TRANSACTION.SUCCESS",
        "resource": resource,
    })
}

/// An encrypted part: content and associated data under a key.
pub fn seal(content: &[u8], associated_data: &str, api_v3_key: &str) -> Value {
    let key = Aes256Gcm::new_from_slice(api_v3_key.as_bytes()).unwrap();
    let nonce = Nonce::<Aes256Gcm>::try_from(SEAL_NONCE.as_bytes()).unwrap();
    let payload = Payload { msg: content, aad: associated_data.as_bytes() };
    let sealed = key.encrypt(&nonce, payload).unwrap();
    json!({
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": BASE64_STANDARD.encode(sealed),
        "associated_data": associated_data,
        "nonce": SEAL_NONCE,
    })
}

/// A transaction number in WeChat Pay's format, different for every `salt`.
pub fn transaction_id(payment: &PaymentView, salt: u32) -> String {
    transaction_number(&payment.out_trade_no, salt)
}

/// Derived from a hash of the whole number: the prefix of an id is mostly a timestamp, which
/// concurrent payments share.
fn transaction_number(out_trade_no: &str, salt: u32) -> String {
    let hash = Sha256::digest(out_trade_no);
    let own = u64::from_be_bytes(hash[..8].try_into().unwrap());
    format!("42000{own:020}{salt:04}")
}

impl Letter {
    /// The message with another value of a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        for (header, old) in &mut self.headers {
            if header == name {
                value.clone_into(old);
            }
        }
        self
    }

    /// The message without a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| header != name);
        self
    }

    /// The message with one more header.
    #[must_use]
    pub fn and(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(header, _)| header == name).unwrap().1
    }

    /// Sends the message over a keep-alive connection, like a provider that sends many.
    pub async fn post(&self, api: &Api, school: &str) -> Result<Answer, reqwest::Error> {
        let path = format!("/callbacks/{school}/{}", self.path);
        api.deliver(&path, &self.headers, &self.body).await
    }

    /// Sends the message to a school's callback path.
    pub async fn send(&self, api: &Api, school: &str) -> Answer {
        let line = format!("POST /callbacks/{school}/{}", self.path);
        api.raw(&line, &self.headers, &self.body).await
    }
}
