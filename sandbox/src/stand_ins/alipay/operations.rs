//! Which operation a method stands for.

use actix_web::HttpRequest;
use serde_json::{Map, Value};

use super::gateway::Call;
use super::refusal::Refusal;
use super::{Alipay, bill, create, message, query, refund, token};
use crate::requests;

/// The members of a successful answer, without code and message.
pub(super) type Answer = Map<String, Value>;

pub(super) const TOKEN: &str = "alipay.system.oauth.token";
pub(super) const CREATE: &str = "alipay.trade.create";
pub(super) const QUERY: &str = "alipay.trade.query";
pub(super) const CLOSE: &str = "alipay.trade.close";
pub(super) const CANCEL: &str = "alipay.trade.cancel";
pub(super) const REFUND: &str = "alipay.trade.refund";
pub(super) const REFUND_QUERY: &str = "alipay.trade.fastpay.refund.query";
pub(super) const MESSAGE: &str = "alipay.open.app.mini.templatemessage.send";
pub(super) const BILL: &str = "alipay.data.dataservice.bill.downloadurl.query";

pub(super) fn perform(pay: &Alipay, call: &Call, request: &HttpRequest) -> Result<Answer, Refusal> {
    let number = serde_json::from_str::<Value>(&call.content).unwrap_or_default();
    if let Some(number) = number.get("out_trade_no").and_then(Value::as_str) {
        requests::set_about(request, number);
    }
    match call.method.as_str() {
        TOKEN => token::exchange(pay, call),
        CREATE => create::create(pay, call),
        QUERY => query::query(pay, call),
        CLOSE => query::close(pay, call),
        REFUND => refund::refund(pay, call),
        REFUND_QUERY => refund::query(pay, call),
        BILL => bill::link(pay, call),
        MESSAGE => message::send(pay, call),
        CANCEL => Err(Refusal::business(
            "ACQ.CANCEL_NOT_ALLOWED",
            "撤销会退还已付的款项，请关闭交易或退款",
        )),
        // Products that exist and that the app has not signed for.
        method if method.starts_with("alipay.") => {
            Err(Refusal::no_permission("ISV权限不足，应用未开通这个产品"))
        }
        _ => Err(Refusal::invalid("isv.invalid-method", "不存在的方法名")),
    }
}

/// Members of an answer from a JSON object.
pub(super) fn members(value: Value) -> Answer {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
