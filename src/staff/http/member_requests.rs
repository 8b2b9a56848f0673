//! Requests about logins of members of staff, which another admin decides.

use super::{
    members::{SlipView, StaffLoginView, slip_of, view},
    requests::{ApproveRequest, RejectRequest, RequestPage, RequestView},
};
use crate::{
    approvals::{ApprovalId, ApprovalQuery},
    base::http::{ApiError, ValidJson, problem::Problem},
    schools::Schools,
    staff::{
        StaffDesk,
        guard::{ChangeStaff, May, ReadStaff},
        members::StaffRequest,
    },
    staff_accounts::StaffChange,
};
use actix_web::{
    get, post,
    web::{Data, Json, Path, Query},
};
use serde::Serialize;
use uuid::Uuid;

/// A request about a login.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffRequestView {
    #[serde(flatten)]
    request: RequestView,
    /// `staff_roles` or `staff_factor`.
    kind: &'static str,
    /// The login.
    staff_id: Uuid,
}

/// A request with the login and the change.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffRequestDetail {
    #[serde(flatten)]
    request: RequestView,
    staff: StaffLoginView,
    /// What it becomes; `null` where the second factor is replaced.
    roles: Option<Vec<&'static str>>,
}

/// A page of requests.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffRequestList {
    items: Vec<StaffRequestView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// An approval, with the slip of a new second factor.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ApprovedStaffView {
    #[serde(flatten)]
    request: RequestView,
    /// Told once: `null` when the answer is repeated, and where roles were approved.
    slip: Option<SlipView>,
}

/// Requests about logins, newest first.
#[utoipa::path(tag = "staff", security(("staff" = [])), params(ApprovalQuery, RequestPage), responses(
    (status = 200, body = StaffRequestList), (status = 403, body = Problem)))]
#[get("/staff-requests")]
pub(super) async fn requests(
    member: May<ReadStaff>,
    which: Query<ApprovalQuery>,
    page: Query<RequestPage>,
    desk: Data<StaffDesk>,
) -> Result<Json<StaffRequestList>, ApiError> {
    let (size, page) = page.into_inner().parts();
    let found = desk.staff_requests(&member, &which, page).await?;
    let (found, next_cursor) = size.page(found, |one| one.id.to_string());
    let now = desk.clock.now();
    let items = found.into_iter().map(|approval| StaffRequestView {
        kind: approval.kind.code(),
        staff_id: approval.subject,
        request: RequestView::of(approval, now),
    });
    Ok(Json(StaffRequestList { items: items.collect(), next_cursor }))
}

/// A request about a login.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The request")),
    responses((status = 200, body = StaffRequestDetail), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[get("/staff-requests/{id}")]
pub(super) async fn show_request(
    member: May<ReadStaff>,
    id: Path<ApprovalId>,
    desk: Data<StaffDesk>,
) -> Result<Json<StaffRequestDetail>, ApiError> {
    let found = desk.staff_request(&member, id.into_inner()).await?;
    let StaffRequest { approval, member: staff, change } = found;
    let roles = match &change {
        StaffChange::Roles(roles) => Some(roles.codes()),
        StaffChange::Factor => None,
    };
    let request = RequestView::of(approval, desk.clock.now());
    Ok(Json(StaffRequestDetail { request, staff: view(&staff), roles }))
}

/// Approves a request about a login, which is in force with the answer. Who asked cannot, nor a login that
/// they made or changed in the last seven days, nor one whose second factor was reset in the last 24 hours.
#[utoipa::path(tag = "staff", request_body = ApproveRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The request")),
    responses((status = 200, body = ApprovedStaffView),
        (status = 403, description = "`second_person_needed`, `not_independent`, `factor_is_new`, \
            `own_login`, `staff_right_missing`, `second_factor_needed`", body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over`", body = Problem)))]
#[post("/staff-requests/{id}/approve")]
pub(super) async fn approve(
    member: May<ChangeStaff>,
    id: Path<ApprovalId>,
    body: ValidJson<ApproveRequest>,
    (desk, schools): (Data<StaffDesk>, Data<Schools>),
) -> Result<Json<ApprovedStaffView>, ApiError> {
    let why = body.into_inner().reason.unwrap_or_default();
    let (approval, slip) = desk.approve_change(&member, id.into_inner(), &why).await?;
    let slip = match &slip {
        Some(slip) => Some(slip_of(&schools, &member, slip).await?),
        None => None,
    };
    Ok(Json(ApprovedStaffView { request: RequestView::of(approval, desk.clock.now()), slip }))
}

/// Rejects a request about a login.
#[utoipa::path(tag = "staff", request_body = RejectRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The request")),
    responses((status = 200, body = RequestView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over`", body = Problem)))]
#[post("/staff-requests/{id}/reject")]
pub(super) async fn reject(
    member: May<ChangeStaff>,
    id: Path<ApprovalId>,
    body: ValidJson<RejectRequest>,
    desk: Data<StaffDesk>,
) -> Result<Json<RequestView>, ApiError> {
    let why = body.into_inner().reason;
    let rejected = desk.reject_change(&member, id.into_inner(), &why).await?;
    Ok(Json(RequestView::of(rejected, desk.clock.now())))
}

/// Takes an own request about a login back.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The request")),
    responses((status = 200, body = RequestView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over`", body = Problem)))]
#[post("/staff-requests/{id}/withdraw")]
pub(super) async fn withdraw(
    member: May<ChangeStaff>,
    id: Path<ApprovalId>,
    desk: Data<StaffDesk>,
) -> Result<Json<RequestView>, ApiError> {
    let withdrawn = desk.withdraw_change(&member, id.into_inner()).await?;
    Ok(Json(RequestView::of(withdrawn, desk.clock.now())))
}
