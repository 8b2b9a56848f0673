//! Refunds: what WeChat Pay accepts and refuses, how they end, and what is told of them.

use chrono::TimeDelta;
use sandbox::wechat_pay::{RefundEnd, RefundMode};
use serde_json::{Value, json};

use crate::support::{Answer, Receiver, World, location};

const NUMBER: &str = "REFUNDED000001";
const REFUNDS: &str = "/v3/refund/domestic/refunds";

/// A world with a payment of 5,000 fen that was made and told, so that what the receiver gets from
/// now on is about refunds.
async fn paid(receiver: &Receiver) -> World {
    let world = World::start().await;
    world.prepay(&world.order(NUMBER, &receiver.notify_url)).await;
    let pay = &world.sandbox().wechat_pay;
    assert_eq!(pay.pay(NUMBER).unwrap().total_fen, 5000);
    pay.until(NUMBER, |payment| payment.accepted == 1).await;
    world
}

fn wanted(receiver: &Receiver, number: &str, fen: i64) -> Value {
    json!({
        "out_trade_no": NUMBER, "out_refund_no": number, "reason": "退款",
        "notify_url": receiver.notify_url,
        "amount": { "refund": fen, "total": 5000, "currency": "CNY" },
    })
}

async fn refund(world: &World, body: &Value) -> Answer {
    let body = body.to_string();
    let claim = world.merchant.claim(world.now());
    world.merchant.send(world.merchant.parcel(&claim, "POST", REFUNDS, body.as_bytes())).await
}

async fn query(world: &World, number: &str) -> Answer {
    world.merchant.get(&format!("{REFUNDS}/{number}"), world.now()).await
}

fn an_hour_later(world: &World) {
    world.clock.advance(TimeDelta::hours(1));
}

#[tokio::test]
async fn a_refund_is_accepted_then_done_and_told() {
    let receiver = Receiver::start(&[]);
    let world = paid(&receiver).await;
    let pay = &world.sandbox().wechat_pay;
    let accepted = refund(&world, &wanted(&receiver, "R1", 1200)).await;
    assert_eq!((accepted.status, &accepted.json()["status"]), (200, &json!("PROCESSING")));
    assert!(world.merchant.believes(&accepted.headers, &accepted.text));
    assert!(accepted.json().get("mchid").is_none());

    pay.until_refund("R1", |refund| refund.accepted == 1).await;
    let done = query(&world, "R1").await.json();
    assert_eq!((&done["status"], &done["amount"]["refund"]), (&json!("SUCCESS"), &json!(1200)));
    assert_eq!(world.merchant.query(NUMBER, world.now()).await.json()["trade_state"], "REFUND");

    let told = receiver.received();
    let told = told.last().unwrap();
    assert!(world.merchant.believes(&told.headers, &told.body));
    let envelope = told.envelope();
    assert_eq!(envelope["event_type"], "REFUND.SUCCESS");
    assert_eq!(envelope["resource"]["original_type"], "refund");
    let content = told.open(&world.merchant.credentials.wechat_pay.api_v3_key);
    assert_eq!(
        (&content["refund_status"], &content["out_refund_no"]),
        (&json!("SUCCESS"), &json!("R1"))
    );
    assert!(content.get("appid").is_none() && content["amount"].get("currency").is_none());
}

