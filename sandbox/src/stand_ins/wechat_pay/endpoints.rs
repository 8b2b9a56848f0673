//! What merchants can ask of WeChat Pay.

use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};
use serde_json::json;

use crate::endpoint::{Endpoint, Excuse};
use crate::faults::RequestFault;

const REFUNDS: &str = "/v3/refund/domestic/refunds";
const TRANSACTIONS: &str = "/v3/pay/transactions/";

pub const PREPAY: Endpoint = endpoint("prepay", "下单", |method, path| {
    method == Method::POST && order(path) == Some("jsapi")
});
/// By either number.
pub const QUERY: Endpoint = Endpoint {
    faults: RequestFault::WECHAT_PAY_QUERY,
    ..endpoint("query", "查单", |method, path| {
        method != Method::POST && order(path).is_some_and(|order| order.contains('/'))
    })
};
pub const CLOSE: Endpoint = endpoint("close", "关单", |method, path| {
    method == Method::POST && order(path).is_some_and(|order| order.ends_with("/close"))
});
pub const REFUND: Endpoint = endpoint("refund", "退款", |method, path| {
    method == Method::POST && path.starts_with(REFUNDS)
});
pub const REFUND_QUERY: Endpoint = endpoint("refund_query", "查退款", |method, path| {
    method != Method::POST && path.starts_with(REFUNDS)
});
pub const CERTIFICATES: Endpoint = endpoint("certificates", "平台证书", |method, path| {
    method != Method::POST && path == "/v3/certificates"
});
/// Both kinds, and the files.
pub const BILL: Endpoint = endpoint("bill", "账单", |method, path| {
    method != Method::POST
        && (path.starts_with("/v3/bill/") || path.starts_with("/v3/billdownload/"))
});
/// Anything else below `/v3`.
pub const OTHER: Endpoint = endpoint("other", "其他", |_, path| path.starts_with("/v3/"));

pub(super) const ENDPOINTS: &[Endpoint] =
    &[PREPAY, QUERY, CLOSE, REFUND, REFUND_QUERY, CERTIFICATES, BILL, OTHER];

const fn endpoint(
    name: &'static str,
    label: &'static str,
    matches: fn(&Method, &str) -> bool,
) -> Endpoint {
    Endpoint { name, label, matches, faults: RequestFault::WECHAT_PAY, excuse }
}

fn order(path: &str) -> Option<&str> {
    path.strip_prefix(TRANSACTIONS)
}

fn excuse(why: Excuse) -> HttpResponse {
    let (status, code, message) = match why {
        Excuse::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "FREQUENCY_LIMITED", "频率超限"),
        Excuse::SystemError => {
            (StatusCode::INTERNAL_SERVER_ERROR, "SYSTEM_ERROR", "系统异常，请稍后重试")
        }
        Excuse::AddressNotAllowed => (StatusCode::FORBIDDEN, "NO_AUTH", "此IP地址不允许调用该接口"),
    };
    HttpResponse::build(status).json(json!({ "code": code, "message": message }))
}
