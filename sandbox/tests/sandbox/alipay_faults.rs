//! Requests to the gateway that go wrong on demand: what arrives, and what was done all the same.

use sandbox::alipay::endpoints::{CREATE, TOKEN};
use sandbox::faults::{FaultRefusal, RequestFault, RequestRule};
use sandbox::wechat_pay::endpoints::PREPAY;
use serde_json::{Value, json};

use crate::support::{AlipayWorld, Shop, Told};

const METHOD: &str = "alipay.trade.create";
const NODE: &str = "alipay_trade_create_response";
const NUMBER: &str = "FAULTY1";

/// What a merchant can tell of an answer.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// Unsigned, with status and sub code.
    Refused(u16, String),
    /// Validly signed, with this sub code, or none.
    Signed(Option<String>),
    /// Validly signed over the text with its slashes not escaped.
    Unescaped,
    /// Validly signed, and no object.
    Nonsense,
    /// The node is there twice.
    Twice,
    /// Validly signed, of another number.
    OtherOrder,
    /// A node that cannot be believed.
    Doubtful,
    /// No envelope at all.
    Foreign(u16),
    Nothing,
}

fn seen(shop: &Shop, told: Option<Told>) -> Seen {
    let Some(told) = told else { return Seen::Nothing };
    let text = String::from_utf8_lossy(&told.body).into_owned();
    if text.matches(&format!("\"{NODE}\":")).count() == 2 {
        return Seen::Twice;
    }
    let Ok(whole) = serde_json::from_str::<Value>(&text) else { return Seen::Foreign(told.status) };
    if whole.get("error_response").is_some() {
        let (_, sub_code) = told.error();
        return Seen::Refused(told.status, sub_code);
    }
    let Some(sign) = whole["sign"].as_str() else { return Seen::Doubtful };
    // The signature may stand before what it signs.
    let signed = if text.starts_with("{\"sign\"") {
        let start = text.find(&format!("\"{NODE}\":")).unwrap() + NODE.len() + 3;
        text.as_bytes()[start..text.len() - 1].to_vec()
    } else {
        told.signed_part(NODE)
    };
    let unescaped = String::from_utf8_lossy(&signed).replace(r"\/", "/").into_bytes();
    if !shop.believes(&signed, sign) {
        return if shop.believes(&unescaped, sign) { Seen::Unescaped } else { Seen::Doubtful };
    }
    match &whole[NODE] {
        Value::Object(node) if node.get("out_trade_no").is_some_and(|number| number != NUMBER) => {
            Seen::OtherOrder
        }
        Value::Object(node) => {
            Seen::Signed(node.get("sub_code").map(|code| code.as_str().unwrap().to_owned()))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Seen::Nonsense
        }
    }
}

/// Fault, what comes of it, and whether the trade was made.
fn table() -> [(RequestFault, Seen, bool); 17] {
    let refused = |status, code: &str| Seen::Refused(status, code.to_owned());
    [
        (RequestFault::TooManyRequests, refused(429, "isv.app-call-limited"), false),
        (RequestFault::SystemError, refused(200, "aop.unknow-error"), false),
        (RequestFault::BadGateway, Seen::Foreign(502), false),
        (RequestFault::Unavailable, Seen::Foreign(503), false),
        (RequestFault::Html, Seen::Foreign(200), false),
        (RequestFault::Garbage, Seen::Foreign(200), false),
        (RequestFault::AnswerLost, Seen::Nothing, true),
        (RequestFault::SignedGarbage, Seen::Nonsense, true),
        (RequestFault::Unsigned, Seen::Doubtful, true),
        (RequestFault::AlteredBody, Seen::Doubtful, true),
        (RequestFault::WrongSignature, Seen::Doubtful, true),
        (RequestFault::SignFirst, Seen::Signed(None), true),
        (RequestFault::BraceInString, Seen::Signed(None), true),
        (RequestFault::SlashUnescaped, Seen::Unescaped, true),
        (RequestFault::RepeatedKey, Seen::Twice, true),
        (RequestFault::OtherOrder, Seen::OtherOrder, true),
        (
            RequestFault::BusinessSystemError,
            Seen::Signed(Some("ACQ.SYSTEM_ERROR".to_owned())),
            true,
        ),
    ]
}

