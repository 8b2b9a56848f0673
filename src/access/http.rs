//! Decisions of doors and desks over HTTP.

use super::{Access, AccessError, decide::AccessView};
use crate::{
    base::http::{
        ApiError, Principal, ValidJson,
        problem::{Problem, UNAVAILABLE},
    },
    terminals::{self, DoorCall, seq::SentSeq},
};
use actix_web::{HttpResponse, post, web::Data};
use garde::Validate;
use serde::Deserialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts this route below those of terminals; needs `Data<Access>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(ask);
}

/// A code that was read at a door or a desk.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
struct NewAccess {
    /// The terminal's sequence number: 1 to 2⁶² − 1.
    #[garde(skip)]
    #[schema(value_type = i64, minimum = 1, maximum = 4_611_686_018_427_387_903_i64)]
    seq: SentSeq,
    /// The text that the scanner read.
    #[garde(skip)]
    code: String,
}

/// Asks whether a door may open, or at a library's desk who the reader is.
///
/// Each `seq` is decided once; repeating it with the same body returns the same answer. A decision is
/// always 200. Whatever is not a decision does not open a door.
#[utoipa::path(
    tag = "terminals",
    security(("terminal" = [])),
    request_body = NewAccess,
    responses(
        (status = 200, description = "Decided: `reason` is `code_invalid`, `code_clock_skew`, \
         `code_wrong_purpose`, `code_used`, `account_lost`, `account_dormant`, `account_expired`, \
         `account_closed`, `right_missing` or `right_not_now`", body = AccessView),
        (status = 401, description = "`signature_invalid`, `signature_stale`", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "`terminal_kind_refused`", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "`seq_conflict`", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "`request_invalid`, `seq_out_of_range`", body = Problem,
         content_type = "application/problem+json"),
        (status = 429, description = "`terminal_slowed`; with `Retry-After`", body = Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "Not decided; the configuration says what the door does then",
         body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/access")]
async fn ask(
    door: Principal<DoorCall>,
    body: ValidJson<NewAccess>,
    access: Data<Access>,
) -> Result<HttpResponse, ApiError> {
    let NewAccess { seq, code } = body.into_inner();
    let answer = access.decide(&door, seq.in_range()?, &code).await?;
    Ok(terminals::http::respond(answer))
}

impl From<AccessError> for ApiError {
    fn from(why: AccessError) -> Self {
        match why {
            AccessError::Slowed { retry_after } => terminals::http::slowed(retry_after),
            AccessError::Conflict => terminals::http::seq_conflict(),
            AccessError::NonceReused => terminals::http::nonce_reused(),
            AccessError::Withdrawn => terminals::http::withdrawn(),
            AccessError::Late
            | AccessError::Unanswered
            | AccessError::Db(_)
            | AccessError::Sealed(_)
            | AccessError::Answer(_) => {
                tracing::error!(error = %why, "a door's request could not be decided");
                metrics::counter!("onecard_access_undecided_total").increment(1);
                Self::new(UNAVAILABLE)
            }
        }
    }
}
