//! WeChat Pay's door. The answer is the protocol's: 204 once the commit is done, otherwise
//! `{"code":"FAIL","message":…}` with a status that makes the provider come again.

use super::{ReceiveError, TopUps};
use crate::{
    base::http::{ApiError, RawBody},
    orders::gateway::{Headers, NotificationRefused, RawNotification},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::HeaderMap},
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
        (status = 500, description = "Not committed: come again"),
        (status = 503, description = "The provider's keys are not known yet: come again"),
    )
)]
#[post("/callbacks/{school}/wechat-pay/transactions")]
pub async fn wechat_pay(
    request: HttpRequest,
    school: Path<String>,
    body: Result<RawBody, ApiError>,
    topups: Data<TopUps>,
) -> HttpResponse {
    let Ok(RawBody(body)) = body else { return fail(StatusCode::PAYLOAD_TOO_LARGE, "unreadable") };
    let raw = RawNotification { headers: &Single(request.headers()), body: &body };
    match topups.receive(&school, &raw).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(error) => refusal(&error),
    }
}

/// The reason goes to the log; the sender learns only that it must, or need not, come again.
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

/// The protocol's form, also for a body that is over the limit or was broken off.
fn fail(status: StatusCode, message: &'static str) -> HttpResponse {
    let verdict = if status.is_server_error() { "failed" } else { "refused" };
    metrics::counter!("onecard_callbacks_total", "verdict" => verdict).increment(1);
    HttpResponse::build(status).json(json!({ "code": "FAIL", "message": message }))
}

#[derive(Debug)]
struct Single<'a>(&'a HeaderMap);

impl Headers for Single<'_> {
    // By comparing: a look-up by text would make a name of its own first.
    fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(known, _)| known.as_str() == name);
        let (_, only) = values.next()?;
        if values.next().is_some() { None } else { only.to_str().ok() }
    }
}
