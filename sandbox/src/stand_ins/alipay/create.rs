//! `alipay.trade.create`: a trade for the mini-program's cashier.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Alipay;
use super::book::{Full, Trades};
use super::create_fields::{CREATE_FIELDS, CreateRequest, fen, is_notify_url};
use super::gateway::Call;
use super::operations::{Answer, members};
use super::people::AlipayUser;
use super::refusal::Refusal;
use super::trade::{State, Trade};
use crate::chance;
use crate::clock::china;
use crate::schema;
use crate::state::lock;

pub(super) fn create(pay: &Alipay, call: &Call) -> Result<Answer, Refusal> {
    let value = schema::read(call.content.as_bytes(), CREATE_FIELDS)?;
    let request: CreateRequest = serde_json::from_value(value.clone())
        .map_err(|_| Refusal::bad_parameter("biz_content不是合法的JSON"))?;
    let notify_url = notify_url(call)?;
    let buyer = check_parties(pay, call, &request)?;
    let now = pay.clock.now();
    let mut trades = lock(&pay.trades);
    if let Some(known) = trades.of_app(call.app.app_id(), "", &request.out_trade_no) {
        pay.expire(&call.app, known, now);
        return again(known, &value);
    }
    let order = Order { request, value, buyer, notify_url };
    let answer = insert(pay, call, &mut trades, order, now)?;
    drop(trades);
    pay.changes.notify();
    Ok(answer)
}

/// A request that keeps to the rules.
struct Order {
    request: CreateRequest,
    value: Value,
    buyer: AlipayUser,
    notify_url: Option<String>,
}

fn notify_url(call: &Call) -> Result<Option<String>, Refusal> {
    match call.parameter("notify_url") {
        "" => Ok(None),
        url if is_notify_url(url) => Ok(Some(url.to_owned())),
        _ => Err(Refusal::invalid("isv.invalid-notify-url", "通知地址应为不带参数的https地址")),
    }
}

fn check_parties(
    pay: &Alipay,
    call: &Call,
    request: &CreateRequest,
) -> Result<AlipayUser, Refusal> {
    let app = &call.app;
    if request.seller_id.as_deref().is_some_and(|seller| seller != app.seller_id()) {
        return Err(Refusal::business("ACQ.INVALID_RECEIVE_ACCOUNT", "收款账号不支持"));
    }
    if request.op_app_id.as_deref().is_some_and(|operator| operator != app.app_id()) {
        return Err(Refusal::business("ACQ.UNBOUND_APPLICATION", "小程序与商户没有绑定关系"));
    }
    if request.enable_pay_channels.is_some() && request.disable_pay_channels.is_some() {
        return Err(Refusal::bad_parameter("enable_pay_channels与disable_pay_channels互斥"));
    }
    if request.buyer_id.as_deref() == Some(app.seller_id()) {
        return Err(Refusal::business("ACQ.BUYER_SELLER_EQUAL", "买卖家不能相同"));
    }
    let identities = app.settings().identities;
    let (buyer, told) = match (&request.buyer_id, &request.buyer_open_id) {
        (Some(id), None) => {
            let buyer = pay.buyer(app, id).filter(|buyer| buyer.user_id == *id);
            let told = buyer.as_ref().is_some_and(|b| b.user_id_for(identities).is_some());
            (buyer, told)
        }
        (None, Some(id)) => {
            let buyer = app.people.by_id(id).filter(|buyer| buyer.open_id == *id);
            let told = buyer.as_ref().is_some_and(|b| b.open_id_for(identities).is_some());
            (buyer, told)
        }
        _ => return Err(Refusal::bad_parameter("buyer_id与buyer_open_id须传且只传一个")),
    };
    let buyer = buyer.ok_or_else(|| Refusal::bad_parameter("买家不存在，或不属于这个应用"))?;
    if told { Ok(buyer) } else { Err(Refusal::bad_parameter("应用不支持这种买家标识")) }
}

/// The trade of a number that is known: the same for the same content, as long as it is unpaid.
fn again(known: &Trade, value: &Value) -> Result<Answer, Refusal> {
    match known.state {
        State::Paid(_) => Err(Refusal::business("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")),
        State::Closed(_) => Err(Refusal::business("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")),
        State::Unpaid if known.request != *value => {
            Err(Refusal::business("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改"))
        }
        State::Unpaid => Ok(numbers(known)),
    }
}

fn insert(
    pay: &Alipay,
    call: &Call,
    trades: &mut Trades,
    order: Order,
    now: DateTime<Utc>,
) -> Result<Answer, Refusal> {
    let Order { request, value, buyer, notify_url } = order;
    let trade = Trade {
        app_id: call.app.app_id().to_owned(),
        trade_no: format!("{}22001{}", china(now).format("%Y%m%d"), chance::digits(15)),
        total_fen: fen(&request.total_amount),
        pay_by: request.pay_by(now)?,
        out_trade_no: request.out_trade_no,
        subject: request.subject,
        body: request.body,
        passback_params: request.passback_params,
        buyer,
        notify_url,
        notify_charset: call.notify_charset,
        created_at: now,
        request: value,
        state: State::Unpaid,
        refunds: Vec::new(),
        failures: 0,
        callback: pay.callbacks.open(),
    };
    let answer = numbers(&trade);
    trades.insert(trade, now).map_err(|Full| Refusal::too_many())?;
    Ok(answer)
}

fn numbers(trade: &Trade) -> Answer {
    members(json!({ "out_trade_no": trade.out_trade_no, "trade_no": trade.trade_no }))
}
