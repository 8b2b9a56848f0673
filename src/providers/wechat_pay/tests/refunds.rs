//! Refunds: what is sent, and what each answer means.

use super::{
    super::testing::{MCH_ID, NOW, gateway, signed_reply},
    OUT_TRADE_NO, with, without,
};
use crate::{
    base::{
        clock::Timestamp,
        crypto::rsa::testing::checked_signature,
        http_client::test_server::{Reply, TestServer},
        money::Fen,
    },
    payments::gateway::{
        Evidence, GatewayError, NotificationRefused, PaymentGateway, Provider, RawNotification,
        RefundClaim, RefundFact, RefundNumbers, RefundOutcome, RefundRequest, RefundState,
    },
};
use serde_json::{Value, json};

const REFUND_NO: &str = "00112233445566778899aabbccddeeff";
const TRANSACTION: &str = "4200000000202601010000000001";

fn request() -> RefundRequest {
    RefundRequest {
        numbers: RefundNumbers {
            out_refund_no: REFUND_NO.to_owned(),
            out_trade_no: OUT_TRADE_NO.to_owned(),
            transaction_id: TRANSACTION.to_owned(),
        },
        amount: Fen::new(1200).unwrap(),
        total: Fen::new(5000).unwrap(),
        reason: "重复支付退款".to_owned(),
        notify_url: "https://card.example.edu/callbacks/xnec/wechat-pay/refunds".to_owned(),
    }
}

/// As WeChat answers: without a merchant number.
fn answer(status: &str) -> Value {
    json!({
        "refund_id": "50300907092026010100000000001", "out_refund_no": REFUND_NO,
        "transaction_id": TRANSACTION, "out_trade_no": OUT_TRADE_NO, "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱", "create_time": "2026-01-01T10:00:00+08:00",
        "success_time": "2026-01-01T10:00:00+08:00", "status": status,
        "amount": {
            "total": 5000, "refund": 1200, "payer_total": 4000, "payer_refund": 1000,
            "settlement_refund": 1000, "settlement_total": 4000, "discount_refund": 200,
            "currency": "CNY",
        },
    })
}

fn fact(outcome: RefundOutcome) -> RefundFact {
    let claim = RefundClaim {
        provider: Provider::WechatPay,
        merchant: MCH_ID.to_owned(),
        out_trade_no: OUT_TRADE_NO.to_owned(),
        transaction_id: TRANSACTION.to_owned(),
        out_refund_no: REFUND_NO.to_owned(),
        refund_id: "50300907092026010100000000001".to_owned(),
        amount: Fen::new(1200).unwrap(),
        outcome,
    };
    RefundFact::new(&checked_signature(), claim)
}

async fn refund(reply: Reply) -> Result<RefundState, GatewayError> {
    let server = TestServer::start([reply]);
    gateway(&server.base_url()).refund(&request(), NOW).await
}

async fn query(reply: Reply) -> Result<RefundState, GatewayError> {
    let server = TestServer::start([reply]);
    gateway(&server.base_url()).query_refund(&request().numbers, NOW).await
}

#[tokio::test]
async fn a_refund_names_its_payment_and_amount() {
    let server = TestServer::start([signed_reply(200, &answer("PROCESSING").to_string())]);
    let told = gateway(&server.base_url()).refund(&request(), NOW).await;
    let accepted = fact(RefundOutcome::Processing);
    assert!(matches!(told, Ok(RefundState::Known(told, _)) if told == accepted));
    let sent = &server.requests()[0];
    assert!(
        sent.head.starts_with("POST /v3/refund/domestic/refunds HTTP/1.1\r\n"),
        "{}",
        sent.head
    );
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    let expected = json!({
        "transaction_id": TRANSACTION, "out_refund_no": REFUND_NO, "reason": "重复支付退款",
        "notify_url": request().notify_url,
        "amount": { "refund": 1200, "total": 5000, "currency": "CNY" },
    });
    assert_eq!(body, expected);

    let server = TestServer::start([signed_reply(200, &answer("PROCESSING").to_string())]);
    gateway(&server.base_url()).query_refund(&request().numbers, NOW).await.unwrap();
    let line = format!("GET /v3/refund/domestic/refunds/{REFUND_NO} HTTP/1.1\r\n");
    assert!(server.requests()[0].head.starts_with(&line), "{}", server.requests()[0].head);
}

