//! Calls to a server that sends valid and invalid WeChat answers.

use super::{
    super::{
        WechatPay, path_segment,
        prepare::description,
        signing::{self, Request},
        testing::{
            APP_ID, MCH_ID, NOW, gateway, keys, settings, sign, signed_reply, transaction,
            with_headers,
        },
    },
    OUT_TRADE_NO, paid_claim, with, without,
};
use crate::{
    base::{
        crypto::rsa::{PublicKey, testing::checked_signature},
        http_client::{
            self, Timeouts,
            test_server::{self, Reply, TestServer},
        },
        money::Fen,
    },
    payments::gateway::{
        CloseOutcome, Evidence, GatewayError, KeptHeaders, NotificationRefused, PaidFact,
        PayParams, PaymentGateway, Prepare, ProviderState, RawNotification,
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) fn payment() -> Prepare {
    Prepare {
        out_trade_no: OUT_TRADE_NO.to_owned(),
        description: "校园卡充值".to_owned(),
        amount: Fen::new(5000).unwrap(),
        payer: "o-1".to_owned(),
        expires_at: NOW.plus(Duration::from_mins(30)),
        notify_url: "https://card.example.edu/callbacks/wechat-pay".to_owned(),
    }
}

async fn prepare(reply: Reply) -> Result<PayParams, GatewayError> {
    let server = TestServer::start([reply]);
    gateway(&server.base_url()).prepare(&payment(), NOW).await
}

async fn query(reply: Reply) -> Result<ProviderState, GatewayError> {
    let server = TestServer::start([reply]);
    gateway(&server.base_url()).query(OUT_TRADE_NO, NOW).await
}

fn paid_fact() -> PaidFact {
    PaidFact::new(&checked_signature(), paid_claim())
}

async fn close(reply: Reply) -> Result<CloseOutcome, GatewayError> {
    let server = TestServer::start([reply]);
    gateway(&server.base_url()).close(OUT_TRADE_NO, NOW).await
}

/// Checks the `Authorization` of a request against the bytes that arrived.
fn assert_signed_by_merchant(request: &test_server::Request) {
    let header = request.header("authorization");
    let pairs = header.strip_prefix("WECHATPAY2-SHA256-RSA2048 ").unwrap();
    let value = |name: &str| {
        let mut pairs = pairs.split(',').map(|pair| pair.split_once('=').unwrap());
        let (_, quoted) = pairs.find(|(key, _)| *key == name).unwrap();
        quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap()
    };
    assert_eq!(value("mchid"), MCH_ID);
    assert_eq!(value("serial_no"), keys().merchant_serial);
    assert_eq!(value("nonce_str").len(), 32);
    let mut line = request.head.split(' ');
    let seen = Request {
        method: line.next().unwrap(),
        path_and_query: line.next().unwrap(),
        body: &request.body,
    };
    let timestamp = value("timestamp").parse().unwrap();
    assert_eq!(timestamp, NOW.seconds());
    let message = signing::request_message(&seen, timestamp, value("nonce_str"));
    let signature = BASE64_STANDARD.decode(value("signature")).unwrap();
    let key = PublicKey::from_spki_pem(&keys().merchant_public_pem).unwrap();
    key.verify(&message, &signature).unwrap();
}

#[tokio::test]
async fn a_payment_is_made_known_and_the_client_gets_what_it_needs() {
    let server = TestServer::start([signed_reply(200, r#"{"prepay_id":"wx01","new":1}"#)]);
    let params = gateway(&server.base_url()).prepare(&payment(), NOW).await;
    let request = &server.requests()[0];
    assert!(request.head.starts_with("POST /v3/pay/transactions/jsapi HTTP/1.1\r\n"));
    assert_eq!(request.header("wechatpay-serial"), keys().wechat_key_id);
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("accept"), "application/json");
    assert_signed_by_merchant(request);
    let sent: Value = serde_json::from_slice(&request.body).unwrap();
    let expected = json!({
        "appid": APP_ID, "mchid": MCH_ID, "description": "校园卡充值",
        "out_trade_no": OUT_TRADE_NO, "time_expire": "2026-01-01T10:30:00+08:00",
        "notify_url": "https://card.example.edu/callbacks/wechat-pay",
        "amount": {"total": 5000, "currency": "CNY"}, "payer": {"openid": "o-1"},
    });
    assert_eq!(sent, expected);

    let params = serde_json::to_value(params.unwrap()).unwrap();
    let text = |name: &str| params[name].as_str().unwrap();
    assert_eq!((text("provider"), text("sign_type")), ("wechat_pay", "RSA"));
    let (time_stamp, nonce_str, package) = (text("time_stamp"), text("nonce_str"), text("package"));
    assert_eq!((time_stamp, package), ("1767232800", "prepay_id=wx01"));
    let lines = format!("{APP_ID}\n{time_stamp}\n{nonce_str}\n{package}\n");
    let signature = BASE64_STANDARD.decode(text("pay_sign")).unwrap();
    let key = PublicKey::from_spki_pem(&keys().merchant_public_pem).unwrap();
    key.verify(lines.as_bytes(), &signature).unwrap();
}

#[tokio::test]
async fn a_compressed_answer_is_verified_after_decompression() {
    // gzip of {"prepay_id":"wx01"}
    let gzip = "1f8b0800000000000203ab562a284a2d48ac8ccf4c51b2522aaf303054aa0500e5dd116e\
                14000000";
    let headers = sign(br#"{"prepay_id":"wx01"}"#, NOW);
    let reply = Reply::new(200).header("Content-Encoding", "gzip").body(hex::decode(gzip).unwrap());
    assert!(prepare(with_headers(reply, &headers)).await.is_ok());
}

/// An age beyond the accepted window of signatures.
const OLD: Duration = Duration::from_secs(301);
const PREPARED: &str = r#"{"prepay_id":"wx01"}"#;

/// A valid answer except for one header.
fn with_header(name: &str, value: &str) -> Reply {
    let mut headers = sign(PREPARED.as_bytes(), NOW);
    headers.0.insert(name.to_owned(), value.to_owned());
    with_headers(Reply::new(200).body(PREPARED), &headers)
}

/// An answer whose body, status or time differs from what was signed.
fn signed_for_another(status: u16, body: &str, seconds_ago: u64) -> Reply {
    let at = NOW.minus(Duration::from_secs(seconds_ago));
    with_headers(Reply::new(status).body(body), &sign(PREPARED.as_bytes(), at))
}

#[tokio::test]
async fn an_answer_that_proves_nothing_leaves_the_outcome_unknown() {
    let probe = "WECHATPAY/SIGNTEST/x";
    let cases = [
        ("unsigned", Reply::new(200).body(PREPARED)),
        ("altered", signed_for_another(200, r#"{"prepay_id":"wx02"}"#, 0)),
        ("stale", signed_for_another(200, PREPARED, 301)),
        ("probe", with_header("wechatpay-signature", probe)),
        ("other key", with_header("wechatpay-serial", "PUB_KEY_ID_0")),
        ("other type", with_header("wechatpay-signature-type", "WECHATPAY2-SM2-WITH-SM3")),
        ("a header twice", with_header("Wechatpay-Serial", &keys().wechat_key_id)),
        ("no prepay id", signed_reply(200, "{}")),
        ("empty prepay id", signed_reply(200, r#"{"prepay_id":""}"#)),
        ("prepay id of two lines", signed_reply(200, r#"{"prepay_id":"a\nb"}"#)),
        ("signed rubbish", signed_reply(200, "rubbish")),
        ("signed 204", signed_reply(204, "")),
        ("html", Reply::new(200).body("<html></html>")),
        ("oversize", Reply::new(200).body("x".repeat(1024 * 1024 + 1))),
        ("signed redirect", signed_reply(307, "").header("Location", "http://127.0.0.1:1/")),
        ("502 html", Reply::new(502).body("<html></html>")),
        ("400 html", Reply::new(400).body("<html></html>")),
        ("altered 400", signed_for_another(400, r#"{"code":"PARAM_ERROR"}"#, 0)),
    ];
    for (name, reply) in cases {
        assert_eq!(prepare(reply).await, Err(GatewayError::Unknown), "{name}");
    }
}

#[tokio::test]
async fn every_error_code_has_its_meaning() {
    let refused = |code: &str| GatewayError::Refused { code: code.to_owned() };
    let cases = [
        (400, "PARAM_ERROR", refused("PARAMERROR")),
        (400, "INVALID_REQUEST", refused("INVALIDREQUEST")),
        (400, "ORDERPAID", refused("ORDERPAID")),
        (400, "ORDER_PAID", refused("ORDERPAID")),
        (401, "SIGN_ERROR", refused("SIGNERROR")),
        (403, "NO_AUTH", refused("NOAUTH")),
        (403, "OUT_TRADE_NO_USED", refused("OUTTRADENOUSED")),
        (500, "OPENID_MISMATCH", refused("OPENIDMISMATCH")),
        (403, "FREQUENCY_LIMITED", GatewayError::Throttled { retry_after: None }),
        (429, "RATELIMIT_EXCEEDED", GatewayError::Throttled { retry_after: None }),
        (400, "SYSTEM_ERROR", GatewayError::Unknown),
        (400, "no <code>", GatewayError::Unknown),
        (400, "", GatewayError::Unknown),
        (408, "TIMEOUT", GatewayError::Unknown),
        (500, "SYSTEM_ERROR", GatewayError::Unknown),
        (503, "PARAM_ERROR", GatewayError::Unknown),
    ];
    for (status, code, expected) in cases {
        let body = format!(r#"{{"code":"{code}","message":"m","detail":{{"field":"/x"}}}}"#);
        let unsigned = Reply::new(status).body(body.clone());
        for reply in [unsigned, signed_reply(status, &body)] {
            assert_eq!(prepare(reply).await, Err(expected.clone()), "{status} {code}");
        }
    }
}

#[tokio::test]
async fn a_throttling_provider_says_how_long() {
    let cases = [("7", Some(7)), ("999999", Some(3600)), ("Thu, 01 Jan", None), ("-1", None)];
    for (header, seconds) in cases {
        let reply = Reply::new(429).header("Retry-After", header);
        let retry_after = seconds.map(Duration::from_secs);
        assert_eq!(prepare(reply).await, Err(GatewayError::Throttled { retry_after }));
    }
}

#[tokio::test]
async fn silence_is_unknown() {
    let server = TestServer::start([Reply::silence()]);
    let timeouts = Timeouts { total: Duration::from_millis(100), ..Timeouts::default() };
    let http = http_client::build(timeouts).unwrap();
    let gateway = WechatPay::new(settings(&server.base_url()), APP_ID, http);
    let result = gateway.prepare(&payment(), NOW).await;
    assert_eq!(result, Err(GatewayError::Unknown));
}

#[tokio::test]
async fn no_connection_is_unknown() {
    let server = TestServer::start([]);
    let base_url = server.base_url();
    let result = gateway(&base_url).prepare(&payment(), NOW).await;
    assert_eq!(result, Err(GatewayError::Unknown));
}

#[tokio::test]
async fn a_query_is_signed_and_every_state_has_its_meaning() {
    let server = TestServer::start([signed_reply(200, &transaction().to_string())]);
    let state = gateway(&server.base_url()).query(OUT_TRADE_NO, NOW).await;
    assert!(matches!(state, Ok(ProviderState::Paid(fact, _)) if fact == paid_fact()));
    let request = &server.requests()[0];
    let line =
        format!("GET /v3/pay/transactions/out-trade-no/{OUT_TRADE_NO}?mchid={MCH_ID} HTTP/1.1\r\n");
    assert!(request.head.starts_with(&line), "{}", request.head);
    assert_signed_by_merchant(request);

    let state = |state: &str| with(transaction(), "/trade_state", state.into());
    let unpaid = json!({
        "mchid": MCH_ID, "appid": APP_ID, "out_trade_no": OUT_TRADE_NO,
        "trade_state": "NOTPAY", "amount": {"total": 5000, "currency": "CNY"},
    });
    let answers = [
        (unpaid, Ok(ProviderState::NotPaid)),
        (state("USERPAYING"), Ok(ProviderState::NotPaid)),
        (state("PAYERROR"), Ok(ProviderState::NotPaid)),
        (state("CLOSED"), Ok(ProviderState::Closed)),
        (state("REVOKED"), Ok(ProviderState::Closed)),
        (state("NEW_STATE"), Err(GatewayError::Unknown)),
        (with(transaction(), "/mchid", "1".into()), Err(GatewayError::Unknown)),
        (with(transaction(), "/out_trade_no", "1".into()), Err(GatewayError::Unknown)),
        (without(transaction(), "amount"), Err(GatewayError::Unknown)),
        (without(transaction(), "transaction_id"), Err(GatewayError::Unknown)),
        (json!([]), Err(GatewayError::Unknown)),
    ];
    for (answer, expected) in answers {
        let answer = answer.to_string();
        assert_eq!(query(signed_reply(200, &answer)).await, expected, "{answer}");
    }
}

#[tokio::test]
async fn a_payment_that_wechat_does_not_know_is_unknown() {
    let unknown = Ok(ProviderState::Unknown);
    for code in ["ORDER_NOT_EXIST", "ORDERNOTEXIST"] {
        let body = format!(r#"{{"code":"{code}","message":"m"}}"#);
        assert_eq!(query(Reply::new(404).body(body.clone())).await, unknown);
        assert_eq!(query(signed_reply(404, &body)).await, unknown);
    }
    let other = Reply::new(404).body(r#"{"code":"RESOURCE_NOT_EXISTS"}"#);
    let code = "RESOURCENOTEXISTS".to_owned();
    assert_eq!(query(other).await, Err(GatewayError::Refused { code }));
    assert_eq!(query(Reply::new(404)).await, Err(GatewayError::Unknown));
    let unsigned = Reply::new(200).body(transaction().to_string());
    assert_eq!(query(unsigned).await, Err(GatewayError::Unknown));
}

/// What is kept is enough to check it again, and what was altered since is found.
#[tokio::test]
async fn a_kept_answer_is_checked_again() {
    let server = TestServer::start([signed_reply(200, &transaction().to_string())]);
    let gateway = gateway(&server.base_url());
    let state = gateway.query(OUT_TRADE_NO, NOW).await;
    let Ok(ProviderState::Paid(fact, evidence)) = state else { panic!("{state:?}") };
    assert_eq!(evidence.checked_at, NOW);
    let reread = |headers: &KeptHeaders, body: &[u8], number: &str| {
        let headers = KeptHeaders::parse(&headers.to_text());
        gateway.reread(&RawNotification { headers: &headers, body }, number, NOW)
    };
    let Evidence { headers, body, .. } = &evidence;
    let again = reread(headers, body, OUT_TRADE_NO);
    assert_eq!(again, Ok(ProviderState::Paid(fact, evidence.clone())));
    let altered = [body, &b" "[..]].concat();
    assert_eq!(reread(headers, &altered, OUT_TRADE_NO), Err(NotificationRefused::Signature));
    assert_eq!(reread(headers, body, "another"), Err(NotificationRefused::NotOurs));
    let bare = KeptHeaders::parse("");
    assert_eq!(reread(&bare, body, OUT_TRADE_NO), Err(NotificationRefused::Headers));
}

#[tokio::test]
async fn a_refunded_payment_was_paid() {
    let refunded = with(transaction(), "/trade_state", "REFUND".into());
    let server = TestServer::start([signed_reply(200, &refunded.to_string())]);
    let state = gateway(&server.base_url()).query(OUT_TRADE_NO, NOW).await;
    assert!(matches!(state, Ok(ProviderState::Refunded(fact, _, None)) if fact == paid_fact()));
}

#[tokio::test]
async fn a_close_is_signed_and_every_answer_has_its_meaning() {
    let server = TestServer::start([signed_reply(204, "")]);
    let closed = gateway(&server.base_url()).close(OUT_TRADE_NO, NOW).await;
    assert_eq!(closed, Ok(CloseOutcome::Closed));
    let request = &server.requests()[0];
    let line = format!("POST /v3/pay/transactions/out-trade-no/{OUT_TRADE_NO}/close HTTP/1.1\r\n");
    assert!(request.head.starts_with(&line), "{}", request.head);
    assert_signed_by_merchant(request);
    let sent: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(sent, json!({ "mchid": MCH_ID }));

    let refused = |code: &str| Err(GatewayError::Refused { code: code.to_owned() });
    let errors = [
        (400, "ORDERPAID", Ok(CloseOutcome::Paid)),
        (400, "ORDER_PAID", Ok(CloseOutcome::Paid)),
        (400, "ORDER_CLOSED", Ok(CloseOutcome::Closed)),
        (404, "ORDER_NOT_EXIST", Ok(CloseOutcome::Unknown)),
        (400, "PARAM_ERROR", refused("PARAMERROR")),
        (401, "SIGN_ERROR", refused("SIGNERROR")),
        (429, "RATELIMIT_EXCEEDED", Err(GatewayError::Throttled { retry_after: None })),
        (500, "SYSTEM_ERROR", Err(GatewayError::Unknown)),
        (502, "ORDER_PAID", Err(GatewayError::Unknown)),
    ];
    for (status, code, expected) in errors {
        let body = format!(r#"{{"code":"{code}","message":"m"}}"#);
        for reply in [Reply::new(status).body(body.clone()), signed_reply(status, &body)] {
            assert_eq!(close(reply).await, expected, "{status} {code}");
        }
    }
    let unknown: [(&str, Reply); 5] = [
        ("unsigned", Reply::new(204)),
        ("signed for another body", signed_for_another(204, "", 0)),
        ("signed long ago", with_headers(Reply::new(204), &sign(b"", NOW.minus(OLD)))),
        ("html", Reply::new(200).body("<html></html>")),
        ("gateway", Reply::new(502).body("<html></html>")),
    ];
    for (name, reply) in unknown {
        assert_eq!(close(reply).await, Err(GatewayError::Unknown), "{name}");
    }
}

#[test]
fn descriptions_lose_what_wechat_refuses_and_no_half_characters() {
    let cases = [
        ("校园卡充值 🎓", "校园卡充值 ".to_owned()),
        ("𠮷", String::new()),
        (&"a".repeat(200), "a".repeat(127)),
        (&"校".repeat(43), "校".repeat(42)),
        (&format!("ab{}", "校".repeat(43)), format!("ab{}", "校".repeat(41))),
    ];
    for (text, expected) in cases {
        assert_eq!(description(text), expected);
    }
}

#[test]
fn numbers_are_encoded_as_they_travel() {
    assert_eq!(path_segment(OUT_TRADE_NO), OUT_TRADE_NO);
    assert_eq!(path_segment("CC|2026*0001"), "CC%7C2026*0001");
    assert_eq!(path_segment("../x?y#z 卡"), "%2E%2E%2Fx%3Fy%23z%20%E5%8D%A1");
}
