//! `alipay.trade.query` and `alipay.trade.close`.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Alipay;
use super::create_fields::TRADE_FIELDS;
use super::gateway::{Call, TIME};
use super::keys::Identities;
use super::operations::{Answer, members};
use super::refusal::Refusal;
use super::token::put;
use super::trade::{State, Trade};
use crate::clock::china;
use crate::page::yuan;
use crate::schema;
use crate::state::lock;

pub(super) fn query(pay: &Alipay, call: &Call) -> Result<Answer, Refusal> {
    let (value, now) = (schema::read(call.content.as_bytes(), TRADE_FIELDS)?, pay.clock.now());
    let mut trades = lock(&pay.trades);
    let (trade_no, out_trade_no) = numbers(&value)?;
    let trade = trades.of_app(call.app.app_id(), trade_no, out_trade_no);
    let trade = trade.ok_or_else(Refusal::no_trade)?;
    pay.expire(&call.app, trade, now);
    Ok(members(shown(trade, call.app.settings().identities, wants(&value, "fund_bill_list"), now)))
}

/// Closes a trade that is not paid. Nothing is notified of a close that was asked for.
pub(super) fn close(pay: &Alipay, call: &Call) -> Result<Answer, Refusal> {
    let (value, now) = (schema::read(call.content.as_bytes(), TRADE_FIELDS)?, pay.clock.now());
    let mut trades = lock(&pay.trades);
    let (trade_no, out_trade_no) = numbers(&value)?;
    let trade = trades.of_app(call.app.app_id(), trade_no, out_trade_no);
    let trade = trade.ok_or_else(Refusal::no_trade)?;
    pay.expire(&call.app, trade, now);
    match trade.state {
        State::Paid(_) => {
            return Err(Refusal::business("ACQ.TRADE_STATUS_ERROR", "交易状态不合法"));
        }
        State::Closed(_) => {
            return Err(Refusal::business("ACQ.REASON_TRADE_STATUS_INVALID", "交易状态异常"));
        }
        State::Unpaid => trade.state = State::Closed(now),
    }
    let closed = json!({ "out_trade_no": trade.out_trade_no, "trade_no": trade.trade_no });
    drop(trades);
    pay.changes.notify();
    Ok(members(closed))
}

/// Alipay's number, which wins, and the merchant's; an absent one is empty.
pub(super) fn numbers(value: &Value) -> Result<(&str, &str), Refusal> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    match (text("trade_no"), text("out_trade_no")) {
        ("", "") => Err(Refusal::bad_parameter("trade_no与out_trade_no不能同时为空")),
        found => Ok(found),
    }
}

/// Whether the request asks for this optional part of the answer.
pub(super) fn wants(value: &Value, option: &str) -> bool {
    let options = value.get("query_options").and_then(Value::as_array);
    options.is_some_and(|options| options.iter().any(|wanted| wanted == option))
}

fn shown(trade: &Trade, identities: Identities, bills: bool, now: DateTime<Utc>) -> Value {
    let total = yuan(trade.total_fen);
    let mut shown = json!({
        "trade_no": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "buyer_logon_id": trade.buyer.logon_id(),
        "trade_status": trade.status(now),
        "total_amount": total,
    });
    put_buyer(&mut shown, trade, identities, "buyer_user_id");
    let (paid, point) = match trade.paid_at() {
        Some(_) => (total.as_str(), "0.00"),
        None => ("0.00", "0.00"),
    };
    for name in ["receipt_amount", "buyer_pay_amount", "invoice_amount"] {
        put(&mut shown, name, paid);
    }
    put(&mut shown, "point_amount", point);
    if let (Some(at), Some(members)) = (trade.paid_at(), shown.as_object_mut()) {
        members.insert("send_pay_date".to_owned(), json!(china(at).format(TIME).to_string()));
        if bills {
            let bill = json!([{ "fund_channel": "ALIPAYACCOUNT", "amount": total }]);
            members.insert("fund_bill_list".to_owned(), bill);
        }
    }
    shown
}

/// The ids of the buyer that the app is told; queries and notifications name the user id
/// differently.
pub(super) fn put_buyer(shown: &mut Value, trade: &Trade, identities: Identities, user_id: &str) {
    if let Some(id) = trade.buyer.user_id_for(identities) {
        put(shown, user_id, id);
    }
    if let Some(id) = trade.buyer.open_id_for(identities) {
        put(shown, "buyer_open_id", id);
    }
}
