//! Calls to a server that stands in for Alipay's gateway.

use super::{
    super::{
        Alipay, subject,
        testing::{
            APP_ID, NOW, OUT_TRADE_NO, SELLER_ID, TRADE_NO, content_key, gateway, http, settings,
            sign, signed, signed_reply, text,
        },
        trust::CertificateNumbers,
    },
    address, paid_claim,
};
use crate::{
    base::{
        crypto::rsa::{PublicKey, testing::checked_signature},
        http_client::test_server::{Reply, Request, TestServer},
        money::Fen,
    },
    payments::gateway::{
        CloseOutcome, Evidence, GatewayError, KeptHeaders, NotificationRefused, PaidClaim,
        PaidFact, PayParams, PaymentGateway, Prepare, ProviderState, RawNotification,
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

pub(super) const CREATE_NODE: &str = "alipay_trade_create_response";
pub(super) const QUERY_NODE: &str = "alipay_trade_query_response";
pub(super) const CLOSE_NODE: &str = "alipay_trade_close_response";

/// The answer to a query about a payment that was made.
pub(super) fn trade() -> Value {
    json!({
        "code": "10000", "msg": "Success", "buyer_logon_id": "159****5620",
        "buyer_open_id": "o-1", "buyer_pay_amount": "18.00", "invoice_amount": "18.00",
        "out_trade_no": OUT_TRADE_NO, "point_amount": "0.00", "receipt_amount": "18.00",
        "send_pay_date": "2026-01-05 09:31:07", "total_amount": "20.00", "trade_no": TRADE_NO,
        "trade_status": "TRADE_SUCCESS", "open_id": "void",
    })
}

/// What Alipay says of a payment that it created or closed.
pub(super) fn numbers() -> Value {
    json!({"code": "10000", "msg": "Success", "out_trade_no": OUT_TRADE_NO, "trade_no": TRADE_NO})
}

pub(super) fn payment() -> Prepare {
    Prepare {
        out_trade_no: OUT_TRADE_NO.to_owned(),
        description: "校园卡充值".to_owned(),
        amount: Fen::new(2000).unwrap(),
        payer: "o-1".to_owned(),
        expires_at: NOW.plus(Duration::from_mins(30)),
        notify_url: "https://card.example.edu/callbacks/xnec/alipay".to_owned(),
    }
}

fn failure(sub_code: &str) -> String {
    json!({"code": "40004", "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "x"})
        .to_string()
}

/// Of a trade that is not there, and not signed: anybody could have written it.
pub(super) fn unsigned(node: &str) -> Reply {
    let told: Value = serde_json::from_str(&failure("ACQ.TRADE_NOT_EXIST")).unwrap();
    Reply::new(200).body(json!({ node: told }).to_string())
}

/// All parameters of a request, decoded, and the names of those in its body.
fn parameters(request: &Request) -> (BTreeMap<String, String>, Vec<String>) {
    let target = request.head.split(' ').nth(1).unwrap();
    let decoded = |query: &str| -> Vec<(String, String)> {
        let url = reqwest::Url::parse(&format!("http://a/?{query}")).unwrap();
        url.query_pairs().into_owned().collect()
    };
    let query = decoded(target.split_once('?').unwrap().1);
    let body = decoded(std::str::from_utf8(&request.body).unwrap());
    let in_body = body.iter().map(|(name, _)| name.clone()).collect();
    let count = query.len() + body.len();
    let all: BTreeMap<String, String> = query.into_iter().chain(body).collect();
    assert_eq!(all.len(), count, "a parameter twice");
    (all, in_body)
}

/// Checks `sign` over all other parameters as they arrived.
fn assert_signed_by_application(all: &BTreeMap<String, String>) {
    let others = all.iter().filter(|(name, _)| *name != "sign");
    let pairs: Vec<String> = others.map(|(name, value)| format!("{name}={value}")).collect();
    let key = PublicKey::from_any_form(&text("/app/public_spki_pem")).unwrap();
    let signature = BASE64_STANDARD.decode(&all["sign"]).unwrap();
    key.verify(pairs.join("&").as_bytes(), &signature).unwrap();
}

#[tokio::test]
async fn a_payment_is_made_known_and_the_client_gets_its_number() {
    let server = TestServer::start([signed_reply(CREATE_NODE, &numbers().to_string())]);
    let params = gateway(&address(&server)).prepare(&payment(), NOW).await.unwrap();
    assert_eq!(params, PayParams::Alipay { trade_no: TRADE_NO.to_owned() });

    let request = &server.requests()[0];
    assert!(request.head.starts_with("POST /gateway.do?"), "{}", request.head);
    assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded;charset=utf-8");
    let (all, in_body) = parameters(request);
    assert_eq!(in_body, ["biz_content"]);
    assert_signed_by_application(&all);
    let content: Value = serde_json::from_str(&all["biz_content"]).unwrap();
    let expected = json!({
        "out_trade_no": OUT_TRADE_NO, "total_amount": "20.00", "subject": "校园卡充值",
        "product_code": "JSAPI_PAY", "op_app_id": APP_ID, "buyer_open_id": "o-1",
        "time_expire": "2026-01-05 10:00:00",
    });
    assert_eq!(content, expected);
    let others = all.iter().filter(|(name, _)| !["sign", "biz_content"].contains(&name.as_str()));
    let others: Vec<(&str, &str)> =
        others.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        others,
        [
            ("app_auth_token", "token-hush"),
            ("app_id", APP_ID),
            ("charset", "utf-8"),
            ("format", "JSON"),
            ("method", "alipay.trade.create"),
            ("notify_url", "https://card.example.edu/callbacks/xnec/alipay"),
            ("sign_type", "RSA2"),
            ("timestamp", "2026-01-05 09:30:00"),
            ("version", "1.0"),
        ]
    );
}

#[tokio::test]
async fn a_payer_is_named_by_the_form_of_the_id() {
    let cases = [
        ("2088000000000022", "buyer_id", "buyer_open_id"),
        ("208800000000002", "buyer_open_id", "buyer_id"),
        ("0741xTESTOPENIDtest0001", "buyer_open_id", "buyer_id"),
    ];
    for (payer, named, other) in cases {
        let server = TestServer::start([signed_reply(CREATE_NODE, &numbers().to_string())]);
        let payment = Prepare { payer: payer.to_owned(), ..payment() };
        gateway(&address(&server)).prepare(&payment, NOW).await.unwrap();
        let (all, _) = parameters(&server.requests()[0]);
        let content: Value = serde_json::from_str(&all["biz_content"]).unwrap();
        assert_eq!((&content[named], &content[other]), (&json!(payer), &Value::Null));
    }
}

#[tokio::test]
async fn content_is_encrypted_before_it_is_signed() {
    let ciphertext = content_key().encrypt(&numbers().to_string()).unwrap();
    let server = TestServer::start([signed_reply(CREATE_NODE, &format!("\"{ciphertext}\""))]);
    let mut settings = settings(&address(&server));
    settings.content_key = Some(content_key());
    let gateway = Alipay::new(settings, http());
    gateway.prepare(&payment(), NOW).await.unwrap();
    let (all, _) = parameters(&server.requests()[0]);
    assert_eq!(all["encrypt_type"], "AES");
    assert_signed_by_application(&all);
    let content = content_key().decrypt(&all["biz_content"]).unwrap();
    let content: Value = serde_json::from_slice(&content).unwrap();
    assert_eq!(content["out_trade_no"], OUT_TRADE_NO);
}

fn in_certificate_mode(address: &str) -> Alipay {
    let mut settings = settings(address);
    let [app, root, alipay] = ["app", "root", "alipay"].map(|name| format!("{name}-sn"));
    settings.trust.numbers = Some(CertificateNumbers { app, root, alipay });
    Alipay::new(settings, http())
}

#[tokio::test]
async fn certificates_are_named_both_ways() {
    let body = signed(CREATE_NODE, &numbers().to_string());
    let naming = |sn: &str| {
        let body = body.replacen(",\"sign\"", &format!(",\"alipay_cert_sn\":{sn},\"sign\""), 1);
        Reply::new(200).body(body)
    };
    let cases = [
        (naming("\"alipay-sn\""), true),
        (naming("\"ALIPAY-SN\""), false),
        (naming("\"other-sn\""), false),
        (naming("\"\""), false),
        (naming("null"), false),
        (Reply::new(200).body(body.clone()), false),
    ];
    for (reply, believed) in cases {
        let shown = format!("{reply:?}");
        let server = TestServer::start([reply]);
        let made = in_certificate_mode(&address(&server)).prepare(&payment(), NOW).await;
        assert_eq!(made.is_ok(), believed, "{shown:.300}");
        let (all, _) = parameters(&server.requests()[0]);
        assert_eq!((&*all["app_cert_sn"], &*all["alipay_root_cert_sn"]), ("app-sn", "root-sn"));
        assert_signed_by_application(&all);
    }
}

#[test]
fn a_subject_has_what_alipay_takes() {
    assert_eq!(subject("校园卡/充值 a=1&b\n"), "校园卡充值 a1b");
    assert_eq!(subject(&"校".repeat(300)).chars().count(), 256);
}

async fn query(content: &Value) -> Result<ProviderState, GatewayError> {
    let server = TestServer::start([signed_reply(QUERY_NODE, &content.to_string())]);
    gateway(&address(&server)).query(OUT_TRADE_NO, NOW).await
}

fn with(mut value: Value, changes: &[(&str, Value)]) -> Value {
    for (name, change) in changes {
        value[*name] = change.clone();
    }
    value
}

/// Which state an answer comes to, without what it is kept with.
#[derive(Debug, PartialEq)]
enum State {
    Paid(PaidClaim),
    Refunded(PaidClaim, Option<Fen>),
    NotPaid,
    Closed,
    Unknown,
    NoAnswer,
}

fn state_of(answer: Result<ProviderState, GatewayError>) -> State {
    match answer {
        Ok(ProviderState::Paid(fact, _)) => State::Paid(PaidClaim::clone(&fact)),
        Ok(ProviderState::Refunded(fact, _, total)) => {
            State::Refunded(PaidClaim::clone(&fact), total)
        }
        Ok(ProviderState::NotPaid) => State::NotPaid,
        Ok(ProviderState::Closed) => State::Closed,
        Ok(ProviderState::Unknown) => State::Unknown,
        Err(error) => {
            assert_eq!(error, GatewayError::Unknown);
            State::NoAnswer
        }
    }
}

#[tokio::test]
async fn every_state_of_a_trade_has_its_meaning() {
    let but = |changes: &[(&str, Value)]| with(trade(), changes);
    let status = |status: &str| ("trade_status", json!(status));
    let unpaid = ("send_pay_date", Value::Null);
    let user = "2088000000000022";
    let payer = |ids: &[&str]| {
        let payer = ids.iter().map(|id| (*id).to_owned()).collect();
        State::Paid(PaidClaim { payer, ..paid_claim() })
    };
    let cases = [
        (trade(), State::Paid(paid_claim())),
        (but(&[status("TRADE_FINISHED")]), State::Paid(paid_claim())),
        (but(&[("total_amount", json!("20"))]), State::Paid(paid_claim())),
        (but(&[("refund_fee", json!("0.00"))]), State::Paid(paid_claim())),
        (but(&[("refund_fee", json!("5.00"))]), State::Refunded(paid_claim(), Fen::new(500).ok())),
        (but(&[status("TRADE_CLOSED")]), State::Refunded(paid_claim(), Some(paid_claim().amount))),
        (but(&[status("TRADE_CLOSED"), unpaid.clone()]), State::Closed),
        (but(&[status("TRADE_CLOSED"), ("send_pay_date", json!(""))]), State::Closed),
        // Given back and never paid: one of the two is wrong.
        (
            but(&[status("TRADE_CLOSED"), unpaid.clone(), ("refund_fee", json!("5.00"))]),
            State::NoAnswer,
        ),
        (but(&[status("WAIT_BUYER_PAY"), unpaid.clone()]), State::NotPaid),
        (but(&[("buyer_open_id", json!("")), ("buyer_user_id", json!(user))]), payer(&[user])),
        (but(&[("buyer_user_id", json!(user))]), payer(&["o-1", user])),
        (but(&[("buyer_open_id", Value::Null)]), payer(&[])),
        // Not understood is neither paid nor unpaid.
        (but(&[status("TRADE_PENDING")]), State::NoAnswer),
        (but(&[("trade_status", Value::Null)]), State::NoAnswer),
        (but(&[("out_trade_no", json!("another"))]), State::NoAnswer),
        (but(&[("out_trade_no", Value::Null)]), State::NoAnswer),
        (but(&[("trade_no", Value::Null)]), State::NoAnswer),
        (but(&[("trade_no", json!("a b"))]), State::NoAnswer),
        (but(&[("total_amount", json!("20.001"))]), State::NoAnswer),
        (but(&[("total_amount", json!(20))]), State::NoAnswer),
        (but(&[("total_amount", json!("0.00"))]), State::NoAnswer),
        (but(&[("refund_fee", json!("some"))]), State::NoAnswer),
        (but(&[unpaid]), State::NoAnswer),
        (but(&[("send_pay_date", json!("5 Jan 2026"))]), State::NoAnswer),
        (serde_json::from_str(&failure("ACQ.TRADE_NOT_EXIST")).unwrap(), State::Unknown),
        (serde_json::from_str(&failure("aop.ACQ.SYSTEM_ERROR")).unwrap(), State::NoAnswer),
    ];
    for (content, expected) in cases {
        assert_eq!(state_of(query(&content).await), expected, "{content}");
    }
}

#[tokio::test]
async fn only_a_signed_answer_says_that_there_is_no_trade() {
    let server = TestServer::start([unsigned(QUERY_NODE)]);
    let asked = gateway(&address(&server)).query(OUT_TRADE_NO, NOW).await;
    assert_eq!(asked, Err(GatewayError::Unknown));
}

#[tokio::test]
async fn what_paid_is_kept_as_it_came_and_can_be_checked_again() {
    let body = signed(QUERY_NODE, &trade().to_string());
    let server = TestServer::start([Reply::new(200).body(body.clone())]);
    let gateway = gateway(&address(&server));
    let fact = PaidFact::new(&checked_signature(), paid_claim());
    let evidence =
        Evidence { headers: KeptHeaders::default(), body: body.clone().into(), checked_at: NOW };
    let expected = ProviderState::Paid(fact, evidence);
    assert_eq!(gateway.query(OUT_TRADE_NO, NOW).await.unwrap(), expected);

    let headers = KeptHeaders::default();
    let reread = |body: &str, number: &str| {
        let raw = RawNotification { headers: &headers, body: body.as_bytes() };
        gateway.reread(&raw, number, NOW)
    };
    assert_eq!(reread(&body, OUT_TRADE_NO), Ok(expected));
    assert_eq!(reread(&body, "another"), Err(NotificationRefused::NotOurs));
    let altered = body.replace("20.00", "200.00");
    assert_eq!(reread(&altered, OUT_TRADE_NO), Err(NotificationRefused::Signature));
    let failed = signed(QUERY_NODE, &failure("ACQ.TRADE_NOT_EXIST"));
    assert_eq!(reread(&failed, OUT_TRADE_NO), Err(NotificationRefused::Content));
}

#[tokio::test]
async fn a_refused_close_is_followed_by_a_query() {
    let close = |content: &str| signed_reply(CLOSE_NODE, content);
    let status = |status: &str, paid: Value| {
        let trade = with(trade(), &[("trade_status", json!(status)), ("send_pay_date", paid)]);
        signed_reply(QUERY_NODE, &trade.to_string())
    };
    let date = || json!("2026-01-05 09:31:07");
    let refused = || close(&failure("ACQ.REASON_TRADE_STATUS_INVALID"));
    let cases = [
        (vec![close(&numbers().to_string())], Ok(CloseOutcome::Closed)),
        (vec![close(&failure("ACQ.TRADE_NOT_EXIST"))], Ok(CloseOutcome::Unknown)),
        (vec![refused(), status("TRADE_SUCCESS", date())], Ok(CloseOutcome::Paid)),
        (vec![refused(), status("TRADE_CLOSED", date())], Ok(CloseOutcome::Paid)),
        (vec![refused(), status("TRADE_CLOSED", Value::Null)], Ok(CloseOutcome::Closed)),
        (vec![refused(), status("WAIT_BUYER_PAY", Value::Null)], Err(GatewayError::Unknown)),
        (
            vec![refused(), signed_reply(QUERY_NODE, &failure("ACQ.TRADE_NOT_EXIST"))],
            Ok(CloseOutcome::Unknown),
        ),
        (vec![refused(), Reply::new(500)], Err(GatewayError::Unknown)),
        (vec![unsigned(CLOSE_NODE)], Err(GatewayError::Unknown)),
        (vec![refused(), unsigned(QUERY_NODE)], Err(GatewayError::Unknown)),
        (vec![close(&failure("ACQ.SYSTEM_ERROR"))], Err(GatewayError::Unknown)),
        (
            vec![close(&failure("ACQ.INVALID_PARAMETER"))],
            Err(GatewayError::Refused { code: "ACQ.INVALID_PARAMETER".to_owned() }),
        ),
        (
            vec![close(&with(numbers(), &[("out_trade_no", json!("other"))]).to_string())],
            Err(GatewayError::Unknown),
        ),
    ];
    for (replies, expected) in cases {
        let shown = format!("{replies:?}");
        let calls = replies.len();
        let server = TestServer::start(replies);
        let outcome = gateway(&address(&server)).close(OUT_TRADE_NO, NOW).await;
        assert_eq!(outcome, expected, "{shown:.300}");
        assert_eq!(server.requests().len(), calls, "{shown:.300}");
        let (all, _) = parameters(&server.requests()[0]);
        assert_eq!(all["method"], "alipay.trade.close");
    }
}

#[test]
fn it_is_one_seller_and_one_application() {
    let gateway = gateway("http://127.0.0.1:1/gateway.do");
    assert_eq!((gateway.merchant(), gateway.app_id()), (SELLER_ID, APP_ID));
    assert_eq!(gateway.callback_path(), "alipay");
    assert!(gateway.signed_headers().is_empty());
    assert!(gateway.verify_head(&KeptHeaders::default(), NOW).is_ok());
    assert!(!sign(b"").is_empty());
}
