//! `alipay.trade.refund` and `alipay.trade.fastpay.refund.query`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Alipay;
use super::apps::{App, RefundCourse};
use super::create_fields::{AMOUNT, NUMBER, OPTIONS, fen};
use super::gateway::{Call, TIME};
use super::operations::{Answer, members};
use super::query::{numbers, put_buyer, wants};
use super::refusal::Refusal;
use super::token::put;
use super::trade::{MOST_REFUNDS, Refund, RefundState, State, Trade};
use crate::clock::china;
use crate::page::yuan;
use crate::schema::{self, Field, Rule, optional, required};
use crate::state::lock;

const REFUND_FIELDS: &[Field] = &[
    optional("out_trade_no", NUMBER),
    optional("trade_no", NUMBER),
    required("refund_amount", AMOUNT),
    optional("out_request_no", NUMBER),
    optional("refund_reason", Rule::Text { min: 1, max: 256 }),
    optional("operator_id", Rule::Text { min: 1, max: 30 }),
    optional("store_id", Rule::Text { min: 1, max: 32 }),
    optional("terminal_id", Rule::Text { min: 1, max: 32 }),
    optional("query_options", OPTIONS),
];

const REFUND_QUERY_FIELDS: &[Field] = &[
    optional("out_trade_no", NUMBER),
    optional("trade_no", NUMBER),
    required("out_request_no", NUMBER),
    optional("query_options", OPTIONS),
];

/// What is asked back, under which number, and how it goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand<'a> {
    pub(super) request_no: &'a str,
    pub(super) fen: i64,
    pub(super) course: RefundCourse,
}

pub(super) fn refund(pay: &Alipay, call: &Call) -> Result<Answer, Refusal> {
    let (value, now) = (schema::read(call.content.as_bytes(), REFUND_FIELDS)?, pay.clock.now());
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let fen = fen(text("refund_amount").unwrap_or_default());
    let (trade_no, out_trade_no) = numbers(&value)?;
    let mut trades = lock(&pay.trades);
    let trade = trades.of_app(call.app.app_id(), trade_no, out_trade_no);
    let trade = trade.ok_or_else(Refusal::no_trade)?;
    let whole = trade.out_trade_no.clone();
    let request_no = match text("out_request_no") {
        Some(number) => number,
        None if fen == trade.total_fen => &whole,
        None => return Err(Refusal::bad_parameter("部分退款须传out_request_no")),
    };
    let demand = Demand { request_no, fen, course: call.app.settings().refunds };
    let moved = pay.give_back(&call.app, trade, demand, now)?;
    let answer = refunded(call, trade, request_no, moved);
    drop(trades);
    pay.changes.notify();
    Ok(answer)
}

fn refunded(call: &Call, trade: &Trade, request_no: &str, moved: bool) -> Answer {
    let mut shown = json!({
        "trade_no": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "buyer_logon_id": trade.buyer.logon_id(),
        "fund_change": if moved { "Y" } else { "N" },
        // All that went back so far, not this refund.
        "refund_fee": yuan(trade.refunded_fen()),
        "send_back_fee": yuan(trade.refunded_fen()),
    });
    put_buyer(&mut shown, trade, call.app.settings().identities, "buyer_user_id");
    if let Some(at) = trade.refund(request_no).and_then(Refund::done_at) {
        put(&mut shown, "gmt_refund_pay", &china(at).format(TIME).to_string());
    }
    members(shown)
}

/// A refund that was not received, that waits or that failed has no `refund_status`.
pub(super) fn query(pay: &Alipay, call: &Call) -> Result<Answer, Refusal> {
    let value = schema::read(call.content.as_bytes(), REFUND_QUERY_FIELDS)?;
    let (trade_no, out_trade_no) = numbers(&value)?;
    let mut trades = lock(&pay.trades);
    let trade = trades.of_app(call.app.app_id(), trade_no, out_trade_no);
    let trade = trade.ok_or_else(Refusal::no_trade)?;
    let request_no = value.get("out_request_no").and_then(Value::as_str).unwrap_or_default();
    let Some((refund, at)) = trade.refund(request_no).and_then(|r| Some((r, r.done_at()?))) else {
        return Ok(Answer::new());
    };
    let mut shown = json!({
        "trade_no": trade.trade_no,
        "out_trade_no": trade.out_trade_no,
        "out_request_no": refund.request_no,
        "total_amount": yuan(trade.total_fen),
        "refund_amount": yuan(refund.fen),
        "refund_status": "REFUND_SUCCESS",
    });
    if wants(&value, "gmt_refund_pay") {
        put(&mut shown, "gmt_refund_pay", &china(at).format(TIME).to_string());
    }
    let mut answer = members(shown);
    if wants(&value, "refund_detail_item_list") {
        let item = json!([{ "fund_channel": "ALIPAYACCOUNT", "amount": yuan(refund.fen) }]);
        answer.insert("refund_detail_item_list".to_owned(), item);
    }
    Ok(answer)
}

impl Alipay {
    /// Refunds, or repeats what was refunded under this number; whether money moved by this call.
    pub(super) fn give_back(
        &self,
        app: &Arc<App>,
        trade: &mut Trade,
        demand: Demand<'_>,
        now: DateTime<Utc>,
    ) -> Result<bool, Refusal> {
        self.expire(app, trade, now);
        check_refundable(trade, now)?;
        if let Some(known) = trade.refund(demand.request_no) {
            if known.fen != demand.fen {
                return Err(Refusal::business("ACQ.DISCORDANT_REPEAT_REQUEST", "不一致的请求"));
            }
            if known.state != RefundState::Failed {
                return Ok(false);
            }
        }
        check_amount(trade, demand, now)?;
        if trade.refund(demand.request_no).is_none() {
            trade.refunds.push(Refund {
                request_no: demand.request_no.to_owned(),
                fen: demand.fen,
                state: RefundState::Pending,
                callback: self.callbacks.open(),
            });
        }
        let pending = demand.course == RefundCourse::Pending;
        if let Some(refund) = trade.refund_mut(demand.request_no) {
            refund.state = if pending { RefundState::Pending } else { RefundState::Done(now) };
        }
        if !pending {
            self.tell_refund(app, trade, demand.request_no);
        }
        Ok(!pending)
    }
}

fn check_refundable(trade: &Trade, now: DateTime<Utc>) -> Result<(), Refusal> {
    match trade.state {
        State::Unpaid => Err(Refusal::business("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")),
        State::Closed(_) => Err(Refusal::business("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")),
        State::Paid(_) if trade.status(now) == "TRADE_FINISHED" => {
            Err(Refusal::business("ACQ.TRADE_HAS_FINISHED", "交易已完结"))
        }
        State::Paid(_) => Ok(()),
    }
}

fn check_amount(trade: &Trade, demand: Demand<'_>, now: DateTime<Utc>) -> Result<(), Refusal> {
    if trade.status(now) == "TRADE_CLOSED" {
        return Err(Refusal::business("ACQ.TRADE_HAS_CLOSE", "交易已全额退款"));
    }
    let again = trade.refund(demand.request_no).is_some();
    if demand.fen > trade.refundable_fen() {
        let sub_code = "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL";
        return Err(Refusal::business(sub_code, "退款金额超限"));
    }
    if !again && trade.refunds.len() >= MOST_REFUNDS {
        return Err(Refusal::business("ACQ.TRADE_NOT_ALLOW_REFUND", "退款次数超限"));
    }
    if demand.course == RefundCourse::NoBalance {
        return Err(Refusal::business("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足"));
    }
    Ok(())
}
