//! Adjustments that staff ask for and decide.

use super::requests::{RejectRequest, RequestPage, RequestView};
use crate::{
    adjustments::Adjustment,
    approvals::{Approval, ApprovalId, ApprovalQuery},
    base::{
        clock::Timestamp,
        http::{ApiError, IdempotencyKey, ValidJson, not_blank, problem::Problem},
        ids::PersonId,
    },
    staff::{
        PeopleDesk,
        guard::{AskAdjustment, DecideAdjustment, May, ReadAdjustments},
    },
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use garde::Validate;
use serde::{Deserialize, Serialize};

/// A request to adjust what a person has.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct NewAdjustment {
    /// What the person gets, in fen; below zero for what is taken. At most ¥1,000 at a time.
    #[garde(range(min = -100_000, max = 100_000))]
    change_fen: i64,
    /// Why, for whoever decides.
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
    /// What the person had when it was shown: if it is another sum by now, nothing is asked for.
    #[garde(skip)]
    seen_balance_fen: Option<i64>,
}

/// An approval of what was shown.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct ApproveAdjustment {
    /// A remark for the audit log.
    #[garde(inner(custom(not_blank), length(chars, max = 200)))]
    reason: Option<String>,
    /// What the person had when it was shown: if it is another sum by now, nothing is approved.
    #[garde(skip)]
    seen_balance_fen: Option<i64>,
}

/// A request to adjust what a person has.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct AdjustmentView {
    #[serde(flatten)]
    request: RequestView,
    #[schema(value_type = uuid::Uuid)]
    person_id: PersonId,
    /// What the person gets; below zero for what is taken.
    change_fen: i64,
}

/// A page of requests.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct AdjustmentList {
    items: Vec<AdjustmentView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// Asks that what a person has be raised or lowered, which another person must approve within seven days. Nothing
/// is posted. The roles `card_office` and `finance` may.
#[utoipa::path(tag = "staff", request_body = NewAdjustment, security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The person"),
        ("Idempotency-Key" = String, Header, description = "1 to 64 visible ASCII characters")),
    responses((status = 201, body = AdjustmentView),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`, `own_money`",
            body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_open` (`approval` names it), `balance_changed`, \
            `balance_short` with `short_fen`", body = Problem)))]
#[post("/people/{id}/adjust")]
pub(super) async fn ask(
    member: May<AskAdjustment>,
    id: Path<PersonId>,
    key: IdempotencyKey,
    body: ValidJson<NewAdjustment>,
    desk: Data<PeopleDesk>,
) -> Result<HttpResponse, ApiError> {
    let NewAdjustment { change_fen, reason, seen_balance_fen } = body.into_inner();
    let adjustment = Adjustment { school: member.school, person: id.into_inner(), change_fen };
    let why = (&*reason, key.as_str());
    let asked = desk.ask_adjustment(&member, &adjustment, seen_balance_fen, why).await?;
    Ok(HttpResponse::Created().json(view(asked, desk.clock.now())))
}

/// Requests of the school, newest first. The roles `card_office`, `finance` and `auditor` may.
#[utoipa::path(tag = "staff", params(ApprovalQuery, RequestPage), security(("staff" = [])),
    responses((status = 200, body = AdjustmentList), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
#[get("/adjustments")]
pub(super) async fn list(
    member: May<ReadAdjustments>,
    which: Query<ApprovalQuery>,
    page: Query<RequestPage>,
    desk: Data<PeopleDesk>,
) -> Result<Json<AdjustmentList>, ApiError> {
    let (size, page) = page.into_inner().parts();
    let found = desk.adjustments(&member, &which, page).await?;
    let (found, next_cursor) = size.page(found, |one| one.id.to_string());
    let now = desk.clock.now();
    let items = found.into_iter().map(|approval| view(approval, now)).collect();
    Ok(Json(AdjustmentList { items, next_cursor }))
}

/// A request to adjust what a person has.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = AdjustmentView), (status = 404, body = Problem)))]
#[get("/adjustments/{id}")]
pub(super) async fn show(
    member: May<ReadAdjustments>,
    id: Path<ApprovalId>,
    desk: Data<PeopleDesk>,
) -> Result<Json<AdjustmentView>, ApiError> {
    let found = desk.adjustment(&member, id.into_inner()).await?;
    Ok(Json(view(found, desk.clock.now())))
}

/// Approves a request: it is posted at once, and this cannot be undone. Another person than who asked, with the
/// role `finance`.
#[utoipa::path(tag = "staff", request_body = ApproveAdjustment, security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = AdjustmentView),
        (status = 403, description = "`second_person_needed`, `not_independent`, \
            `staff_right_missing`, `second_factor_needed`, `own_money`", body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over` with `state`, `balance_changed`, \
            `balance_short` with `short_fen`: the request stays open", body = Problem)))]
#[post("/adjustments/{id}/approve")]
pub(super) async fn approve(
    member: May<DecideAdjustment>,
    id: Path<ApprovalId>,
    body: ValidJson<ApproveAdjustment>,
    desk: Data<PeopleDesk>,
) -> Result<Json<AdjustmentView>, ApiError> {
    let ApproveAdjustment { reason, seen_balance_fen } = body.into_inner();
    let why = (&*reason.unwrap_or_default(), seen_balance_fen);
    let decided = desk.approve_adjustment(&member, id.into_inner(), why).await?;
    Ok(Json(view(decided, desk.clock.now())))
}

/// Rejects a request. Another person than who asked, with the role `finance`, and not whose balance it is.
#[utoipa::path(tag = "staff", request_body = RejectRequest, security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = AdjustmentView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over` with `state`", body = Problem)))]
#[post("/adjustments/{id}/reject")]
pub(super) async fn reject(
    member: May<DecideAdjustment>,
    id: Path<ApprovalId>,
    body: ValidJson<RejectRequest>,
    desk: Data<PeopleDesk>,
) -> Result<Json<AdjustmentView>, ApiError> {
    let why = body.into_inner().reason;
    let decided = desk.reject_adjustment(&member, id.into_inner(), &why).await?;
    Ok(Json(view(decided, desk.clock.now())))
}

/// Takes one's own request back.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = AdjustmentView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over` with `state`", body = Problem)))]
#[post("/adjustments/{id}/withdraw")]
pub(super) async fn withdraw(
    member: May<AskAdjustment>,
    id: Path<ApprovalId>,
    desk: Data<PeopleDesk>,
) -> Result<Json<AdjustmentView>, ApiError> {
    let decided = desk.withdraw_adjustment(&member, id.into_inner()).await?;
    Ok(Json(view(decided, desk.clock.now())))
}

fn view(approval: Approval, now: Timestamp) -> AdjustmentView {
    let change_fen = Adjustment::of(&approval).map_or(0, |adjustment| adjustment.change_fen);
    let person_id = PersonId::from_uuid(approval.subject);
    AdjustmentView { person_id, change_fen, request: RequestView::of(approval, now) }
}
