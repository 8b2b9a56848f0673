//! Query passwords that are reset by two members of staff.

use super::requests::{ApproveRequest, RejectRequest, RequestPage, RequestView};
use crate::{
    approvals::{Approval, ApprovalId, ApprovalQuery},
    base::{
        clock::Timestamp,
        http::{ApiError, IdempotencyKey, ValidJson, not_blank, problem::Problem},
        ids::PersonId,
    },
    staff::{
        PeopleDesk,
        guard::{May, ReadPasswordResets, ResetPassword},
    },
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use garde::Validate;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

/// A request to reset a password.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct NewPasswordReset {
    /// Why, and how it was seen who it is.
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// A request to reset a person's query password.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PasswordResetView {
    #[serde(flatten)]
    request: RequestView,
    #[schema(value_type = uuid::Uuid)]
    person_id: PersonId,
    /// In the answer to who approves, once; `null` at any other time.
    slip: Option<SlipView>,
}

/// What is written on the slip.
#[derive(Serialize, utoipa::ToSchema)]
struct SlipView {
    /// Eight digits.
    query_password: String,
    /// From then on it is not accepted.
    #[schema(value_type = String, format = DateTime)]
    valid_until: Timestamp,
}

/// A page of requests.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PasswordResetList {
    items: Vec<PasswordResetView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// Asks that a person's query password be reset, which another member of the card office must approve within
/// seven days. The role `card_office` may.
#[utoipa::path(tag = "staff", request_body = NewPasswordReset, security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The person"),
        ("Idempotency-Key" = String, Header, description = "1 to 64 visible ASCII characters")),
    responses((status = 201, body = PasswordResetView),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`, `own_card`",
            body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_open` (`approval` names it)", body = Problem)))]
#[post("/people/{id}/password-reset")]
pub(super) async fn ask(
    member: May<ResetPassword>,
    id: Path<PersonId>,
    key: IdempotencyKey,
    body: ValidJson<NewPasswordReset>,
    desk: Data<PeopleDesk>,
) -> Result<HttpResponse, ApiError> {
    let (reason, person) = (body.into_inner().reason, id.into_inner());
    let asked = desk.ask_reset(&member, person, (&reason, key.as_str())).await?;
    Ok(HttpResponse::Created().json(view(asked, desk.clock.now())))
}

/// Requests of the school, newest first. The role `card_office` may.
#[utoipa::path(tag = "staff", params(ApprovalQuery, RequestPage), security(("staff" = [])),
    responses((status = 200, body = PasswordResetList), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
#[get("/password-resets")]
pub(super) async fn list(
    member: May<ReadPasswordResets>,
    which: Query<ApprovalQuery>,
    page: Query<RequestPage>,
    desk: Data<PeopleDesk>,
) -> Result<Json<PasswordResetList>, ApiError> {
    let (size, page) = page.into_inner().parts();
    let found = desk.reset_requests(&member, &which, page).await?;
    let (found, next_cursor) = size.page(found, |one| one.id.to_string());
    let now = desk.clock.now();
    let items = found.into_iter().map(|approval| view(approval, now)).collect();
    Ok(Json(PasswordResetList { items, next_cursor }))
}

/// A request to reset a password.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = PasswordResetView), (status = 404, body = Problem)))]
#[get("/password-resets/{id}")]
pub(super) async fn show(
    member: May<ReadPasswordResets>,
    id: Path<ApprovalId>,
    desk: Data<PeopleDesk>,
) -> Result<Json<PasswordResetView>, ApiError> {
    let found = desk.reset_request(&member, id.into_inner()).await?;
    Ok(Json(view(found, desk.clock.now())))
}

/// Approves a request: the answer has the slip, once. It binds or signs in once within 24 hours, and must be changed
/// before anything else; the old password and the default are not accepted any more, and the person's sessions end.
#[utoipa::path(tag = "staff", request_body = ApproveRequest, security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = PasswordResetView),
        (status = 403, description = "`second_person_needed`, `not_independent`, \
            `staff_right_missing`, `second_factor_needed`, `own_card`", body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over` with `state`", body = Problem)))]
#[post("/password-resets/{id}/approve")]
pub(super) async fn approve(
    member: May<ResetPassword>,
    id: Path<ApprovalId>,
    body: ValidJson<ApproveRequest>,
    desk: Data<PeopleDesk>,
) -> Result<Json<PasswordResetView>, ApiError> {
    let why = body.into_inner().reason.unwrap_or_default();
    let (decided, slip) = desk.approve_reset(&member, id.into_inner(), &why).await?;
    let slip = slip.map(|(password, valid_until)| SlipView {
        query_password: password.expose_secret().to_owned(),
        valid_until,
    });
    Ok(Json(PasswordResetView { slip, ..view(decided, desk.clock.now()) }))
}

/// Rejects a request. Another person than who asked, with the role `card_office`.
#[utoipa::path(tag = "staff", request_body = RejectRequest, security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = PasswordResetView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over` with `state`", body = Problem)))]
#[post("/password-resets/{id}/reject")]
pub(super) async fn reject(
    member: May<ResetPassword>,
    id: Path<ApprovalId>,
    body: ValidJson<RejectRequest>,
    desk: Data<PeopleDesk>,
) -> Result<Json<PasswordResetView>, ApiError> {
    let why = body.into_inner().reason;
    let decided = desk.reject_reset(&member, id.into_inner(), &why).await?;
    Ok(Json(view(decided, desk.clock.now())))
}

/// Takes one's own request back.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = PasswordResetView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over` with `state`", body = Problem)))]
#[post("/password-resets/{id}/withdraw")]
pub(super) async fn withdraw(
    member: May<ResetPassword>,
    id: Path<ApprovalId>,
    desk: Data<PeopleDesk>,
) -> Result<Json<PasswordResetView>, ApiError> {
    let decided = desk.withdraw_reset(&member, id.into_inner()).await?;
    Ok(Json(view(decided, desk.clock.now())))
}

fn view(approval: Approval, now: Timestamp) -> PasswordResetView {
    let person_id = PersonId::from_uuid(approval.subject);
    PasswordResetView { person_id, slip: None, request: RequestView::of(approval, now) }
}
