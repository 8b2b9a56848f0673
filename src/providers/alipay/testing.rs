//! Alipay's side for tests: signs answers and notifications with throwaway keys.

use super::{Alipay, AlipaySettings, content_key::ContentKey, trust::AlipayTrust};
use crate::base::{
    clock::Timestamp,
    crypto::rsa::{PrivateKey, PublicKey},
    http_client::{self, Timeouts, test_server::Reply},
};
use crate::providers::templates::Templates;
use serde_json::Value;
use std::sync::LazyLock;

pub(crate) const APP_ID: &str = "2021000000000001";
pub(crate) const SELLER_ID: &str = "2088000000000011";
pub(crate) const OUT_TRADE_NO: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const TRADE_NO: &str = "2026010522001400000000000001";
/// 2026-01-05 09:30:00 in Beijing.
pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_767_576_600);

/// A value from the file of throwaway keys.
pub(crate) fn text(pointer: &str) -> String {
    let file: Value =
        serde_json::from_str(include_str!("../../../tests/fixtures/alipay/keys.json")).unwrap();
    file.pointer(pointer).and_then(Value::as_str).unwrap().to_owned()
}

pub(crate) fn private_key(who: &str) -> PrivateKey {
    let der = text(&format!("/{who}/private_pkcs8_pem/der_base64"));
    PrivateKey::from_any_form(&der.into()).unwrap()
}

pub(crate) fn content_key() -> ContentKey {
    ContentKey::from_base64(&text("/aes_key_b64")).unwrap()
}

pub(crate) fn trust() -> AlipayTrust {
    let key = PublicKey::from_any_form(&text("/alipay/public_spki_pem")).unwrap();
    AlipayTrust { key, numbers: None }
}

/// Public key mode, without content encryption.
pub(crate) fn settings(gateway_url: &str) -> AlipaySettings {
    AlipaySettings {
        gateway_url: gateway_url.parse().unwrap(),
        app_id: APP_ID.to_owned(),
        seller_id: SELLER_ID.to_owned(),
        app_key: private_key("app"),
        trust: trust(),
        content_key: None,
        app_auth_token: Some("token-hush".into()),
        templates: Templates::default(),
        bill_hosts: Vec::new(),
    }
}

pub(crate) fn http() -> reqwest::Client {
    http_client::build(Timeouts::default()).unwrap()
}

pub(crate) fn gateway(gateway_url: &str) -> Alipay {
    Alipay::new(settings(gateway_url), http())
}

/// Alipay's signature, base64.
pub(crate) fn sign(content: &[u8]) -> String {
    static KEY: LazyLock<PrivateKey> = LazyLock::new(|| private_key("alipay"));
    KEY.sign(content).unwrap()
}

/// The body of an answer that Alipay signed.
pub(crate) fn signed(node: &str, content: &str) -> String {
    format!(r#"{{"{node}":{content},"sign":"{}"}}"#, sign(content.as_bytes()))
}

pub(crate) fn signed_reply(node: &str, content: &str) -> Reply {
    Reply::new(200).body(signed(node, content))
}

/// The parameters of a notification of a payment that was made.
pub(crate) fn paid() -> Vec<(&'static str, String)> {
    [
        ("notify_time", "2026-01-05 09:31:08"),
        ("notify_type", "trade_status_sync"),
        ("notify_id", "2026010500222093108000000000000001"),
        ("app_id", APP_ID),
        ("charset", "utf-8"),
        ("version", "1.0"),
        ("trade_no", TRADE_NO),
        ("out_trade_no", OUT_TRADE_NO),
        ("buyer_open_id", "o-1"),
        ("seller_id", SELLER_ID),
        ("trade_status", "TRADE_SUCCESS"),
        ("total_amount", "20.00"),
        ("receipt_amount", "18.00"),
        ("subject", "校园卡充值 100% +1"),
        ("gmt_payment", "2026-01-05 09:31:07"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// The body of a notification that Alipay signed.
pub(crate) fn notification(parameters: &[(&str, String)]) -> String {
    let mut sorted = parameters.to_vec();
    sorted.sort();
    let pairs: Vec<String> = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let sign = sign(pairs.join("&").as_bytes());
    let all = parameters.iter().map(|(name, value)| (*name, value.as_str()));
    let all = all.chain([("sign_type", "RSA2"), ("sign", sign.as_str())]);
    encode(all)
}

/// Form encoding.
pub(crate) fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut url = reqwest::Url::parse("http://a").unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap().to_owned()
}
