//! WeChat's side for tests: signs answers and encrypts notifications with throwaway keys.

use super::{ApiV3Key, WechatPay, WechatPaySettings, keys::TrustedKeys, signing};
use crate::{
    base::{
        clock::Timestamp,
        crypto::rsa::{
            PrivateKey, PublicKey,
            testing::{private_pem, text},
        },
        http_client::{self, Timeouts, test_server::Reply},
    },
    payments::gateway::Headers,
};
use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, KeyInit, Nonce, Payload},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::LazyLock};

pub(crate) const APP_ID: &str = "wx00000000testca01";
pub(crate) const MCH_ID: &str = "1000000001";
pub(crate) const API_V3_KEY: &[u8; 32] = b"TESTONLY_apiv3_key_32bytes_0001x";
pub(crate) const NONCE: &str = "5e1fd0c1c0de4bad8a11ace0ffee0001";
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_767_232_800);

pub(crate) struct Keys {
    pub(crate) merchant_private_pem: String,
    pub(crate) merchant_public_pem: String,
    pub(crate) merchant_certificate_pem: String,
    pub(crate) merchant_serial: String,
    pub(crate) wechat_private_pem: String,
    pub(crate) wechat_public_pem: String,
    pub(crate) wechat_key_id: String,
}

pub(crate) fn keys() -> Keys {
    Keys {
        merchant_private_pem: private_pem("/merchant/private_key_pem"),
        merchant_public_pem: text("/merchant/public_key_pem"),
        merchant_certificate_pem: text("/merchant/certificate_pem"),
        merchant_serial: text("/merchant/serial_no"),
        wechat_private_pem: private_pem("/wechatpay/private_key_pem_for_test_signer"),
        wechat_public_pem: text("/wechatpay/public_key_pem"),
        wechat_key_id: text("/wechatpay/public_key_id"),
    }
}

/// A file of fixtures.
fn certificates() -> Value {
    let file = include_str!("../../../tests/fixtures/wechat/certificates.json");
    serde_json::from_str(file).unwrap()
}

/// A platform certificate of WeChat's.
#[derive(Clone, Debug)]
pub(crate) struct Platform {
    pub(crate) serial: String,
    pub(crate) pem: String,
    private_pem: String,
}

impl Platform {
    /// The certificate of the test vectors.
    pub(crate) fn first() -> Self {
        Self {
            serial: text("/platform_certificate/serial_no"),
            pem: text("/platform_certificate/certificate_pem"),
            private_pem: private_pem("/platform_certificate/private_key_pem_for_test_signer"),
        }
    }

    /// One of the fixtures, by its name.
    pub(crate) fn named(name: &str) -> Self {
        let file = certificates();
        let text = |pointer| {
            let found = file[name].pointer(pointer);
            found.unwrap().as_str().unwrap().to_owned()
        };
        let der = text("/private_key_pem_for_test_signer/der_base64");
        Self {
            serial: text("/serial_no"),
            pem: text("/certificate_pem"),
            private_pem: format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n"),
        }
    }

    /// The merchant's own certificate, which is no platform certificate.
    pub(crate) fn merchant() -> Self {
        let keys = keys();
        Self {
            serial: keys.merchant_serial,
            pem: keys.merchant_certificate_pem,
            private_pem: keys.merchant_private_pem,
        }
    }

    /// The signature headers for `body` at `at`.
    pub(crate) fn sign(&self, body: &[u8], at: Timestamp) -> TestHeaders {
        let key = PrivateKey::from_pkcs8_pem(&self.private_pem.as_str().into()).unwrap();
        sign_as(&self.serial, &key, body, at)
    }

    /// Its entry in an answer, encrypted with the API v3 key.
    pub(crate) fn entry(&self) -> Value {
        entry(&self.serial, &self.pem, API_V3_KEY)
    }
}

/// An entry of an answer with certificates: any text under any serial and key.
pub(crate) fn entry(serial: &str, pem: &str, key: &[u8; 32]) -> Value {
    json!({
        "serial_no": serial,
        "effective_time": "2020-01-01T08:00:00+08:00",
        "expire_time": "2044-12-31T08:00:00+08:00",
        "encrypt_certificate": seal(pem, "certificate", key),
    })
}

fn seal(plaintext: &str, associated_data: &str, key: &[u8; 32]) -> Value {
    let nonce = "0123456789ab";
    let payload = Payload { msg: plaintext.as_bytes(), aad: associated_data.as_bytes() };
    let sealed = Aes256Gcm::new(key.into())
        .encrypt(&Nonce::<Aes256Gcm>::try_from(nonce.as_bytes()).unwrap(), payload)
        .unwrap();
    json!({
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": BASE64_STANDARD.encode(sealed),
        "associated_data": associated_data, "nonce": nonce,
    })
}

