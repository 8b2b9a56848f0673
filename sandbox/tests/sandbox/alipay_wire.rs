//! Requests to the gateway: signatures of other implementations, and every refusal.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use sandbox::Options;
use sandbox::alipay::endpoints::{CREATE, OTHER, QUERY, TOKEN};
use sandbox::clock::ManualClock;
use sandbox::keys::{AlipayApps, AlipayCredentials};
use serde_json::{Value, json};

use crate::support::{AlipayWorld, browser, vectors};

const CREATE_METHOD: &str = "alipay.trade.create";

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/alipay_signatures.json")).unwrap()
}

fn pem(vectors: &Value, owner: &str) -> String {
    let der = vectors["keys"][owner]["private_pkcs8_pem"]["der_base64"].as_str().unwrap();
    let lines: Vec<_> = der.as_bytes().chunks(64).map(|l| str::from_utf8(l).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// A signature that fits gets past `isv.invalid-signature`; what is then refused is the unknown
/// buyer, code or product.
#[tokio::test]
async fn requests_signed_elsewhere_are_believed_and_altered_ones_are_not() {
    let vectors_of_alipay = fixture();
    let mut keys = vectors().keys();
    let credentials = AlipayCredentials {
        app_id: vectors_of_alipay["app_id"].as_str().unwrap().to_owned(),
        seller_id: vectors_of_alipay["seller_id"].as_str().unwrap().to_owned(),
        ..AlipayCredentials::default()
    };
    let (app, alipay) = (pem(&vectors_of_alipay, "app"), pem(&vectors_of_alipay, "alipay"));
    keys.alipay = Some(AlipayApps::from_pem(credentials, &app, &alipay).unwrap());
    let at = DateTime::parse_from_rfc3339("2026-01-05T09:30:00+08:00").unwrap().to_utc();
    let clock = Arc::new(ManualClock::at(at));
    let running = sandbox::start(Options { clock, ..Options::new(keys) }).await.unwrap();
    let url = format!("{}/gateway.do", running.base_url());
    let table = [
        ("trade_create_ascii_json", "ACQ.INVALID_PARAMETER"),
        ("trade_create_utf8_json", "ACQ.INVALID_PARAMETER"),
        ("oauth_token_no_biz_content", "isv.code-invalid"),
        ("trade_pay_bar_code", "isv.insufficient-isv-permissions"),
    ];
    for (name, sub_code) in table {
        let mut requests = vectors_of_alipay["requests"].as_array().unwrap().iter();
        let request = requests.find(|request| request["name"] == name).unwrap();
        let sent = request["urlencoded"].as_str().unwrap();
        let altered = sent.replace("2021000000000001&", "2021000000000001&extra=1&");
        for (body, sub_code) in [(sent, sub_code), (&altered, "isv.invalid-signature")] {
            let form = "application/x-www-form-urlencoded;charset=utf-8";
            let ask = browser().post(&url).header("Content-Type", form).body(body.to_owned());
            let text = ask.send().await.unwrap().text().await.unwrap();
            assert!(text.contains(&format!("\"sub_code\":\"{sub_code}\"")), "{name}: {text}");
            assert_eq!(text.contains("extra=1"), sub_code == "isv.invalid-signature", "{name}");
        }
    }
}

/// What is changed before or after signing, and how the gateway refuses it.
#[tokio::test]
async fn every_refusal_of_the_gateway() {
    let world = AlipayWorld::start().await;
    let shop = world.shop();
    let early = "2026-01-01 09:49:59";
    let before: [(&str, &str, &str, &str); 21] = [
        ("method", "", "40001", "isv.missing-method"),
        ("sign_type", "", "40001", "isv.missing-signature-type"),
        ("app_id", "", "40001", "isv.missing-app-id"),
        ("timestamp", "", "40001", "isv.missing-timestamp"),
        ("version", "", "40001", "isv.missing-version"),
        ("app_id", "2021000000000000", "40002", "isv.invalid-app-id"),
        ("charset", "latin1", "40002", "isv.invalid-charset"),
        ("charset", "", "40002", "isv.invalid-charset"),
        ("sign_type", "RSA", "40002", "isv.invalid-signature-type"),
        ("timestamp", early, "40002", "isv.invalid-timestamp"),
        ("timestamp", "2026-01-01 02:00:00", "40002", "isv.invalid-timestamp"),
        ("timestamp", "2026-01-01T10:00:00", "40002", "isv.invalid-timestamp"),
        ("version", "2.0", "40002", "isv.invalid-version"),
        ("format", "XML", "40002", "isv.invalid-format"),
        ("app_cert_sn", "0123", "40002", "isv.invalid-app-cert-sn"),
        ("alipay_root_cert_sn", "0123", "40002", "isv.invalid-alipay-root-cert-sn"),
        ("encrypt_type", "AES", "40001", "isv.missing-encrypt-key"),
        ("encrypt_type", "DES", "40002", "isv.invalid-encrypt-type"),
        ("method", "no.such.method", "40002", "isv.invalid-method"),
        ("method", "alipay.trade.pay", "40006", "isv.insufficient-isv-permissions"),
        ("notify_url", "https://a.example/n?x=1", "40002", "isv.invalid-notify-url"),
    ];
    let content = world.order(&shop, "REFUSED1");
    for (name, value, code, sub_code) in before {
        let mut parameters = shop.parameters(&world, CREATE_METHOD, &content);
        parameters.insert(name.to_owned(), value.to_owned());
        let told = shop.send(shop.signed(parameters)).await.text();
        let said = [format!("\"code\":\"{code}\""), format!("\"sub_code\":\"{sub_code}\"")];
        assert!(said.iter().all(|part| told.contains(part)), "{name}={value}: {told}");
    }
    let after =
        [("sign", ""), ("sign", "AAAA"), ("timestamp", "2026-01-01 10:00:01"), ("extra", "1")];
    for (name, value) in after {
        let mut parameters = shop.signed(shop.parameters(&world, CREATE_METHOD, &content));
        parameters.insert(name.to_owned(), value.to_owned());
        let (code, sub_code) = shop.send(parameters).await.error();
        let expected = match value {
            "" => ("40001", "isv.missing-signature"),
            _ => ("40002", "isv.invalid-signature"),
        };
        assert_eq!((code.as_str(), sub_code.as_str()), expected, "{name}={value}");
    }
    assert!(world.alipay().payment("REFUSED1").is_none());
}

/// The gateway shows the string that it built, as the real one does.
#[tokio::test]
async fn a_wrong_signature_is_answered_with_the_string_to_sign() {
    let world = AlipayWorld::start().await;
    let shop = world.shop();
    let mut parameters = shop.signed(shop.parameters(&world, "alipay.trade.query", &json!({})));
    parameters.insert("sign".to_owned(), shop.sign(b"something else"));
    let told = shop.send(parameters).await.json();
    let message = told["error_response"]["sub_msg"].as_str().unwrap();
    let begin = format!("app_id={}&biz_content={{}}&charset=utf-8", shop.credentials.app_id);
    assert!(message.contains(&begin), "{message}");
}

/// Values that are empty are neither signed nor counted; a parameter that comes twice is refused,
/// wherever it comes from.
#[tokio::test]
async fn empty_values_are_dropped_and_repeated_ones_refused() {
    let world = AlipayWorld::start().await;
    let shop = world.shop();
    let mut parameters = shop.parameters(&world, CREATE_METHOD, &world.order(&shop, "EMPTY1"));
    parameters.insert("return_url".to_owned(), String::new());
    let told = shop.send(shop.signed(parameters.clone())).await;
    assert_eq!(told.node(&shop, CREATE_METHOD)["out_trade_no"], "EMPTY1");

    let signed = shop.signed(parameters);
    let url = format!("{}/gateway.do", world.running.base_url());
    let twice = world.http.post(&url).query(&signed).form(&[("method", CREATE_METHOD)]);
    let text = twice.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("isv.invalid-parameter") && text.contains("method"), "{text}");
    let json = world.http.post(&url).query(&signed).json(&json!({}));
    assert!(json.send().await.unwrap().text().await.unwrap().contains("isv.invalid-content-type"));
    let broken = world.http.post(format!("{url}?method=%zz"));
    assert!(broken.send().await.unwrap().text().await.unwrap().contains("isv.invalid-parameter"));
}

/// The log and the faults know what is asked for, whether query or body says so.
#[tokio::test]
async fn requests_are_counted_by_their_method() {
    let world = AlipayWorld::start().await;
    let shop = world.shop();
    let url = format!("{}/gateway.do", world.running.base_url());
    let content = world.order(&shop, "COUNTED1");
    shop.call(&world, CREATE_METHOD, &content).await;
    let in_body = shop.signed(shop.parameters(&world, CREATE_METHOD, &content));
    let told = world.http.post(&url).form(&in_body).send().await.unwrap();
    assert!(told.text().await.unwrap().contains("10000"));
    shop.call(&world, "alipay.trade.query", &json!({ "out_trade_no": "COUNTED1" })).await;
    shop.call(&world, "alipay.user.info.share", &Value::Null).await;
    let requests = &world.running.sandbox().requests;
    let counts = [CREATE, QUERY, OTHER, TOKEN].map(|endpoint| requests.count(endpoint));
    assert_eq!(counts, [2, 1, 1, 0]);
    assert_eq!(requests.about("COUNTED1").len(), 3);
}

/// Ten minutes either way, and not a second more.
#[tokio::test]
async fn timestamps_are_beijing_time_within_ten_minutes() {
    let world = AlipayWorld::start().await;
    let shop = world.shop();
    for (seconds, good) in
        [(600, true), (601, false), (-600, true), (-601, false), (-28_800, false)]
    {
        let content = json!({ "out_trade_no": "NONE" });
        let signed = shop.signed(shop.parameters(&world, "alipay.trade.query", &content));
        world.clock.advance(TimeDelta::seconds(seconds));
        let text = shop.send(signed).await.text();
        world.clock.advance(TimeDelta::seconds(-seconds));
        assert_eq!(text.contains("ACQ.TRADE_NOT_EXIST"), good, "{seconds}: {text}");
    }
}