#[tokio::test]
async fn a_number_is_one_refund() {
    let receiver = Receiver::start(&[]);
    let world = paid(&receiver).await;
    let first = refund(&world, &wanted(&receiver, "R1", 1200)).await.json();
    let again = refund(&world, &wanted(&receiver, "R1", 1200)).await;
    assert_eq!((again.status, &again.json()["refund_id"]), (200, &first["refund_id"]));
    let other = refund(&world, &wanted(&receiver, "R1", 1201)).await;
    assert_eq!((other.status, other.code().as_str()), (400, "INVALID_REQUEST"));
    assert_eq!(world.sandbox().wechat_pay.refunds_of(NUMBER).len(), 1);
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused() {
    let receiver = Receiver::start(&[]);
    let world = paid(&receiver).await;
    let good = || wanted(&receiver, "R1", 1200);
    let with = |pointer: &str, value: Value| {
        let mut body = good();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let without = |name: &str| {
        let mut body = good();
        body.as_object_mut().unwrap().remove(name).unwrap();
        body
    };
    let table = [
        (without("out_trade_no"), 400, "PARAM_ERROR"),
        (without("out_refund_no"), 400, "PARAM_ERROR"),
        (without("amount"), 400, "PARAM_ERROR"),
        (with("/out_refund_no", json!("R 1")), 400, "PARAM_ERROR"),
        (with("/out_refund_no", json!("R".repeat(65))), 400, "PARAM_ERROR"),
        (with("/amount/refund", json!(0)), 400, "PARAM_ERROR"),
        (with("/amount/currency", json!("USD")), 400, "PARAM_ERROR"),
        (with("/amount/total", json!(4999)), 400, "INVALID_REQUEST"),
        (with("/amount/refund", json!(5001)), 400, "INVALID_REQUEST"),
        (with("/out_trade_no", json!("NEVERMADE00001")), 404, "RESOURCE_NOT_EXISTS"),
    ];
    for (body, status, code) in table {
        let answer = refund(&world, &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{body}");
    }
    assert_eq!(query(&world, "R1").await.code(), "RESOURCE_NOT_EXISTS");
    world.prepay(&world.order("UNPAID00000001", &receiver.notify_url)).await;
    let unpaid = refund(&world, &with("/out_trade_no", json!("UNPAID00000001"))).await;
    assert_eq!(unpaid.code(), "INVALID_REQUEST");
}

/// A minute between two, fifty in all, and no more than was paid.
#[tokio::test]
async fn a_payment_has_limits() {
    let receiver = Receiver::start(&[]);
    let world = paid(&receiver).await;
    assert_eq!(refund(&world, &wanted(&receiver, "R0", 1)).await.status, 200);
    let early = refund(&world, &wanted(&receiver, "R1", 1)).await;
    assert_eq!((early.status, early.code().as_str()), (429, "FREQUENCY_LIMITED"));
    for n in 1..50 {
        an_hour_later(&world);
        let answer = refund(&world, &wanted(&receiver, &format!("R{n}"), 1)).await;
        assert_eq!(answer.status, 200, "{n}");
    }
    an_hour_later(&world);
    let many = refund(&world, &wanted(&receiver, "R50", 1)).await;
    assert_eq!((many.status, many.code().as_str()), (400, "INVALID_REQUEST"));
}

#[tokio::test]
async fn every_end_by_hand() {
    let receiver = Receiver::start(&[]);
    let world = paid(&receiver).await;
    let pay = &world.sandbox().wechat_pay;
    pay.set_refund_mode(RefundMode::ByHand);
    refund(&world, &wanted(&receiver, "R1", 5000)).await;
    assert_eq!(query(&world, "R1").await.json()["status"], "PROCESSING");
    pay.end_refund("R1", RefundEnd::Abnormal).unwrap();
    assert_eq!(query(&world, "R1").await.json()["status"], "ABNORMAL");
    pay.until_refund("R1", |refund| refund.accepted == 1).await;
    pay.end_refund("R1", RefundEnd::Close).unwrap();
    assert!(pay.end_refund("R1", RefundEnd::Succeed).is_err(), "it has ended");
    pay.until_refund("R1", |refund| refund.accepted == 1).await;
    let events = receiver.received();
    let events: Vec<_> = events.iter().map(|told| told.envelope()["event_type"].clone()).collect();
    assert_eq!(events[1..], ["REFUND.ABNORMAL", "REFUND.CLOSED"]);

    // What was closed may be refunded under a new number, and an empty account refuses.
    an_hour_later(&world);
    pay.set_refund_mode(RefundMode::NotEnough);
    let refused = refund(&world, &wanted(&receiver, "R2", 5000)).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "NOT_ENOUGH"));
    pay.set_refund_mode(RefundMode::Succeed);
    assert_eq!(refund(&world, &wanted(&receiver, "R2", 5000)).await.status, 200);
    pay.until_refund("R2", |refund| refund.status == "SUCCESS").await;
    assert!(pay.refund_in_console(NUMBER, 1).is_err(), "nothing is left");
}

#[tokio::test]
async fn by_the_control_api() {
    let receiver = Receiver::start(&[]);
    let world = paid(&receiver).await;
    let in_console = json!({ "out_trade_no": NUMBER, "amount_fen": 700 });
    let made = world.post_json("/sandbox/api/refunds", &in_console).await;
    assert_eq!(made.status(), 200);
    let made: Value = made.json().await.unwrap();
    let number = made["out_refund_no"].as_str().unwrap().to_owned();
    world.sandbox().wechat_pay.until_refund(&number, |refund| refund.accepted == 1).await;
    let listed = world.get(&format!("/sandbox/api/payments/{NUMBER}/refunds")).await;
    let listed: Value = listed.json().await.unwrap();
    assert_eq!(listed["items"][0]["out_refund_no"], number.as_str());
    let too_much = json!({ "out_trade_no": NUMBER, "amount_fen": 4301 });
    assert_eq!(world.post_json("/sandbox/api/refunds", &too_much).await.status(), 409);
    let by_hand = json!({ "mode": "by_hand" });
    assert_eq!(world.post_json("/sandbox/api/refunds/mode", &by_hand).await.status(), 200);
    an_hour_later(&world);
    refund(&world, &wanted(&receiver, "R1", 100)).await;
    let closed = world.post_json("/sandbox/api/refunds/R1/close", &json!({})).await;
    let closed: Value = closed.json().await.unwrap();
    assert_eq!(closed["status"], "CLOSED");
    let unknown = world.post_json("/sandbox/api/refunds/R9/close", &json!({})).await;
    assert_eq!(unknown.status(), 404);
}

#[tokio::test]
async fn by_the_buttons_of_the_control_page() {
    let receiver = Receiver::start(&[]);
    let world = paid(&receiver).await;
    let pay = &world.sandbox().wechat_pay;
    let done = async |path: &str, form: &[(&str, &str)]| {
        let answer = world.post_form(path, form).await;
        (answer.status().as_u16(), location(&answer))
    };
    let back = (303, "/sandbox#payments".to_owned());
    let in_console = format!("/sandbox/payments/{NUMBER}/refund");
    assert_eq!(done(&in_console, &[("amount", "7")]).await, back);
    for wrong in ["43.01", "0", "a lot"] {
        let refused = world.post_form(&in_console, &[("amount", wrong)]).await;
        assert_eq!(refused.status(), 409, "{wrong}");
    }
    assert_eq!(done("/sandbox/refunds/mode", &[("mode", "by_hand")]).await, back);
    for (number, act, status, shown) in [
        ("R1", "succeed", "SUCCESS", "已退款"),
        ("R2", "close", "CLOSED", "已关闭"),
        ("R3", "abnormal", "ABNORMAL", "异常"),
    ] {
        an_hour_later(&world);
        refund(&world, &wanted(&receiver, number, 100)).await;
        let page = world.get("/sandbox").await.text().await.unwrap();
        let path = format!("/sandbox/refunds/{number}/{act}");
        assert!(
            page.contains("处理中") && page.contains(&format!("action=\"{path}\"")),
            "{number}"
        );
        assert_eq!(done(&path, &[]).await, back, "{number}");
        assert_eq!(pay.refund_view(number).unwrap().status, status);
        let page = world.get("/sandbox").await.text().await.unwrap();
        assert!(page.contains(shown), "{number}");
    }
    assert_eq!(done("/sandbox/refunds/R3/succeed", &[]).await, back);
    pay.until_refund("R3", |refund| refund.accepted == 1).await;
    assert_eq!(done("/sandbox/refunds/R3/deliver", &[]).await, back);
    pay.until_refund("R3", |refund| refund.accepted == 2).await;
    let page = world.get("/sandbox").await.text().await.unwrap();
    assert!(page.contains("已退 ¥9.00"), "{page}");
    assert_eq!(world.post_form("/sandbox/refunds/R3/close", &[]).await.status(), 409);
}
