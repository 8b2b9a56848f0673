//! WeChat Pay's callbacks. The answer is the protocol's: 204 after the commit, otherwise
//! `{"code":"FAIL","message":…}` with a status that makes WeChat Pay send the message again.

use super::{SingleHeaders, count_refused, refusal};
use crate::{
    base::http::{ApiError, raw_body},
    payments::{
        Payments, ReceiveError,
        gateway::{Provider, RawNotification},
    },
};
use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::StatusCode,
    post,
    web::{Data, Path, Payload},
};
use serde_json::json;

/// The answers to a message, as the document lists them.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "describes the answers; nothing is made of it")]
enum WechatPayAnswers {
    #[response(status = 204, description = "Committed")]
    Committed,
    #[response(status = 400, description = "The body is incomplete, or no gzip though it says so")]
    Incomplete,
    #[response(status = 401, description = "Refused: `{\"code\":\"FAIL\"}`")]
    Refused,
    #[response(status = 404, description = "No such callback")]
    NoSuchCallback,
    #[response(status = 408, description = "The body was not complete within 10 s")]
    Late,
    #[response(status = 413, description = "Over 64 KiB, as sent or unpacked")]
    TooLarge,
    #[response(status = 415, description = "Compressed otherwise than by gzip")]
    Compressed,
    #[response(status = 500, description = "Not committed: send it again")]
    NotCommitted,
    #[response(status = 503, description = "The provider's keys are not known yet: send it again")]
    NoKeys,
}

/// WeChat Pay's messages about payments, signed and encrypted by its protocol.
#[utoipa::path(
    tag = "providers",
    params(("school" = String, Path, description = "The school's code")),
    request_body(content = String, description = "As WeChat Pay API v3 sends it"),
    responses(WechatPayAnswers)
)]
#[post("/callbacks/{school}/wechat-pay/transactions")]
pub(super) async fn transactions(
    request: HttpRequest,
    school: Path<String>,
    payload: Payload,
    payments: Data<Payments>,
) -> HttpResponse {
    take(&request, &school, payload, (&payments, Address::Payments)).await
}

/// WeChat Pay's messages about refunds, signed and encrypted likewise. A payment's message is refused here.
#[utoipa::path(
    tag = "providers",
    params(("school" = String, Path, description = "The school's code")),
    request_body(content = String, description = "As WeChat Pay API v3 sends it"),
    responses(WechatPayAnswers)
)]
#[post("/callbacks/{school}/wechat-pay/refunds")]
pub(super) async fn refunds(
    request: HttpRequest,
    school: Path<String>,
    payload: Payload,
    payments: Data<Payments>,
) -> HttpResponse {
    take(&request, &school, payload, (&payments, Address::Refunds)).await
}

/// Which messages arrive at an address.
enum Address {
    Payments,
    Refunds,
}

async fn take(
    request: &HttpRequest,
    school: &str,
    payload: Payload,
    (payments, address): (&Payments, Address),
) -> HttpResponse {
    let headers = SingleHeaders(request.headers());
    let callback = match payments.open_callback(school, Provider::WechatPay, &headers).await {
        Ok(callback) => match address {
            Address::Payments => callback,
            Address::Refunds => callback.of_refunds(),
        },
        Err(error) => return refused(&error),
    };
    let body = match raw_body(request.headers(), payload.into_inner()).await {
        Ok(body) => body,
        Err(error) => return unreadable(&error),
    };
    let raw = RawNotification { headers: &headers, body: &body };
    let received = payments.receive(&callback, &raw).await;
    received.map_or_else(|error| refused(&error), |()| HttpResponse::NoContent().finish())
}

/// The body is too long, late, compressed in another way, or incomplete.
fn unreadable(error: &ApiError) -> HttpResponse {
    fail(error.status_code(), "unreadable")
}

fn refused(error: &ReceiveError) -> HttpResponse {
    let (status, message) = refusal(error);
    fail(status, message)
}

/// The protocol's form, also for a body that is over the limit or incomplete.
fn fail(status: StatusCode, message: &'static str) -> HttpResponse {
    count_refused(status);
    HttpResponse::build(status).json(json!({ "code": "FAIL", "message": message }))
}
