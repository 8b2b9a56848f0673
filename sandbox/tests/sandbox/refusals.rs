//! Each rule, broken once.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{Answer, Merchant, Parcel, RequestClaim, World};

const NOTIFY: &str = "https://card.example.edu.cn/callbacks/wechat-pay";
const PREPAY: &str = "/v3/pay/transactions/jsapi";

fn field(answer: &Answer) -> String {
    answer.json()["detail"]["field"].as_str().unwrap_or_default().to_owned()
}

/// JSON pointer of the refused field, and how the body comes to break its rule.
type BrokenBody = (&'static str, fn(&mut Value));

const BROKEN_BODIES: &[BrokenBody] = &[
    ("/appid", |o| drop(o.as_object_mut().unwrap().remove("appid"))),
    ("/appid", |o| o["appid"] = json!("")),
    ("/mchid", |o| drop(o.as_object_mut().unwrap().remove("mchid"))),
    ("/mchid", |o| o["mchid"] = json!("1900000001")),
    ("/mchid", |o| o["mchid"] = json!(1_900_000_001)),
    ("/description", |o| drop(o.as_object_mut().unwrap().remove("description"))),
    ("/description", |o| o["description"] = json!("")),
    ("/description", |o| o["description"] = json!("校".repeat(42) + "ab")),
    ("/out_trade_no", |o| o["out_trade_no"] = json!("A2345")),
    ("/out_trade_no", |o| o["out_trade_no"] = json!("A".repeat(33))),
    ("/out_trade_no", |o| o["out_trade_no"] = json!("A23456.7")),
    ("/out_trade_no", |o| o["out_trade_no"] = json!("订单000001")),
    ("/time_expire", |o| o["time_expire"] = json!("2026-01-01 10:30:00")),
    ("/time_expire", |o| o["time_expire"] = json!("2026-01-01T10:30:00")),
    ("/attach", |o| o["attach"] = json!("a".repeat(129))),
    ("/attach", |o| o["attach"] = Value::Null),
    ("/notify_url", |o| drop(o.as_object_mut().unwrap().remove("notify_url"))),
    ("/notify_url", |o| o["notify_url"] = json!("http://card.example.edu.cn/x")),
    ("/notify_url", |o| o["notify_url"] = json!("https://card.example.edu.cn/x?a=1")),
    ("/notify_url", |o| o["notify_url"] = json!("https://card.example.edu.cn/x?")),
    ("/notify_url", |o| o["notify_url"] = json!("https://u:p@card.example.edu.cn/x")),
    ("/notify_url", |o| o["notify_url"] = json!("card.example.edu.cn")),
    ("/notify_url", |o| {
        o["notify_url"] = json!(format!("https://card.example.edu.cn/{}", "x".repeat(250)));
    }),
    ("/amount", |o| o["amount"] = json!(5000)),
    ("/amount/total", |o| o["amount"] = json!({ "currency": "CNY" })),
    ("/amount/total", |o| o["amount"]["total"] = json!(0)),
    ("/amount/total", |o| o["amount"]["total"] = json!(50.0)),
    ("/amount/total", |o| o["amount"]["total"] = json!("5000")),
    ("/amount/currency", |o| o["amount"]["currency"] = json!("USD")),
    ("/amount/payer_total", |o| o["amount"]["payer_total"] = json!(5000)),
    ("/payer/openid", |o| o["payer"] = json!({})),
    ("/payer/openid", |o| o["payer"]["openid"] = json!("oUnknown0000000000000000000a")),
    ("/limit_pay/0", |o| o["limit_pay"] = json!(["cash"])),
    ("/scene_info/payer_client_ip", |o| o["scene_info"] = json!({})),
    ("/detail/goods_detail/0/unit_price", |o| {
        o["detail"] = json!({ "goods_detail": [{ "merchant_goods_id": "1", "quantity": 1 }] });
    }),
    ("/settle_info/profit_sharing", |o| o["settle_info"] = json!({ "profit_sharing": "N" })),
    ("/total_fee", |o| o["total_fee"] = json!(5000)),
    ("/description", |o| o["description"] = json!("饭\u{1F35A}")),
];

#[tokio::test]
async fn bodies() {
    let world = World::start().await;
    for (number, (pointer, spoil)) in BROKEN_BODIES.iter().enumerate() {
        let mut order = world.order("REFUSED000001", NOTIFY);
        spoil(&mut order);
        let answer = world.merchant.prepay(&order, world.now()).await;
        let got = (answer.status, answer.code());
        assert_eq!(got, (400, "PARAM_ERROR".to_owned()), "row {number}: {order}");
        // A wide character is found in the bytes, before any field is.
        if !order.to_string().contains('\u{1F35A}') {
            assert_eq!(field(&answer), *pointer, "row {number}");
        }
        assert!(!answer.headers["request-id"].ends_with("-0"));
        assert!(!answer.headers.contains_key("wechatpay-signature"));
    }
    assert!(world.sandbox().wechat_pay.payment("REFUSED000001").is_none());
}

#[tokio::test]
async fn texts_that_are_no_json_body() {
    let world = World::start().await;
    let wide = world.order("REFUSED000001", NOTIFY).to_string();
    let wide = wide.replace("校园卡充值", r"\ud83c\udf5a");
    let table: [&[u8]; 5] = [b"{", b"[]", b"null", b"{\"appid\":\"\xff\"}", wide.as_bytes()];
    for body in table {
        let claim = world.merchant.claim(world.now());
        let answer = world.merchant.send(world.merchant.parcel(&claim, "POST", PREPAY, body)).await;
        let text = String::from_utf8_lossy(body);
        assert_eq!((answer.status, answer.code().as_str()), (400, "PARAM_ERROR"), "{text}");
    }
}

#[tokio::test]
async fn limits_are_inclusive() {
    let world = World::start().await;
    let mut order = world.order(&"A_-|*0".repeat(6)[..32], NOTIFY);
    order["description"] = json!("校".repeat(42) + "a");
    order["attach"] = json!("a".repeat(128));
    order["amount"] = json!({ "total": 1 });
    order["time_expire"] = json!("2026-01-01T10:30:00+08:00");
    order["scene_info"] = json!({ "payer_client_ip": "127.0.0.1", "device_id": "" });
    order["settle_info"] = json!({ "profit_sharing": false });
    order["limit_pay"] = json!(["no_credit"]);
    world.prepay(&order).await;
}

/// A prepay request that is right in all that the claim does not spoil.
fn with(m: &Merchant, body: &[u8], claim: &RequestClaim) -> Parcel {
    m.parcel(claim, "POST", PREPAY, body)
}

/// The request with another value for a header, or without it.
fn header(mut parcel: Parcel, name: &'static str, value: Option<&str>) -> Parcel {
    parcel.headers.retain(|(known, _)| *known != name);
    parcel.headers.extend(value.map(|value| (name, value.to_owned())));
    parcel
}

/// Refused field, status, code, and how the request comes to break a rule.
type BrokenRequest = (&'static str, u16, &'static str, fn(&Merchant, i64, &[u8]) -> Parcel);

const BROKEN_REQUESTS: &[BrokenRequest] = &[
    ("authorization", 401, "SIGN_ERROR", |m, now, body| {
        header(with(m, body, &m.claim(now)), "Authorization", None)
    }),
    ("authorization", 401, "SIGN_ERROR", |m, now, body| {
        header(with(m, body, &m.claim(now)), "Authorization", Some("Bearer x"))
    }),
    ("mchid", 401, "SIGN_ERROR", |m, now, body| {
        with(m, body, &RequestClaim { mchid: "1".to_owned(), ..m.claim(now) })
    }),
    ("serial_no", 401, "SIGN_ERROR", |m, now, body| {
        with(m, body, &RequestClaim { serial_no: "0".repeat(40), ..m.claim(now) })
    }),
    ("nonce_str", 401, "SIGN_ERROR", |m, now, body| {
        with(m, body, &RequestClaim { nonce_str: "n".repeat(33), ..m.claim(now) })
    }),
    ("timestamp", 401, "SIGN_ERROR", |m, now, body| with(m, body, &m.claim(now - 301))),
    ("timestamp", 401, "SIGN_ERROR", |m, now, body| with(m, body, &m.claim(now + 301))),
    ("timestamp", 401, "SIGN_ERROR", |m, now, body| with(m, body, &m.claim(now * 1000))),
    ("signature", 401, "SIGN_ERROR", |m, now, body| {
        let parcel = with(m, body, &m.claim(now));
        Parcel { body: [body, b" "].concat(), ..parcel }
    }),
    ("signature", 401, "SIGN_ERROR", |m, now, body| {
        let parcel = with(m, body, &m.claim(now));
        Parcel { url: format!("{PREPAY}?a=1"), ..parcel }
    }),
    ("signature", 401, "SIGN_ERROR", |m, now, body| {
        let claim = m.claim(now);
        let other = m.authorization(&claim, "PUT", PREPAY, body);
        header(with(m, body, &claim), "Authorization", Some(&other))
    }),
    ("Accept", 400, "PARAM_ERROR", |m, now, body| {
        header(with(m, body, &m.claim(now)), "Accept", Some("*/*"))
    }),
    ("User-Agent", 400, "PARAM_ERROR", |m, now, body| {
        header(with(m, body, &m.claim(now)), "User-Agent", None)
    }),
    ("Content-Type", 400, "PARAM_ERROR", |m, now, body| {
        header(with(m, body, &m.claim(now)), "Content-Type", Some("text/plain"))
    }),
    ("Wechatpay-Serial", 400, "PARAM_ERROR", |m, now, body| {
        header(with(m, body, &m.claim(now)), "Wechatpay-Serial", Some("PUB_KEY_ID_0"))
    }),
];

#[tokio::test]
async fn requests() {
    let world = World::start().await;
    let body = world.order("REFUSED000001", NOTIFY).to_string();
    for (number, (name, status, code, spoil)) in BROKEN_REQUESTS.iter().enumerate() {
        let parcel = spoil(&world.merchant, world.now(), body.as_bytes());
        let answer = world.merchant.send(parcel).await;
        let got = (answer.status, answer.code(), field(&answer));
        assert_eq!(got, (*status, (*code).to_owned(), (*name).to_owned()), "row {number}");
    }
    assert!(world.sandbox().wechat_pay.payment("REFUSED000001").is_none());
}

#[tokio::test]
async fn a_wrong_signature_is_told_what_was_signed() {
    let world = World::start().await;
    let claim = world.merchant.claim(world.now());
    let mut parcel = world.merchant.parcel(&claim, "POST", PREPAY, b"{}");
    parcel.body = b"{ }".to_vec();
    let answer = world.merchant.send(parcel).await.json();
    let info = &answer["detail"]["sign_information"];
    assert_eq!((&info["method"], &info["url"]), (&json!("POST"), &json!(PREPAY)));
    let message = format!("POST\n{PREPAY}\n{}\n{}\n{{ }}\n", claim.timestamp, claim.nonce_str);
    assert_eq!(info["sign_message_length"], message.len());
    assert!(message.starts_with(info["truncated_sign_message"].as_str().unwrap()));
}

#[tokio::test]
async fn a_nonce_serves_once_and_five_minutes_are_still_in_time() {
    let world = World::start().await;
    let body = world.order("NONCE000001", NOTIFY).to_string();
    let claim = world.merchant.claim(world.now() - 300);
    let parcel = world.merchant.parcel(&claim, "POST", PREPAY, body.as_bytes());
    assert_eq!(world.merchant.send(parcel.clone()).await.status, 200);
    let again = world.merchant.send(parcel).await;
    assert_eq!((again.status, field(&again)), (401, "nonce_str".to_owned()));
}

#[tokio::test]
async fn an_order_number_belongs_to_one_order() {
    let world = World::start().await;
    let order = world.order("ORDER000001", NOTIFY);
    let first = world.prepay(&order).await;
    assert_ne!(world.prepay(&order).await, first, "a fresh prepay id for the same order");

    let mut dearer = order.clone();
    dearer["amount"]["total"] = json!(5001);
    let answer = world.merchant.prepay(&dearer, world.now()).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_REQUEST"));
    assert!(answer.headers["request-id"].ends_with("-268498688"));

    let mut foreign = world.order("ORDER000009", NOTIFY);
    foreign["appid"] = json!("wx0000000000000000");
    let answer = world.merchant.prepay(&foreign, world.now()).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "APPID_MCHID_NOT_MATCH"));

    world.sandbox().wechat_pay.drop_callbacks("ORDER000001").unwrap();
    world.sandbox().wechat_pay.pay("ORDER000001").unwrap();
    let answer = world.merchant.prepay(&order, world.now()).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "ORDERPAID"));
    let answer = world.merchant.close("ORDER000001", world.now()).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "ORDER_PAID"));
}

