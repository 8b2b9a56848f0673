//! Days of bills that finance has compared again or closes by hand.

use super::bills::{BillDayView, day_view};
use crate::{
    base::{
        clock::{Day, Timestamp},
        http::{
            ApiError, ValidJson,
            problem::{self, Problem, problem_kinds},
        },
    },
    orders::fact::Provider,
    reconciliation::{BillError, ReconcileError},
    staff::{
        BillDesk,
        guard::{CloseBills, CompareBills, May},
    },
};
use actix_web::{
    post,
    web::{Data, Json, Path},
};
use garde::Validate;
use serde::Deserialize;

problem_kinds! {
    BILL_TOO_EARLY = "bill_too_early", 409, "当天的账单要到次日 10:00 以后才有";
    BILL_NOT_READY = "bill_not_ready", 409, "支付平台还没有生成账单，请稍后再试";
    BILL_BEING_COMPARED = "bill_being_compared", 409, "这一天正在核对，请稍后再看";
    COMPARED_JUST_NOW = "compared_just_now", 429, "刚刚核对过，请 10 秒后再试";
    BILL_DAY_DIFFERS = "bill_day_differs", 409, "还有差异没有处理，不能关闭";
    BILL_DAY_CHANGED = "bill_day_changed", 409, "这一天的账刚有变化，请看清现在的数字再提交";
}

/// A day to be closed.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct CloseDayRequest {
    /// `compared_at` of the day as it was seen, as text.
    #[garde(length(bytes, max = 40))]
    compared_at: String,
}

/// Fetches the bill of a day and compares it with our books, now. It takes as long as the provider needs. The role
/// `finance` may.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("provider" = String, Path, description = "As a day of bills names it"),
        ("date" = String, Path, description = "The day in Beijing, as in `2026-11-28`")),
    responses((status = 200, body = BillDayView), (status = 403, body = Problem),
        (status = 404, description = "The school has no such provider", body = Problem),
        (status = 409, description = "`bill_too_early`, `bill_not_ready`, `bill_being_compared`,
            `bill_day_changed`",
            body = Problem),
        (status = 429, description = "`compared_just_now`", body = Problem),
        (status = 503, description = "`provider_unavailable`", body = Problem)))]
#[post("/reconciliation/{provider}/{date}/run")]
pub(super) async fn run(
    member: May<CompareBills>,
    of: Path<(String, String)>,
    desk: Data<BillDesk>,
) -> Result<Json<BillDayView>, ApiError> {
    Ok(Json(day_view(Box::pin(desk.compare_now(&member, day_of(&of)?)).await?)))
}

/// Closes a day by hand in which nothing differs: it says who looked. Nothing is forbidden by it: a late row opens
/// the day again. A repeat by the same login is the same. The role `finance` may.
#[utoipa::path(tag = "staff", request_body = CloseDayRequest, security(("staff" = [])),
    params(("provider" = String, Path, description = "As a day of bills names it"),
        ("date" = String, Path, description = "The day in Beijing, as in `2026-11-28`")),
    responses((status = 200, body = BillDayView),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`",
            body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`bill_day_differs`, `bill_day_changed`", body = Problem)))]
#[post("/reconciliation/{provider}/{date}/close")]
pub(super) async fn close(
    member: May<CloseBills>,
    of: Path<(String, String)>,
    body: ValidJson<CloseDayRequest>,
    desk: Data<BillDesk>,
) -> Result<Json<BillDayView>, ApiError> {
    let seen = Timestamp::parse_rfc3339(&body.into_inner().compared_at);
    let seen =
        seen.map_err(|_| ApiError::new(problem::INVALID).field("/compared_at", "不是时间"))?;
    Ok(Json(day_view(desk.close_day(&member, day_of(&of)?, seen).await?)))
}

/// The provider and the day that a path names.
fn day_of((provider, day): &(String, String)) -> Result<(Provider, Day), ApiError> {
    let provider = Provider::from_code(provider);
    provider.zip(day.parse().ok()).ok_or(ApiError::new(problem::NOT_FOUND))
}

impl From<ReconcileError> for ApiError {
    fn from(error: ReconcileError) -> Self {
        match error {
            ReconcileError::NoSuchProvider => Self::new(problem::NOT_FOUND),
            ReconcileError::TooEarly(_) => Self::new(BILL_TOO_EARLY),
            ReconcileError::Bill(BillError::NotReady) => Self::new(BILL_NOT_READY),
            ReconcileError::Busy => Self::new(BILL_BEING_COMPARED),
            ReconcileError::JustCompared => Self::new(COMPARED_JUST_NOW),
            ReconcileError::StillDiffers(open) => Self::new(BILL_DAY_DIFFERS).member("open", open),
            ReconcileError::Overtaken | ReconcileError::Changed => Self::new(BILL_DAY_CHANGED),
            ReconcileError::Bill(error) => {
                tracing::warn!(%error, "a bill was not compared");
                Self::new(problem::PROVIDER_UNAVAILABLE)
            }
            ReconcileError::Row(_)
            | ReconcileError::Batch(_)
            | ReconcileError::CutOff
            | ReconcileError::Db(_) => Self::internal(&error),
        }
    }
}