/// A certificate in PEM, by its name among the fixtures.
pub(crate) fn certificate(name: &str) -> String {
    certificates()[name]["certificate_pem"].as_str().unwrap().to_owned()
}

/// The serial of such a certificate.
pub(crate) fn certificate_serial(name: &str) -> String {
    certificates()[name]["serial_no"].as_str().unwrap().to_owned()
}

pub(crate) fn settings(base_url: &str) -> WechatPaySettings {
    let keys = keys();
    let public_key = PublicKey::from_spki_pem(&keys.wechat_public_pem).unwrap();
    WechatPaySettings {
        base_url: base_url.parse().unwrap(),
        mch_id: MCH_ID.to_owned(),
        merchant_serial_no: keys.merchant_serial,
        merchant_key: PrivateKey::from_pkcs8_pem(&keys.merchant_private_pem.into()).unwrap(),
        api_v3_key: ApiV3Key::new(API_V3_KEY).unwrap(),
        keys: TrustedKeys::default().with_public_key(&keys.wechat_key_id, public_key),
        public_key_id: Some(keys.wechat_key_id),
        fetch_certificates: false,
        bill_hosts: Vec::new(),
    }
}

pub(crate) fn http() -> reqwest::Client {
    http_client::build(Timeouts::default()).unwrap()
}

pub(crate) fn gateway(base_url: &str) -> WechatPay {
    WechatPay::new(settings(base_url), APP_ID, http())
}

/// The headers of a message, as the HTTP layer passes them.
#[derive(Clone, Debug)]
pub(crate) struct TestHeaders(pub(crate) BTreeMap<String, String>);

impl Headers for TestHeaders {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// The headers with which WeChat signs `body` at `at`.
pub(crate) fn sign(body: &[u8], at: Timestamp) -> TestHeaders {
    static KEY: LazyLock<(String, PrivateKey)> = LazyLock::new(|| {
        let keys = keys();
        (keys.wechat_key_id, PrivateKey::from_pkcs8_pem(&keys.wechat_private_pem.into()).unwrap())
    });
    sign_as(&KEY.0, &KEY.1, body, at)
}

/// The headers of a signature by any key, under any serial.
fn sign_as(serial: &str, key: &PrivateKey, body: &[u8], at: Timestamp) -> TestHeaders {
    let timestamp = at.seconds().to_string();
    let signature = key.sign(&signing::received_message(&timestamp, NONCE, body));
    let headers = [
        ("wechatpay-timestamp", timestamp),
        ("wechatpay-nonce", NONCE.to_owned()),
        ("wechatpay-serial", serial.to_owned()),
        ("wechatpay-signature", signature.unwrap()),
        ("wechatpay-signature-type", "WECHATPAY2-SHA256-RSA2048".to_owned()),
    ];
    TestHeaders(headers.map(|(name, value)| (name.to_owned(), value)).into())
}

/// A reply that WeChat signed just now.
pub(crate) fn signed_reply(status: u16, body: &str) -> Reply {
    let reply = Reply::new(status).body(body);
    with_headers(reply, &sign(body.as_bytes(), NOW))
}

pub(crate) fn with_headers(reply: Reply, headers: &TestHeaders) -> Reply {
    let add = |reply: Reply, (name, value): (&String, &String)| reply.header(name, value.as_str());
    headers.0.iter().fold(reply, add)
}

/// A paid transaction.
pub(crate) fn transaction() -> Value {
    json!({
        "mchid": MCH_ID, "appid": APP_ID,
        "out_trade_no": "0123456789abcdef0123456789abcdef",
        "transaction_id": "4200000000202601010000000001",
        "trade_type": "JSAPI", "trade_state": "SUCCESS", "attach": "",
        "success_time": "2026-01-01T09:59:58+08:00",
        "payer": {"openid": "o-1"},
        "amount": {"total": 5000, "payer_total": 4000, "currency": "CNY", "payer_currency": "CNY"},
    })
}

/// The envelope of a notification whose encrypted part is `plaintext`.
pub(crate) fn envelope(plaintext: &str, associated_data: &str) -> Value {
    let mut resource = seal(plaintext, associated_data, API_V3_KEY);
    resource["original_type"] = "transaction".into();
    json!({
        "id": "EV-1", "create_time": "2026-01-01T10:00:00+08:00",
        "resource_type": "encrypt-resource", "event_type": "TRANSACTION.SUCCESS",
        "summary": "支付成功",
        "resource": resource,
    })
}
