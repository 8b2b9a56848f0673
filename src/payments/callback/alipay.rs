//! Alipay's notifications. The answer is the protocol's: the seven bytes `success` after the commit,
//! otherwise `fail`, upon which Alipay sends the message again for a day.

use super::{SingleHeaders, count_refused, refusal};
use crate::{
    base::http::raw_body,
    payments::{
        Payments,
        gateway::{Provider, RawNotification},
    },
};
use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{StatusCode, header::ContentType},
    post,
    web::{Data, Path, Payload},
};

/// Alipay's messages about trades, signed by its protocol. Parameters in the query are not signed and
/// not read.
#[utoipa::path(
    tag = "providers",
    params(("school" = String, Path, description = "The school's code")),
    request_body(content = String, description = "The form that Alipay sends, UTF-8 or GBK"),
    responses(
        (status = 200, body = String, content_type = "text/plain", description = "`success`: committed"),
        (status = 400, description = "`fail`: the body is incomplete"),
        (status = 401, description = "`fail`: refused"),
        (status = 404, description = "`fail`: no such callback"),
        (status = 408, description = "`fail`: the body was not complete within 10 s"),
        (status = 413, description = "`fail`: over 64 KiB"),
        (status = 415, description = "`fail`: compressed otherwise than by gzip"),
        (status = 500, description = "`fail`: not committed, send it again"),
    )
)]
#[post("/callbacks/{school}/alipay")]
pub(super) async fn notifications(
    request: HttpRequest,
    school: Path<String>,
    payload: Payload,
    payments: Data<Payments>,
) -> HttpResponse {
    let headers = SingleHeaders(request.headers());
    let callback = match payments.open_callback(&school, Provider::Alipay, &headers).await {
        Ok(callback) => callback,
        Err(error) => return fail(refusal(&error).0),
    };
    let body = match raw_body(request.headers(), payload.into_inner()).await {
        Ok(body) => body,
        Err(error) => return fail(error.status_code()),
    };
    let raw = RawNotification { headers: &headers, body: &body };
    match payments.receive(&callback, &raw).await {
        Ok(()) => answer(StatusCode::OK, "success"),
        Err(error) => fail(refusal(&error).0),
    }
}

fn fail(status: StatusCode) -> HttpResponse {
    count_refused(status);
    answer(status, "fail")
}

fn answer(status: StatusCode, word: &'static str) -> HttpResponse {
    HttpResponse::build(status).content_type(ContentType::plaintext()).body(word)
}
