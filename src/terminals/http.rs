//! The terminals' configuration over HTTP, and the errors of authentication.

use super::{
    Call, Terminals, call::TerminalAuthError, config::ConfigView, guard, seq::StoredResponse,
};
use crate::base::http::{
    ApiError, Principal,
    problem::{Problem, ProblemKind, UNAVAILABLE, problem_kinds},
    signature::SignatureError,
};
use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH},
    },
    middleware::from_fn,
    web::Data,
};
use std::{sync::Arc, time::Duration};
use utoipa_actix_web::{scope, service_config::ServiceConfig};

problem_kinds! {
    STALE = "signature_stale", 401, "终端时间有误，请校准后重试";
    INVALID = "signature_invalid", 401, "终端签名无效";
}

problem_kinds! {
    /// The sequence number was used for another request. Not stored: the stored answer is kept.
    SEQ_CONFLICT = "seq_conflict", 409, "终端流水号已用于其他交易";
    SLOWED = "terminal_slowed", 429, "无效付款码过多，请稍后再试";
}

/// The error for a number that was used for another request.
pub fn seq_conflict() -> ApiError {
    ApiError::new(SEQ_CONFLICT)
}

/// The error of a terminal that read too many wrong codes.
pub fn slowed(retry_after: Duration) -> ApiError {
    ApiError::new(SLOWED).retry_after(retry_after)
}

/// Returns the stored answer, byte for byte.
pub fn respond(answer: StoredResponse) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = if answer.status < 400 { "application/json" } else { "application/problem+json" };
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type(json)
        .body(answer.body)
}

/// Mounts the paths of terminals, including those that `acts` mounts for the journeys, behind the
/// guard; needs `Data<Terminals>`.
pub fn configure(acts: fn(&mut ServiceConfig<'_>)) -> impl FnOnce(&mut ServiceConfig<'_>) {
    move |config| {
        let scope = scope::scope("/terminal/v1").wrap(from_fn(guard::authenticate));
        config.service(scope.service(show_config).configure(acts));
    }
}

/// The error for a nonce that was used under another signature, as found when deciding by number.
pub fn nonce_reused() -> ApiError {
    refused(INVALID, &TerminalAuthError::Replayed)
}

/// The error of a terminal that was withdrawn after its request was accepted: that of one which is not known.
pub fn withdrawn() -> ApiError {
    refused(INVALID, &SignatureError::Key.into())
}

/// Maps authentication errors to one problem document, except wrong times: an unauthenticated
/// caller is not told the reason, which is only logged.
pub(super) fn auth_problem(error: &TerminalAuthError, terminals: &Terminals) -> ApiError {
    let kind = match error {
        TerminalAuthError::Db(error) => {
            tracing::error!(%error, "a terminal could not be looked up");
            let counted = "onecard_terminal_requests_refused_total";
            metrics::counter!(counted, "code" => UNAVAILABLE.code).increment(1);
            return ApiError::new(UNAVAILABLE);
        }
        TerminalAuthError::Signature(SignatureError::Stale) => STALE,
        TerminalAuthError::Signature(_) | TerminalAuthError::Replayed => INVALID,
    };
    let refusal = refused(kind, error);
    if kind == STALE {
        refusal.member("server_time", terminals.clock.now().to_rfc3339())
    } else {
        refusal
    }
}

fn refused(kind: ProblemKind, why: &TerminalAuthError) -> ApiError {
    tracing::info!(reason = %why, "a terminal's request was refused");
    metrics::counter!("onecard_terminal_requests_refused_total", "code" => kind.code).increment(1);
    ApiError::new(kind)
}

/// The configuration of the terminal: time, last number, rules.
///
/// The entity tag covers everything but the time. Each nonce can be used once.
#[utoipa::path(
    tag = "terminals",
    security(("terminal" = [])),
    params(("If-None-Match" = Option<String>, Header, description = "The entity tag of before")),
    responses(
        (status = 200, description = "The configuration", body = ConfigView,
         headers(("ETag" = String, description = "Of everything but the time"))),
        (status = 304, description = "As before; the time is in `Date`"),
        (status = 401, description = "`signature_invalid`, or `signature_stale` with `server_time`",
         body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/config")]
async fn show_config(
    terminals: Data<Terminals>,
    call: Principal<Arc<Call>>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let config = terminals.config(&call).await.map_err(|error| auth_problem(&error, &terminals))?;
    let tag = config.entity_tag().map_err(|error| ApiError::internal(&error))?;
    if knows(&request, &tag) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, tag)).finish());
    }
    Ok(HttpResponse::Ok().insert_header((ETAG, tag)).json(config))
}

/// Whether `If-None-Match` contains this entity tag.
fn knows(request: &HttpRequest, tag: &str) -> bool {
    let strong = tag.trim_start_matches("W/");
    let lines = request.headers().get_all(IF_NONE_MATCH).filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.trim_start_matches("W/") == strong)
}
