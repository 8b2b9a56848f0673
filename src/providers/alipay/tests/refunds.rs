//! Refunds: only the answer to a query says how one stands.

use super::{
    super::testing::{NOW, OUT_TRADE_NO, SELLER_ID, TRADE_NO, gateway, signed_reply},
    address,
    calls::unsigned,
};
use crate::{
    base::{
        clock::Timestamp, crypto::rsa::testing::checked_signature,
        http_client::test_server::TestServer, money::Fen,
    },
    payments::gateway::{
        GatewayError, PaymentGateway, Provider, RawNotification, RefundClaim, RefundFact,
        RefundNumbers, RefundOutcome, RefundRequest, RefundState,
    },
};
use serde_json::{Value, json};

const REFUND_NODE: &str = "alipay_trade_refund_response";
const QUERY_NODE: &str = "alipay_trade_fastpay_refund_query_response";
const REFUND_NO: &str = "00112233445566778899aabbccddeeff";

fn request() -> RefundRequest {
    RefundRequest {
        numbers: RefundNumbers {
            out_refund_no: REFUND_NO.to_owned(),
            out_trade_no: OUT_TRADE_NO.to_owned(),
            transaction_id: TRADE_NO.to_owned(),
        },
        amount: Fen::new(1200).unwrap(),
        total: Fen::new(2000).unwrap(),
        reason: "重复支付退款".to_owned(),
        notify_url: String::new(),
    }
}

/// The sum of all refunds of the trade, and whether money moved by this call.
fn accepted(fund_change: &str) -> String {
    json!({
        "code": "10000", "msg": "Success", "out_trade_no": OUT_TRADE_NO, "trade_no": TRADE_NO,
        "fund_change": fund_change, "refund_fee": "20.00",
    })
    .to_string()
}

fn told() -> Value {
    json!({
        "code": "10000", "msg": "Success", "out_trade_no": OUT_TRADE_NO, "trade_no": TRADE_NO,
        "out_request_no": REFUND_NO, "total_amount": "20.00", "refund_amount": "12.00",
        "refund_status": "REFUND_SUCCESS", "gmt_refund_pay": "2026-01-05 09:31:07",
    })
}

fn done() -> RefundFact {
    let claim = RefundClaim {
        provider: Provider::Alipay,
        merchant: SELLER_ID.to_owned(),
        out_trade_no: OUT_TRADE_NO.to_owned(),
        transaction_id: TRADE_NO.to_owned(),
        out_refund_no: REFUND_NO.to_owned(),
        refund_id: String::new(),
        amount: Fen::new(1200).unwrap(),
        outcome: RefundOutcome::Done { at: Timestamp::from_seconds(NOW.seconds() + 67) },
    };
    RefundFact::new(&checked_signature(), claim)
}

#[tokio::test]
async fn a_refund_is_done_when_the_query_says_so() {
    for fund_change in ["Y", "N"] {
        let replies = [
            signed_reply(REFUND_NODE, &accepted(fund_change)),
            signed_reply(QUERY_NODE, &told().to_string()),
        ];
        let server = TestServer::start(replies);
        let state = gateway(&address(&server)).refund(&request(), NOW).await;
        let Ok(RefundState::Known(fact, evidence)) = state else { panic!("{state:?}") };
        assert_eq!(fact, done(), "{fund_change}");
        let kept = RawNotification { headers: &evidence.headers, body: &evidence.body };
        let again = gateway("http://127.0.0.1:1").reread_refund(&kept, &request().numbers, NOW);
        assert!(matches!(again, Ok(RefundState::Known(fact, _)) if fact == done()));
    }
    let replies = [
        signed_reply(REFUND_NODE, &accepted("Y")),
        signed_reply(QUERY_NODE, r#"{"code":"10000","msg":"Success"}"#),
    ];
    let server = TestServer::start(replies);
    let state = gateway(&address(&server)).refund(&request(), NOW).await;
    assert_eq!(state, Ok(RefundState::Unknown), "fund_change alone is no proof");
}

#[tokio::test]
async fn an_answer_that_nothing_could_rest_on_is_unknown() {
    let with = |name: &str, value: &str| {
        let mut told = told();
        told[name] = value.into();
        told.to_string()
    };
    let cases = [
        (with("out_request_no", "other"), Err(GatewayError::Unknown)),
        (with("out_trade_no", "other"), Err(GatewayError::Unknown)),
        (with("trade_no", "1"), Err(GatewayError::Unknown)),
        (with("refund_amount", "0.00"), Err(GatewayError::Unknown)),
        (with("refund_amount", "a lot"), Err(GatewayError::Unknown)),
        (with("gmt_refund_pay", ""), Err(GatewayError::Unknown)),
        (with("refund_status", "REFUND_FAIL"), Ok(RefundState::Unknown)),
        (with("refund_status", ""), Ok(RefundState::Unknown)),
    ];
    for (body, expected) in cases {
        let server = TestServer::start([signed_reply(QUERY_NODE, &body)]);
        let state = gateway(&address(&server)).query_refund(&request().numbers, NOW).await;
        assert_eq!(state, expected, "{body}");
    }
    // Two persons may end a refund that Alipay does not know: only where Alipay signed that.
    let not_exist = r#"{"code":"40004","msg":"x","sub_code":"ACQ.TRADE_NOT_EXIST","sub_msg":"x"}"#;
    for (reply, expected) in [
        (signed_reply(QUERY_NODE, not_exist), Ok(RefundState::Unknown)),
        (unsigned(QUERY_NODE), Err(GatewayError::Unknown)),
    ] {
        let server = TestServer::start([reply]);
        let state = gateway(&address(&server)).query_refund(&request().numbers, NOW).await;
        assert_eq!(state, expected);
    }
}
