//! WeChat Pay's callbacks. The answer is the protocol's: 204 after the commit, otherwise
//! `{"code":"FAIL","message":…}` with a status that makes WeChat Pay send the message again.

use super::SingleHeaders;
use crate::{
    base::http::{ApiError, RawBody},
    payments::{
        Payments, ReceiveError,
        gateway::{NotificationRefused, Provider, RawNotification},
    },
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    post,
    web::{Data, Path},
};
use serde_json::json;

/// WeChat Pay's messages about payments, signed and encrypted by its protocol.
#[utoipa::path(
    tag = "providers",
    params(("school" = String, Path, description = "The school's code")),
    request_body(content = String, description = "As WeChat Pay API v3 sends it"),
    responses(
        (status = 204, description = "Committed"),
        (status = 401, description = "Refused: `{\"code\":\"FAIL\"}`"),
        (status = 404, description = "No such callback"),
        (status = 413, description = "Over 64 KiB"),
        (status = 500, description = "Not committed: send it again"),
        (status = 503, description = "The provider's keys are not known yet: send it again"),
    )
)]
#[post("/callbacks/{school}/wechat-pay/transactions")]
pub(super) async fn transactions(
    request: HttpRequest,
    school: Path<String>,
    body: Result<RawBody, ApiError>,
    payments: Data<Payments>,
) -> HttpResponse {
    let Ok(RawBody(body)) = body else { return fail(StatusCode::PAYLOAD_TOO_LARGE, "unreadable") };
    let raw = RawNotification { headers: &SingleHeaders(request.headers()), body: &body };
    match payments.receive(&school, Provider::WechatPay, &raw).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(error) => refusal(&error),
    }
}

/// Logs the reason; the sender is told only whether to send it again.
fn refusal(error: &ReceiveError) -> HttpResponse {
    let (status, message) = match error {
        ReceiveError::NoSuchCallback => (StatusCode::NOT_FOUND, "no such callback"),
        ReceiveError::Refused(NotificationRefused::NoKeys) => {
            tracing::error!("a callback came before any key was known");
            (StatusCode::SERVICE_UNAVAILABLE, "try again")
        }
        ReceiveError::Refused(why) => {
            tracing::warn!(%why, "a callback was refused");
            (StatusCode::UNAUTHORIZED, "refused")
        }
        ReceiveError::Settle(why) => {
            tracing::error!(error = %why, "a callback was not settled");
            (StatusCode::INTERNAL_SERVER_ERROR, "try again")
        }
        ReceiveError::Db(why) => {
            tracing::error!(error = %why, "a callback was not settled");
            (StatusCode::INTERNAL_SERVER_ERROR, "try again")
        }
    };
    fail(status, message)
}

/// The protocol's form, also for a body that is over the limit or incomplete.
fn fail(status: StatusCode, message: &'static str) -> HttpResponse {
    let verdict = if status.is_server_error() { "failed" } else { "refused" };
    metrics::counter!("onecard_callbacks_total", "verdict" => verdict).increment(1);
    HttpResponse::build(status).json(json!({ "code": "FAIL", "message": message }))
}
