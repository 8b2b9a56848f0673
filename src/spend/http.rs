//! Charges and reversals over HTTP, for tills.

use super::{ChargeView, NotDecided, PaidBy, ReversalView, Spending, TillCharge};
use crate::{
    base::{
        http::{
            ApiError, Principal, ValidJson,
            problem::{INVALID, NOT_FOUND, Problem, UNAVAILABLE, problem_kinds},
            request_id,
        },
        lane::LaneError,
        money::Fen,
    },
    terminals::{self, Till, seq::SentSeq},
};
use actix_web::{
    HttpResponse, post,
    web::{Data, Path},
};
use garde::Validate;
use serde::Deserialize;
use utoipa_actix_web::service_config::ServiceConfig;

problem_kinds! {
    NO_MERCHANT = "terminal_without_merchant", 403, "本终端未登记商户，不能收款";
}

/// Mounts these routes below those of terminals; needs `Data<Spending>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(charge).service(reverse);
}

/// A charge, by a code or by the password that a `password_required` answer asked for.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
struct NewCharge {
    /// The terminal's sequence number: 1 to 2⁶² − 1.
    #[garde(skip)]
    #[schema(value_type = i64, minimum = 1, maximum = 4_611_686_018_427_387_903_i64)]
    seq: SentSeq,
    /// The amount in fen: 1 to 10,000,000.
    #[garde(range(min = 1, max = 10_000_000))]
    amount_fen: i64,
    /// The text that the scanner read.
    #[garde(skip)]
    code: Option<String>,
    /// The challenge of a `password_required` answer; sent with the password instead of a code.
    #[garde(inner(length(bytes, min = 1, max = 64)))]
    challenge: Option<String>,
    /// The password as typed.
    #[garde(inner(length(bytes, min = 1, max = 64)))]
    password: Option<String>,
}

impl NewCharge {
    fn charge(self) -> Result<TillCharge, ApiError> {
        let invalid = |pointer| ApiError::new(INVALID).field(pointer, "须为付款码，或口令与密码");
        let amount = Fen::new(self.amount_fen).map_err(|_| invalid("/amount_fen"))?;
        let by = match (self.code, self.challenge, self.password) {
            (Some(code), None, None) => PaidBy::Code(code),
            (None, Some(challenge), Some(password)) => {
                PaidBy::Password { challenge, password: password.into() }
            }
            (None, Some(_), None) => return Err(invalid("/password")),
            (None, None, Some(_)) => return Err(invalid("/challenge")),
            (None, None, None) | (Some(_), _, _) => return Err(invalid("/code")),
        };
        Ok(TillCharge { seq: self.seq.in_range()?, amount, by })
    }
}

/// Charges a scanned code.
///
/// Each `seq` is decided once; repeating it with the same body returns the same answer.
#[utoipa::path(
    tag = "terminals",
    security(("terminal" = [])),
    request_body = NewCharge,
    responses(
        (status = 200, description = "Charged", body = ChargeView),
        (status = 401, description = "`signature_invalid`, `signature_stale`", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "`terminal_kind_refused`, `terminal_without_merchant`",
         body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`code_used`, `seq_conflict`, or `password_required` with \
         `challenge` and `which`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`code_invalid`, `code_clock_skew`, `code_wrong_purpose`, \
         `account_lost`, `account_dormant`, `account_expired`, `account_closed`, \
         `account_in_debt`, `balance_insufficient`, `limit_meal`, `limit_day`, \
         `charge_reversed`, `challenge_invalid`, `password_wrong`, `request_invalid`, \
         `seq_out_of_range`",
         body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`terminal_slowed`, `too_many_tries`; with `Retry-After`",
         body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/charges")]
async fn charge(
    till: Principal<Till>,
    body: ValidJson<NewCharge>,
    spending: Data<Spending>,
) -> Result<HttpResponse, ApiError> {
    let wanted = body.into_inner().charge()?;
    let answer = spending.charge(&till, wanted, request_id::current()).await?;
    Ok(terminals::http::respond(answer))
}

/// Reverses the charge with this number, once and within the school's window.
///
/// If there is no charge yet, a later charge with this number is refused.
#[utoipa::path(
    tag = "terminals",
    security(("terminal" = [])),
    params(("seq" = i64, Path, description = "The number of the charge", minimum = 1,
     maximum = 4_611_686_018_427_387_903_i64)),
    responses(
        (status = 200, description = "Taken back, or never made", body = ReversalView),
        (status = 401, description = "`signature_invalid`, `signature_stale`", body = Problem,
         content_type = "application/problem+json"),
        (status = 403, description = "`terminal_kind_refused`", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "`reversal_too_late`, `seq_out_of_range`", body = Problem,
         content_type = "application/problem+json"),
    )
)]
#[post("/charges/{seq}/reversal")]
async fn reverse(
    till: Principal<Till>,
    seq: Path<String>,
    spending: Data<Spending>,
) -> Result<HttpResponse, ApiError> {
    let seq = SentSeq::of_path(&seq).ok_or(ApiError::new(NOT_FOUND))?.in_range()?;
    let answer = spending.reverse(&till, seq, request_id::current()).await?;
    Ok(terminals::http::respond(answer))
}

impl From<NotDecided> for ApiError {
    fn from(why: NotDecided) -> Self {
        match why {
            NotDecided::NoMerchant => Self::new(NO_MERCHANT),
            NotDecided::Slowed { retry_after } => terminals::http::slowed(retry_after),
            NotDecided::Conflict => terminals::http::seq_conflict(),
            NotDecided::NonceReused => terminals::http::nonce_reused(),
            NotDecided::Withdrawn => terminals::http::withdrawn(),
            NotDecided::Password(fault) => fault.into(),
            NotDecided::Late | NotDecided::Charge(LaneError::Unavailable | LaneError::Ended) => {
                Self::new(UNAVAILABLE)
            }
            NotDecided::Charge(error @ LaneError::Failed(_)) => Self::internal(&error),
            NotDecided::Db(error) => Self::internal(&error),
        }
    }
}
