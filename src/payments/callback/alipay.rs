//! Alipay's notifications. The answer is the protocol's, always 200: the seven bytes `success` after the
//! commit, otherwise `fail`, upon which Alipay sends the message again for a day.

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
        (
            status = 200,
            body = String,
            content_type = "text/plain",
            description = "`success`: committed. `fail`: refused, or not committed; sent again",
        ),
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
    let received = payments.receive(&callback, &raw).await;
    received.map_or_else(|error| fail(refusal(&error).0), |()| answer("success"))
}

fn fail(status: StatusCode) -> HttpResponse {
    count_refused(status);
    answer("fail")
}

fn answer(word: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::plaintext()).body(word)
}
