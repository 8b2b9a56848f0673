//! Refunds: by the merchant, in Alipay's console, pending ones, and how they are notified.

use chrono::TimeDelta;
use sandbox::alipay::RefundCourse;
use serde_json::{Value, json};

use crate::support::{AlipayWorld, Receiver, field};

const REFUND: &str = "alipay.trade.refund";
const REFUND_QUERY: &str = "alipay.trade.fastpay.refund.query";
const QUERY: &str = "alipay.trade.query";
const NUMBER: &str = "REFUNDED1";

/// A trade of 20.00 that was paid.
async fn paid(notify_url: &str) -> AlipayWorld {
    let world = AlipayWorld::start().await;
    world.trade(NUMBER, notify_url).await;
    world.alipay().pay(NUMBER).unwrap();
    world
}

fn demand(amount: &str, request_no: &str) -> Value {
    json!({ "out_trade_no": NUMBER, "refund_amount": amount, "out_request_no": request_no })
}

async fn status(world: &AlipayWorld, request_no: &str) -> Value {
    let content = json!({ "out_trade_no": NUMBER, "out_request_no": request_no,
        "query_options": ["gmt_refund_pay", "refund_detail_item_list"] });
    world.done(REFUND_QUERY, &content).await
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn refunds_add_up_to_what_was_paid_and_are_notified_to_the_payments_address() {
    let receiver = Receiver::saying([], (200, "success"));
    let world = paid(&receiver.notify_url).await;
    let alipay = world.alipay();
    alipay.until(NUMBER, |trade| trade.accepted == 1).await;

    let told = world.done(REFUND, &demand("5.00", "RF1")).await;
    assert_eq!((&told["fund_change"], &told["refund_fee"]), (&json!("Y"), &json!("5.00")));
    let again = world.done(REFUND, &demand("5.00", "RF1")).await;
    assert_eq!((&again["fund_change"], &again["refund_fee"]), (&json!("N"), &json!("5.00")));
    let told = world.done(REFUND, &demand("3.50", "RF2")).await;
    assert_eq!((&told["fund_change"], &told["refund_fee"]), (&json!("Y"), &json!("8.50")));
    assert_eq!(
        world.refused(REFUND, &demand("5.01", "RF1")).await,
        "ACQ.DISCORDANT_REPEAT_REQUEST"
    );
    assert_eq!(
        world.refused(REFUND, &demand("11.51", "RF3")).await,
        "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    );
    let shown = world.done(QUERY, &json!({ "out_trade_no": NUMBER })).await;
    assert_eq!(shown["trade_status"], "TRADE_SUCCESS", "after a part went back");

    let first = status(&world, "RF1").await;
    assert_eq!(
        (&first["refund_status"], &first["refund_amount"]),
        (&json!("REFUND_SUCCESS"), &json!("5.00"))
    );
    assert_eq!(first["gmt_refund_pay"], "2026-01-01 10:00:00");
    assert_eq!(first["refund_detail_item_list"][0]["amount"], "5.00");
    assert!(status(&world, "RF3").await.get("refund_status").is_none(), "never received");

    let rest = world.done(REFUND, &demand("11.50", "RF3")).await;
    assert_eq!(rest["refund_fee"], "20.00");
    let shown = world.done(QUERY, &json!({ "out_trade_no": NUMBER })).await;
    assert_eq!(shown["trade_status"], "TRADE_CLOSED");
    assert_eq!(shown["send_pay_date"], "2026-01-01 10:00:00", "it was paid");
    assert_eq!(world.refused(REFUND, &demand("0.01", "RF4")).await, "ACQ.TRADE_HAS_CLOSE");
    let again = world.done(REFUND, &demand("11.50", "RF3")).await;
    assert_eq!((&again["fund_change"], &again["refund_fee"]), (&json!("N"), &json!("20.00")));

    let all_told = |trade: &sandbox::alipay::TradeView| {
        trade.refunds.len() == 3 && trade.refunds.iter().all(|refund| refund.accepted == 1)
    };
    alipay.until(NUMBER, all_told).await;
    let mut letters: Vec<_> = receiver.received().into_iter().skip(1).map(|one| one.body).collect();
    letters.sort_by_key(|body| field(body, "out_biz_no"));
    let seen: Vec<_> = letters
        .iter()
        .map(|body| {
            ["out_biz_no", "trade_status", "refund_fee", "gmt_refund", "gmt_payment"]
                .map(|name| field(body, name))
        })
        .collect();
    let line = |number: &str, status: &str, fee: &str| {
        [number, status, fee, "2026-01-01 10:00:00.000", "2026-01-01 10:00:00"].map(str::to_owned)
    };
    assert_eq!(
        seen,
        [
            line("RF1", "TRADE_SUCCESS", "5.00"),
            line("RF2", "TRADE_SUCCESS", "8.50"),
            line("RF3", "TRADE_CLOSED", "20.00"),
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_refunded_is_refused() {
    let world = paid("https://card.example.edu.cn/x").await;
    let alipay = world.alipay();
    let app_id = world.shop().credentials.app_id;
    for (number, close) in [("UNPAID1", false), ("CLOSED1", true)] {
        world.trade(number, "https://card.example.edu.cn/x").await;
        if close {
            alipay.time_out(number).unwrap();
        }
    }
    let of = |number: &str| json!({ "out_trade_no": number, "refund_amount": "1.00", "out_request_no": "R" });
    let table = [
        (of("UNPAID1"), "ACQ.TRADE_STATUS_ERROR"),
        (of("CLOSED1"), "ACQ.TRADE_HAS_CLOSE"),
        (of("NONE"), "ACQ.TRADE_NOT_EXIST"),
        (demand("20.01", "RF1"), "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"),
        (demand("0.00", "RF1"), "ACQ.INVALID_PARAMETER"),
        (demand("1.00", "with-dash"), "ACQ.INVALID_PARAMETER"),
        (json!({ "out_trade_no": NUMBER, "refund_amount": "1.00" }), "ACQ.INVALID_PARAMETER"),
        (json!({ "refund_amount": "1.00", "out_request_no": "R" }), "ACQ.INVALID_PARAMETER"),
    ];
    for (content, sub_code) in table {
        assert_eq!(world.refused(REFUND, &content).await, sub_code, "{content}");
    }
    alipay.set_refunds(&app_id, RefundCourse::NoBalance).unwrap();
    assert_eq!(
        world.refused(REFUND, &demand("1.00", "RF1")).await,
        "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    );
    alipay.set_refunds(&app_id, RefundCourse::AtOnce).unwrap();
    world.clock.advance(TimeDelta::days(91));
    assert_eq!(world.refused(REFUND, &demand("1.00", "RF1")).await, "ACQ.TRADE_HAS_FINISHED");
    let shown = world.done(QUERY, &json!({ "out_trade_no": NUMBER })).await;
    assert_eq!(shown["trade_status"], "TRADE_FINISHED");
    assert_eq!(alipay.payment(NUMBER).unwrap().refunded_fen, 0);
    assert!(status(&world, "RF1").await.get("refund_status").is_none());
}

/// The whole amount needs no number of its own; the trade's number stands for it.
#[tokio::test]
async fn a_full_refund_may_go_without_a_request_number() {
    let world = paid("https://card.example.edu.cn/x").await;
    let whole = json!({ "out_trade_no": NUMBER, "refund_amount": "20.00" });
    assert_eq!(world.done(REFUND, &whole).await["fund_change"], "Y");
    assert_eq!(status(&world, NUMBER).await["refund_status"], "REFUND_SUCCESS");
}

/// Accepted is not done: nothing says that the money went back until it did.
#[tokio::test]
async fn a_pending_refund_waits_for_its_end() {
    let receiver = Receiver::saying([], (200, "success"));
    let world = paid(&receiver.notify_url).await;
    let (alipay, app_id) = (world.alipay(), world.shop().credentials.app_id);
    alipay.until(NUMBER, |trade| trade.accepted == 1).await;
    alipay.set_refunds(&app_id, RefundCourse::Pending).unwrap();
    let told = world.done(REFUND, &demand("20.00", "RF1")).await;
    assert_eq!((&told["fund_change"], &told["refund_fee"]), (&json!("N"), &json!("0.00")));
    assert!(status(&world, "RF1").await.get("refund_status").is_none());
    assert_eq!(
        world.refused(REFUND, &demand("0.01", "RF2")).await,
        "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    );

    alipay.fail_refund(NUMBER, "RF1").unwrap();
    assert!(status(&world, "RF1").await.get("refund_status").is_none());
    assert!(alipay.complete_refund(NUMBER, "RF1").is_err(), "it failed");
    let again = world.done(REFUND, &demand("20.00", "RF1")).await;
    assert_eq!(again["fund_change"], "N", "tried again under its number");
    let path = format!("/sandbox/api/alipay/payments/{NUMBER}/refunds/RF1/complete");
    let (code, trade) = world.post_json(&path, &json!({})).await;
    assert_eq!((code, &trade["refunds"][0]["state"]), (200, &json!("done")));
    assert_eq!(status(&world, "RF1").await["refund_status"], "REFUND_SUCCESS");
    alipay.until(NUMBER, |trade| trade.refunds[0].accepted == 1).await;
    assert_eq!(receiver.received().len(), 2);
    assert_eq!(world.post_json(&path, &json!({})).await.0, 409);
    let none = format!("/sandbox/api/alipay/payments/{NUMBER}/refunds/RF9/complete");
    assert_eq!(world.post_json(&none, &json!({})).await.0, 404);
}

/// A refund by hand is a fact that the merchant never asked for.
#[tokio::test]
async fn a_refund_in_the_console_is_notified_like_any_other() {
    let receiver = Receiver::saying([], (200, "success"));
    let world = paid(&receiver.notify_url).await;
    let alipay = world.alipay();
    alipay.until(NUMBER, |trade| trade.accepted == 1).await;
    let trade = alipay.refund(NUMBER, 300).unwrap();
    assert_eq!((trade.refunded_fen, trade.refunds.len()), (300, 1));
    alipay.until(NUMBER, |trade| trade.refunds[0].accepted == 1).await;
    let body = &receiver.received()[1].body;
    assert_eq!(field(body, "out_biz_no"), trade.refunds[0].out_request_no);
    assert_eq!(field(body, "refund_fee"), "3.00");
    for fen in [0, -1, 1701] {
        assert!(alipay.refund(NUMBER, fen).is_err(), "{fen}");
    }
    let path = format!("/sandbox/api/alipay/payments/{NUMBER}/refund");
    let (code, trade) = world.post_json(&path, &json!({ "amount_fen": 1700 })).await;
    assert_eq!((code, &trade["trade_status"]), (200, &json!("TRADE_CLOSED")));
    assert_eq!(world.post_json(&path, &json!({ "amount_fen": 1 })).await.0, 409);
    let tally = format!(
        "/sandbox/api/alipay/payments/{NUMBER}/refunds/{}/repeat",
        trade["refunds"][0]["out_request_no"].as_str().unwrap()
    );
    let (code, tally) = world.post_json(&tally, &json!({ "times": 2 })).await;
    assert_eq!((code, &tally["accepted"]), (200, &json!(2)));
}

/// Products differ in what they notify, so that nobody may rely on it.
#[tokio::test]
async fn refunds_and_time_outs_are_notified_where_the_app_wants_it() {
    let receiver = Receiver::saying([], (200, "success"));
    let world = paid(&receiver.notify_url).await;
    let (alipay, app_id) = (world.alipay(), world.shop().credentials.app_id);
    alipay.until(NUMBER, |trade| trade.accepted == 1).await;
    let path = format!("/sandbox/api/alipay/apps/{app_id}");
    let wanted = json!({ "notify_refunds": false, "notify_closed": true });
    assert_eq!(world.post_json(&path, &wanted).await.1["settings"]["notify_closed"], json!(true));
    world.done(REFUND, &demand("20.00", "RF1")).await;
    world.trade("TIMED1", &receiver.notify_url).await;
    alipay.time_out("TIMED1").unwrap();
    alipay.until("TIMED1", |trade| trade.accepted == 1).await;
    let letters = receiver.received();
    assert_eq!(letters.len(), 2, "the payment and the close");
    let body = &letters[1].body;
    assert_eq!(field(body, "trade_status"), "TRADE_CLOSED");
    assert_eq!(field(body, "gmt_close"), "2026-01-01 10:00:00");
    assert!(field(body, "gmt_payment").is_empty() && field(body, "refund_fee").is_empty());
}
