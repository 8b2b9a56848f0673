//! Signatures that another implementation made.

use std::sync::Arc;

use sandbox::clock::ManualClock;
use sandbox::{Options, Running};
use serde_json::Value;

use crate::support::{Vectors, browser, vectors};

async fn start(vectors: &Vectors) -> Running {
    let clock = Arc::new(ManualClock::at(vectors.now()));
    sandbox::start(Options { clock, ..Options::new(vectors.keys()) }).await.unwrap()
}

async fn send(running: &Running, request: &Value, body: String) -> u16 {
    let text = |name: &str| request[name].as_str().unwrap();
    let url = format!("{}{}", running.base_url(), text("canonical_url"));
    let request = browser()
        .request(text("method").parse().unwrap(), url)
        .header("Authorization", text("authorization"))
        .header("Accept", "application/json")
        .header("Content-Type", "application/json")
        .header("User-Agent", "campus-card-test")
        .body(body);
    request.send().await.unwrap().status().as_u16()
}

/// A signature that fits gets past 401; what is then refused is the unknown order or payer.
#[tokio::test]
async fn requests_signed_elsewhere_are_believed_and_altered_ones_are_not() {
    let vectors = vectors();
    let running = start(&vectors).await;
    let table = [("jsapi_prepay_post_utf8_body", 400), ("query_path_with_pipe_and_star", 404)];
    for (name, status) in table {
        let requests = vectors["requests"].as_array().unwrap();
        let request = requests.iter().find(|request| request["name"] == name).unwrap();
        let body = request["body"].as_str().unwrap();
        assert_eq!(send(&running, request, format!("{body} ")).await, 401, "{name}");
        assert_eq!(send(&running, request, body.to_owned()).await, status, "{name}");
        assert_eq!(send(&running, request, body.to_owned()).await, 401, "{name}: nonce again");
    }
}

/// The signature over the call is checked before the prepay id is looked for.
#[tokio::test]
async fn payment_calls_signed_elsewhere_are_believed() {
    let vectors = vectors();
    let running = start(&vectors).await;
    let call = &vectors["pay_sign"];
    let text = |name: &str| call[name].as_str().unwrap();
    let table = [
        (text("paySign"), "没有这个预支付单"),
        (vectors["pay_sign_without_prefix"].as_str().unwrap(), "签名失败"),
    ];
    for (pay_sign, reason) in table {
        let query = [
            ("app_id", text("appId")),
            ("time_stamp", text("timeStamp")),
            ("nonce_str", text("nonceStr")),
            ("package", text("package")),
            ("sign_type", text("signType")),
            ("pay_sign", pay_sign),
            ("redirect_uri", "http://127.0.0.1:8080/"),
        ];
        let url = format!("{}/sandbox/wechat-pay/cashier", running.base_url());
        let page = browser().get(url).query(&query).send().await.unwrap();
        assert!(page.text().await.unwrap().contains(reason), "{reason}");
    }
}
