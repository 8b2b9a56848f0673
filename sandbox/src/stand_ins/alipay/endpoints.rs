//! What apps can ask of Alipay. All of it comes to one path; `?method=` says what.

use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};

use super::answer;
use super::operations as op;
use super::refusal::Refusal;
use crate::endpoint::{Endpoint, Excuse};
use crate::faults::RequestFault;

pub(super) const GATEWAY: &str = "/gateway.do";

pub const TOKEN: Endpoint =
    endpoint("alipay_token", "支付宝：授权码", |_, target| asks(target, op::TOKEN));
pub const CREATE: Endpoint =
    endpoint("alipay_create", "支付宝：下单", |_, target| asks(target, op::CREATE));
pub const QUERY: Endpoint = Endpoint {
    faults: RequestFault::ALIPAY_QUERY,
    ..endpoint("alipay_query", "支付宝：查单", |_, target| asks(target, op::QUERY))
};
pub const CLOSE: Endpoint =
    endpoint("alipay_close", "支付宝：关单", |_, target| asks(target, op::CLOSE));
pub const REFUND: Endpoint =
    endpoint("alipay_refund", "支付宝：退款", |_, target| asks(target, op::REFUND));
pub const REFUND_QUERY: Endpoint =
    endpoint("alipay_refund_query", "支付宝：退款查询", |_, target| {
        asks(target, op::REFUND_QUERY)
    });
pub const BILL: Endpoint =
    endpoint("alipay_bill", "支付宝：账单地址", |_, target| asks(target, op::BILL));
pub const MESSAGE: Endpoint =
    endpoint("alipay_message", "支付宝：消息", |_, target| asks(target, op::MESSAGE));
/// The file that a bill's address leads to.
pub const BILL_FILE: Endpoint = Endpoint {
    name: "alipay_bill_file",
    label: "支付宝：账单文件",
    matches: |_, target| target == super::bill::FILE,
    faults: RequestFault::FILE,
    excuse,
};
/// Any other method.
pub const OTHER: Endpoint =
    endpoint("alipay_other", "支付宝：其他", |_, target| target.starts_with(GATEWAY));

pub(super) const ENDPOINTS: &[Endpoint] =
    &[TOKEN, CREATE, QUERY, CLOSE, REFUND, REFUND_QUERY, BILL, MESSAGE, BILL_FILE, OTHER];

const fn endpoint(
    name: &'static str,
    label: &'static str,
    matches: fn(&Method, &str) -> bool,
) -> Endpoint {
    Endpoint { name, label, matches, faults: RequestFault::ALIPAY, excuse }
}

fn asks(target: &str, method: &str) -> bool {
    let named = target.strip_prefix(GATEWAY).and_then(|rest| rest.strip_prefix("?method="));
    named == Some(method)
}

/// Unsigned: the gateway has looked at nothing yet.
fn excuse(why: Excuse) -> HttpResponse {
    match why {
        Excuse::TooManyRequests => {
            answer::error(StatusCode::TOO_MANY_REQUESTS, &Refusal::too_many())
        }
        Excuse::SystemError => answer::error(StatusCode::OK, &Refusal::unavailable()),
        Excuse::AddressNotAllowed => answer::error(StatusCode::OK, &Refusal::address()),
    }
}
