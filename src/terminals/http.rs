//! What every terminal may ask for, and how a request that is nobody's is refused.

use super::{Call, Terminals, call::TerminalAuthError, config::ConfigView, guard};
use crate::base::http::{
    ApiError, Principal,
    problem::{Problem, ProblemKind},
    signature::SignatureError,
};
use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{ETAG, IF_NONE_MATCH},
    middleware::from_fn,
    web::Data,
};
use std::sync::Arc;
use utoipa_actix_web::{scope, service_config::ServiceConfig};

const STALE: ProblemKind =
    ProblemKind {
        code: "signature_stale", status: 401, title: "终端时间有误，请校准后重试"
    };
const INVALID: ProblemKind =
    ProblemKind { code: "signature_invalid", status: 401, title: "终端签名无效" };

/// Mounts the paths of terminals, and below the same guard those of the journeys that `acts` mounts;
/// needs `Data<Terminals>`.
pub fn configure(acts: fn(&mut ServiceConfig<'_>)) -> impl FnOnce(&mut ServiceConfig<'_>) {
    move |config| {
        let scope = scope::scope("/terminal/v1").wrap(from_fn(guard::authenticate));
        config.service(scope.service(show_config).configure(acts));
    }
}

/// A nonce that was used under another signature, found where the number is decided.
pub fn nonce_reused() -> ApiError {
    refused(INVALID, &TerminalAuthError::Replayed)
}

/// One refusal for everything but the time: who signs wrongly is not told what is wrong. The log
/// is.
pub(super) fn auth_problem(error: &TerminalAuthError, terminals: &Terminals) -> ApiError {
    let kind = match error {
        TerminalAuthError::Db(error) => return ApiError::internal(error),
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
    tracing::info!(reason = %why, "a terminal's request is refused");
    metrics::counter!("onecard_terminal_requests_refused_total", "code" => kind.code).increment(1);
    ApiError::new(kind)
}

/// What a terminal must know: time, last number, rules.
///
/// The entity tag stands for everything but the time. A nonce is good once.
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

/// Whether the client has what that entity tag stands for.
fn knows(request: &HttpRequest, tag: &str) -> bool {
    let strong = tag.trim_start_matches("W/");
    let lines = request.headers().get_all(IF_NONE_MATCH).filter_map(|line| line.to_str().ok());
    let mut tags = lines.flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.trim_start_matches("W/") == strong)
}