#[tokio::test]
async fn every_fault_of_a_trade() {
    for (fault, expected, made) in table() {
        let world = AlipayWorld::start().await;
        let (shop, sandbox) = (world.shop(), world.running.sandbox());
        let order = world.order(&shop, NUMBER);
        sandbox.faults.on_requests(RequestRule::new(CREATE, fault), 1).unwrap();
        let signed = || shop.signed(shop.parameters(&world, METHOD, &order));
        assert_eq!(seen(&shop, shop.try_send(signed()).await), expected, "{fault:?}");
        assert_eq!(world.alipay().payment(NUMBER).is_some(), made, "{fault:?}");
        // The fault is used up, and asking again is harmless.
        assert_eq!(seen(&shop, shop.try_send(signed()).await), Seen::Signed(None), "{fault:?}");
        assert_eq!(world.alipay().payments(0, 9).1, 1, "{fault:?}");
    }
}

/// Signed over its own bytes, which are no UTF-8.
#[tokio::test]
async fn an_error_may_come_in_gbk() {
    let world = AlipayWorld::start().await;
    let shop = world.shop();
    let rule = RequestRule::new(CREATE, RequestFault::GbkError);
    world.running.sandbox().faults.on_requests(rule, 1).unwrap();
    let told = shop.call(&world, METHOD, &world.order(&shop, NUMBER)).await;
    let signed = told.signed_part(NODE);
    let (text, _, broken) = encoding_rs::GBK.decode(&told.body);
    let whole: Value = serde_json::from_str(&text).unwrap();
    assert!(!broken && String::from_utf8(told.body.clone()).is_err());
    assert!(shop.believes(&signed, whole["sign"].as_str().unwrap()));
    assert_eq!(whole[NODE]["sub_msg"], "系统繁忙");
    assert!(world.alipay().payment(NUMBER).is_none());
}

/// In certificate mode an answer names the certificate, on demand one that nobody knows.
#[tokio::test]
async fn an_answer_may_name_an_unknown_certificate() {
    let world = AlipayWorld::start().await;
    let shop = world.shop_at("yncjxy");
    let content = json!({ "out_trade_no": "NONE" });
    let ask = async || shop.call(&world, "alipay.trade.query", &content).await.json();
    let known = ask().await["alipay_cert_sn"].clone();
    assert_eq!(known.as_str().unwrap().len(), 32);
    let rule = RequestRule::anywhere(RequestFault::UnknownSerial);
    world.running.sandbox().faults.on_requests(rule, 1).unwrap();
    assert_ne!(ask().await["alipay_cert_sn"], known);
    assert_eq!(ask().await["alipay_cert_sn"], known);
}

/// Every fault of the list happens to some request; those of WeChat Pay alone are refused.
#[tokio::test]
async fn faults_that_cannot_happen_are_refused() {
    let world = AlipayWorld::start().await;
    let faults = &world.running.sandbox().faults;
    for fault in [RequestFault::Stale, RequestFault::Future, RequestFault::SignatureProbe] {
        let refused = faults.on_requests(RequestRule::new(TOKEN, fault), 1);
        assert_eq!(refused, Err(FaultRefusal::Nowhere), "{fault:?}");
    }
    for fault in [RequestFault::GbkError, RequestFault::SignFirst, RequestFault::RepeatedKey] {
        let refused = faults.on_requests(RequestRule::new(PREPAY, fault), 1);
        assert_eq!(refused, Err(FaultRefusal::Nowhere), "{fault:?}");
        faults.on_requests(RequestRule::new(TOKEN, fault), 1).unwrap();
    }
}
