//! What is sealed: whose money, how much, and of whom.

use super::trap::{AMOUNT, Trap, kept, posts, recorded, refused};
use serde_json::{Value, json};

/// What a refund's message would say.
fn refund() -> Value {
    json!({
        "mchid": "1900000000", "out_trade_no": "x", "transaction_id": "1", "refund_id": "2",
        "out_refund_no": "3", "refund_status": "SUCCESS",
        "amount": { "total": AMOUNT, "refund": AMOUNT, "payer_total": AMOUNT },
    })
}

pub const TRAPS: &[Trap] = &[
    refused("another merchant", |s| s.told(&s.lie("/mchid", json!("1900000109")))),
    kept("another app", "merchant", |s| s.told(&s.lie("/appid", json!("wx0000000000000000")))),
    kept("an app with a space", "merchant", |s| {
        let app = format!("{} ", s.truth()["appid"].as_str().unwrap());
        s.told(&s.lie("/appid", app.into()))
    }),
    recorded("not paid", "ignored", |s| s.told(&s.lie("/trade_state", json!("NOTPAY")))),
    recorded("closed", "closed", |s| s.told(&s.lie("/trade_state", json!("CLOSED")))),
    recorded("refunded", "refunded", |s| s.told(&s.lie("/trade_state", json!("REFUND")))),
    recorded("about to be paid", "ignored", |s| {
        s.told(&s.lie("/trade_state", json!("USERPAYING")))
    }),
    recorded("an unknown state", "ignored", |s| s.told(&s.lie("/trade_state", json!("MAYBE")))),
    recorded("success in lower case", "ignored", |s| {
        s.told(&s.lie("/trade_state", json!("success")))
    }),
    refused("a refund inside a payment's envelope", |s| s.told(&refund())),
    refused("dollars", |s| s.told(&s.lie("/amount/currency", json!("USD")))),
    refused("no currency", |s| s.told(&s.lie("/amount/currency", Value::Null))),
    refused("no amount", |s| s.told(&s.lie("/amount", Value::Null))),
    refused("zero", |s| s.told(&s.lie("/amount/total", json!(0)))),
    refused("below zero", |s| s.told(&s.lie("/amount/total", json!(-AMOUNT)))),
    refused("an amount as text", |s| s.told(&s.lie("/amount/total", json!("100")))),
    refused("half a fen", |s| s.told(&s.lie("/amount/total", json!(100.5)))),
    refused("whole fen with a point", |s| s.told(&s.lie("/amount/total", json!(100.0)))),
    refused("an amount past 64 bits", |s| {
        s.told(&s.lie("/amount/total", json!(9_223_372_036_854_775_808_u64)))
    }),
    refused("two amounts", |s| {
        let text = s.truth().to_string();
        s.sealed(text.replacen("\"total\":", "\"total\":1,\"total\":", 1).as_bytes())
    }),
    refused("two merchants", |s| {
        let text = s.truth().to_string();
        s.sealed(text.replacen('{', "{\"mchid\":\"1900000109\",", 1).as_bytes())
    }),
    posts("a coupon paid some of it", |s| {
        let amount = json!({
            "total": AMOUNT, "payer_total": AMOUNT - 30, "currency": "CNY",
            "payer_currency": "CNY",
        });
        s.told(&s.lie("/amount", amount))
    }),
    posts("a payer who is not told", |s| {
        let mut truth = s.truth();
        truth.as_object_mut().unwrap().remove("payer");
        s.told(&truth)
    }),
    posts("another kind of trade", |s| s.told(&s.lie("/trade_type", json!("NATIVE")))),
    posts("fields inside that we do not know", |s| {
        s.told(&s.lie("/promotion_detail", json!([{ "coupon_id": "1", "amount": 30 }])))
    }),
    posts("paid in another time zone", |s| {
        s.told(&s.lie("/success_time", json!("2026-01-01T02:00:00+00:00")))
    }),
    kept("one fen less", "amount", |s| s.told(&s.lie("/amount/total", json!(AMOUNT - 1)))),
    kept("one fen more", "amount", |s| s.told(&s.lie("/amount/total", json!(AMOUNT + 1)))),
    kept("a hundredfold", "amount", |s| s.told(&s.lie("/amount/total", json!(AMOUNT * 100)))),
    kept("somebody else paid", "payer", |s| {
        s.told(&s.lie("/payer/openid", json!("oAAAAAAAAAAAAAAAAAAAAAAAAAAA")))
    }),
    kept("an empty payer", "payer", |s| s.told(&s.lie("/payer/openid", json!("")))),
    kept("no order of ours", "no_order", |s| {
        let number = uuid::Uuid::now_v7().simple().to_string();
        s.told(&s.lie("/out_trade_no", number.into()))
    }),
    kept("our number in capitals", "no_order", |s| {
        s.told(&s.lie("/out_trade_no", s.payment.out_trade_no.to_uppercase().into()))
    }),
    kept("a number of another form", "no_order", |s| {
        s.told(&s.lie("/out_trade_no", json!("CC20261121000001")))
    }),
    kept("a number that would be a command", "no_order", |s| {
        s.told(&s.lie("/out_trade_no", json!("';DROP_TABLE_orders;--")))
    }),
    refused("no number", |s| s.told(&s.lie("/out_trade_no", json!("")))),
    refused("a number with NUL", |s| s.told(&s.lie("/out_trade_no", json!("a\u{0}b")))),
    refused("an endless number", |s| s.told(&s.lie("/out_trade_no", json!("f".repeat(33))))),
    refused("no transaction", |s| s.told(&s.lie("/transaction_id", Value::Null))),
    refused("an empty transaction", |s| s.told(&s.lie("/transaction_id", json!("")))),
    refused("an endless transaction", |s| s.told(&s.lie("/transaction_id", json!("4".repeat(33))))),
    refused("a transaction with a line break", |s| {
        s.told(&s.lie("/transaction_id", json!("42\n00")))
    }),
    refused("no time of payment", |s| s.told(&s.lie("/success_time", Value::Null))),
    refused("a time of payment that is none", |s| {
        s.told(&s.lie("/success_time", json!("2026-13-41T25:61:00+08:00")))
    }),
    refused("a time of payment without an offset", |s| {
        s.told(&s.lie("/success_time", json!("2026-01-01 10:00:00")))
    }),
    refused("content: nothing", |s| s.sealed(b"")),
    refused("content: no JSON", |s| s.sealed(b"paid")),
    refused("content: no UTF-8", |s| s.sealed(b"{\"\xff\":1}")),
    refused("content: a list", |s| s.sealed(b"[]")),
    refused("content: null", |s| s.sealed(b"null")),
];