#[tokio::test]
async fn a_closed_order_stays_closed() {
    let world = World::start().await;
    let order = world.order("CLOSED000001", NOTIFY);
    world.prepay(&order).await;
    for _ in 0..2 {
        let answer = world.merchant.close("CLOSED000001", world.now()).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        assert!(world.merchant.believes(&answer.headers, ""));
    }
    let answer = world.merchant.prepay(&order, world.now()).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "ORDER_CLOSED"));
    let state = world.merchant.query("CLOSED000001", world.now()).await.json();
    assert_eq!(state["trade_state"], "CLOSED");
    assert!(world.sandbox().wechat_pay.pay("CLOSED000001").is_err());
}

#[tokio::test]
async fn queries() {
    let world = World::start().await;
    world.prepay(&world.order("CC|2026*0001", NOTIFY)).await;
    let mchid = &world.merchant.credentials.wechat_pay.mch_id;
    let path = "/v3/pay/transactions/out-trade-no";
    let table = [
        (format!("{path}/CC%7C2026*0001?mchid={mchid}"), 200, ""),
        (format!("{path}/CC%7C2026*0001?mchid=1900000001"), 400, "PARAM_ERROR"),
        (format!("{path}/CC%7C2026*0001"), 400, "PARAM_ERROR"),
        (format!("{path}/CC20260002?mchid={mchid}"), 404, "ORDER_NOT_EXIST"),
        (format!("/v3/pay/transactions/id/4200000?mchid={mchid}"), 404, "ORDER_NOT_EXIST"),
        ("/v3/certificates".to_owned(), 404, "RESOURCE_NOT_EXISTS"),
        ("/v3/pay/transactions/app".to_owned(), 404, "RESOURCE_NOT_EXISTS"),
    ];
    for (url, status, code) in table {
        let answer = world.merchant.get(&url, world.now()).await;
        assert_eq!(answer.status, status, "{url}");
        assert_eq!(answer.json()["code"].as_str().unwrap_or_default(), code, "{url}");
        // That an order does not exist is signed like any answer to a known merchant.
        let signed = status == 200 || url.contains("CC20260002");
        assert_eq!(world.merchant.believes(&answer.headers, &answer.text), signed, "{url}");
    }
    let answer = world.merchant.close("CC20260002", world.now()).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "ORDER_NOT_EXIST"));
}

#[tokio::test]
async fn an_unpaid_order_has_no_transaction() {
    let world = World::start().await;
    world.prepay(&world.order("UNPAID000001", NOTIFY)).await;
    world.clock.advance(TimeDelta::seconds(7));
    let answer = world.merchant.query("UNPAID000001", world.now()).await;
    assert_eq!(answer.headers["wechatpay-timestamp"], world.now().to_string());
    let body = answer.json();
    assert_eq!(body["trade_state"], "NOTPAY");
    for absent in ["transaction_id", "payer", "success_time", "bank_type", "attach"] {
        assert!(body.get(absent).is_none(), "{absent}");
    }
}