/// The status of HTTP says nothing about the money.
#[tokio::test]
async fn every_state_has_its_meaning_and_can_be_read_again() {
    let at = Timestamp::from_seconds(1_767_232_800);
    let states = [
        ("SUCCESS", RefundOutcome::Done { at }),
        ("PROCESSING", RefundOutcome::Processing),
        ("ABNORMAL", RefundOutcome::Abnormal),
        ("CLOSED", RefundOutcome::Closed),
    ];
    for (state, outcome) in states {
        let reply = || signed_reply(200, &answer(state).to_string());
        for told in [refund(reply()).await, query(reply()).await] {
            let Ok(RefundState::Known(told, evidence)) = told else { panic!("{state}: {told:?}") };
            assert_eq!(told, fact(outcome), "{state}");
            let Evidence { headers, body, checked_at } = &evidence;
            let kept = RawNotification { headers, body };
            let gateway = gateway("http://127.0.0.1:1");
            let again = gateway.reread_refund(&kept, &request().numbers, *checked_at);
            assert_eq!(again, Ok(RefundState::Known(told, evidence.clone())), "{state}");
            let other = RefundNumbers { out_refund_no: "f".repeat(32), ..request().numbers };
            let again = gateway.reread_refund(&kept, &other, *checked_at);
            assert_eq!(again, Err(NotificationRefused::NotOurs), "{state}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_nothing_could_rest_on_is_unknown() {
    let wrong = [
        with(answer("SUCCESS"), "/out_refund_no", "R-2".into()),
        with(answer("SUCCESS"), "/out_trade_no", "x".into()),
        with(answer("SUCCESS"), "/transaction_id", "1".into()),
        with(answer("SUCCESS"), "/amount/currency", "USD".into()),
        with(answer("SUCCESS"), "/amount/refund", 0.into()),
        with(answer("SUCCESS"), "/amount/refund", (-1).into()),
        without(answer("SUCCESS"), "success_time"),
        without(answer("SUCCESS"), "status"),
        answer("MAYBE"),
    ];
    for body in wrong {
        let body = body.to_string();
        assert_eq!(refund(signed_reply(200, &body)).await, Err(GatewayError::Unknown), "{body}");
    }
    let unsigned = Reply::new(200).body(answer("SUCCESS").to_string());
    assert_eq!(refund(unsigned).await, Err(GatewayError::Unknown));
}

#[tokio::test]
async fn an_error_proves_nothing() {
    let refused = |code: &str| Err(GatewayError::Refused { code: code.to_owned() });
    let cases = [
        (403, "NOT_ENOUGH", refused("NOTENOUGH")),
        (400, "INVALID_REQUEST", refused("INVALIDREQUEST")),
        (429, "FREQUENCY_LIMITED", Err(GatewayError::Throttled { retry_after: None })),
        (500, "SYSTEM_ERROR", Err(GatewayError::Unknown)),
    ];
    for (status, code, expected) in cases {
        let reply = || Reply::new(status).body(json!({ "code": code, "message": "" }).to_string());
        assert_eq!(refund(reply()).await, expected, "{code}");
        assert_eq!(query(reply()).await, expected, "{code}");
    }
    let unknown = || Reply::new(404).body(r#"{"code":"RESOURCE_NOT_EXISTS","message":""}"#);
    assert_eq!(query(unknown()).await, Ok(RefundState::Unknown));
    assert_eq!(refund(unknown()).await, refused("RESOURCENOTEXISTS"));
}
