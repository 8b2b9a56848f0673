//! The error answers of WeChat Pay.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Value, json};

use crate::chance;
use crate::schema::{EXTRA_FIELD, Violation};

/// Longest piece of a refused value or signed text that is shown back.
const SHOWN_CHARS: usize = 128;

/// WeChat's number for "an illegal extra parameter".
const INTERNAL_EXTRA_FIELD: u32 = 270_924_358;
/// WeChat's number for "this order exists with other parameters".
const INTERNAL_OTHER_PARAMETERS: u32 = 268_498_688;
/// Stands for every number that is not published; 0 alone means success.
const INTERNAL_OTHER: u32 = 1;

/// An error answer: HTTP status, WeChat's code, a Chinese text, and what was wrong where.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    pub(super) code: &'static str,
    message: String,
    detail: Option<Value>,
    internal: u32,
}

/// A value that breaks the rules of its field, parameter or header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadValue {
    /// JSON pointer, or the name of a parameter or header.
    pub(super) field: String,
    pub(super) value: String,
    pub(super) issue: &'static str,
    pub(super) location: Location,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Location {
    Body,
    Query,
    Header,
}

impl Location {
    fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

impl From<Violation> for Refusal {
    fn from(Violation { field, value, issue }: Violation) -> Self {
        BadValue { field, value, issue, location: Location::Body }.into()
    }
}

impl From<BadValue> for Refusal {
    fn from(bad: BadValue) -> Self {
        let internal = if bad.issue == EXTRA_FIELD { INTERNAL_EXTRA_FIELD } else { INTERNAL_OTHER };
        let detail = json!({
            "field": bad.field,
            "value": shown(&bad.value),
            "issue": bad.issue,
            "location": bad.location.name(),
        });
        let message = format!("参数错误：{} {}", bad.field, bad.issue);
        Self { detail: Some(detail), internal, ..bad_request("PARAM_ERROR", &message) }
    }
}

impl Refusal {
    /// Something about the Authorization header is wrong, other than the signature itself.
    pub(super) fn unauthorized(field: &'static str, issue: &str) -> Self {
        let detail = json!({ "field": field, "issue": issue, "location": "authorization" });
        Self::unsigned(issue, detail)
    }

    /// The signature does not fit; shows what WeChat Pay computed it over.
    pub(super) fn bad_signature(method: &str, url: &str, message: &str) -> Self {
        let detail = json!({
            "field": "signature",
            "issue": "sign not match",
            "location": "authorization",
            "sign_information": {
                "method": method,
                "url": url,
                "truncated_sign_message": shown(message),
                "sign_message_length": message.len(),
            },
        });
        Self::unsigned("错误的签名，验签失败", detail)
    }

    fn unsigned(message: &str, detail: Value) -> Self {
        let status = StatusCode::UNAUTHORIZED;
        Self { detail: Some(detail), ..refuse(status, "SIGN_ERROR", message) }
    }

    pub(super) fn app_not_bound() -> Self {
        bad_request("APPID_MCHID_NOT_MATCH", "商户号和appid没有绑定关系")
    }

    pub(super) fn other_parameters() -> Self {
        let refusal = bad_request("INVALID_REQUEST", "订单号已存在且请求参数与原订单不一致");
        Self { internal: INTERNAL_OTHER_PARAMETERS, ..refusal }
    }

    /// Prepay of a paid order; spelt without the underscore that [`Self::close_of_paid`] has.
    pub(super) fn prepay_of_paid() -> Self {
        bad_request("ORDERPAID", "该订单已支付")
    }

    pub(super) fn close_of_paid() -> Self {
        bad_request("ORDER_PAID", "该订单已支付，无法关闭")
    }

    pub(super) fn closed() -> Self {
        bad_request("ORDER_CLOSED", "该订单已关闭")
    }

    /// An error of the request in spite of the status: repeating it does not help.
    pub(super) fn other_apps_openid() -> Self {
        refuse(StatusCode::INTERNAL_SERVER_ERROR, "OPENID_MISMATCH", "appid和openid不匹配")
    }

    pub(super) fn system_error() -> Self {
        refuse(StatusCode::INTERNAL_SERVER_ERROR, "SYSTEM_ERROR", "系统异常，请稍后重试")
    }

    pub(super) fn no_order() -> Self {
        refuse(StatusCode::NOT_FOUND, "ORDER_NOT_EXIST", "订单不存在")
    }

    pub(super) fn other_refund() -> Self {
        bad_request("INVALID_REQUEST", "退款单号已存在且请求参数与原退款不一致")
    }

    pub(super) fn refund_refused(message: &str) -> Self {
        bad_request("INVALID_REQUEST", message)
    }

    pub(super) fn not_enough() -> Self {
        refuse(StatusCode::FORBIDDEN, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起")
    }

    /// Two refunds of a payment within a minute.
    pub(super) fn too_often() -> Self {
        refuse(StatusCode::TOO_MANY_REQUESTS, "FREQUENCY_LIMITED", "频率超限")
    }

    pub(super) fn not_found(message: &str) -> Self {
        refuse(StatusCode::NOT_FOUND, "RESOURCE_NOT_EXISTS", message)
    }

    pub(super) fn bill(code: &'static str, message: &str) -> Self {
        bad_request(code, message)
    }

    pub(super) fn too_many() -> Self {
        refuse(StatusCode::TOO_MANY_REQUESTS, "RATELIMIT_EXCEEDED", "未完结的订单过多")
    }
}

fn bad_request(code: &'static str, message: &str) -> Refusal {
    refuse(StatusCode::BAD_REQUEST, code, message)
}

fn refuse(status: StatusCode, code: &'static str, message: &str) -> Refusal {
    Refusal { status, code, message: message.to_owned(), detail: None, internal: INTERNAL_OTHER }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    /// Unsigned: a merchant must not conclude anything from an error answer alone.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status)
            .insert_header(("Request-ID", request_id(self.internal)))
            .json(self.body())
    }
}

impl Refusal {
    /// The body of the answer.
    pub(super) fn body(&self) -> Value {
        let mut body = json!({ "code": self.code, "message": self.message });
        if let (Some(detail), Some(members)) = (&self.detail, body.as_object_mut()) {
            members.insert("detail".to_owned(), detail.clone());
        }
        body
    }
}

/// WeChat's `<id>-<internal error code>`; code 0 is success.
pub(super) fn request_id(internal: u32) -> String {
    format!("08{}-{internal}", chance::hex_digits(30).to_uppercase())
}
