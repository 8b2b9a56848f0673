//! Changes of the policy that another admin decides.

use super::{
    policies::PolicyDifferenceView,
    requests::{ApproveRequest, RejectRequest, RequestPage, RequestView},
};
use crate::{
    approvals::{ApprovalId, ApprovalQuery},
    base::http::{ApiError, ValidJson, problem::Problem},
    policies::PolicyRequest,
    staff::{
        StaffDesk,
        guard::{ChangePolicy, May, ReadPolicy},
    },
};
use actix_web::{
    get, post,
    web::{Data, Json, Path, Query},
};
use serde::Serialize;

/// A change that is proposed.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PolicyRequestDetail {
    #[serde(flatten)]
    request: RequestView,
    /// The first day on which it would be in force.
    #[schema(value_type = String, format = Date)]
    from: String,
    differences: Vec<PolicyDifferenceView>,
}

/// A page of requests.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PolicyRequestList {
    items: Vec<RequestView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// Changes that were proposed, newest first.
#[utoipa::path(tag = "staff", security(("staff" = [])), params(ApprovalQuery, RequestPage), responses(
    (status = 200, body = PolicyRequestList), (status = 403, body = Problem)))]
#[get("/policy/requests")]
pub(super) async fn requests(
    member: May<ReadPolicy>,
    which: Query<ApprovalQuery>,
    page: Query<RequestPage>,
    desk: Data<StaffDesk>,
) -> Result<Json<PolicyRequestList>, ApiError> {
    let (size, page) = page.into_inner().parts();
    let found = desk.policy_requests(&member, &which, page).await?;
    let (found, next_cursor) = size.page(found, |one| one.id.to_string());
    let now = desk.clock.now();
    let items = found.into_iter().map(|approval| RequestView::of(approval, now));
    Ok(Json(PolicyRequestList { items: items.collect(), next_cursor }))
}

/// A change that was proposed.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = PolicyRequestDetail), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[get("/policy/requests/{id}")]
pub(super) async fn show_request(
    member: May<ReadPolicy>,
    id: Path<ApprovalId>,
    desk: Data<StaffDesk>,
) -> Result<Json<PolicyRequestDetail>, ApiError> {
    let found = desk.policy_request(&member, id.into_inner()).await?;
    let PolicyRequest { approval, proposal, differences } = found;
    Ok(Json(PolicyRequestDetail {
        request: RequestView::of(approval, desk.clock.now()),
        from: proposal.from.to_string(),
        differences: differences.into_iter().map(PolicyDifferenceView::from).collect(),
    }))
}

/// Approves a change, which is a version with the answer. Who asked cannot.
#[utoipa::path(tag = "staff", request_body = ApproveRequest, security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = RequestView),
        (status = 403, description = "`second_person_needed`, `not_independent`, `factor_is_new`, \
            `staff_right_missing`, `second_factor_needed`", body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over`, `policy_moved`", body = Problem)))]
#[post("/policy/requests/{id}/approve")]
pub(super) async fn approve(
    member: May<ChangePolicy>,
    id: Path<ApprovalId>,
    body: ValidJson<ApproveRequest>,
    desk: Data<StaffDesk>,
) -> Result<Json<RequestView>, ApiError> {
    let why = body.into_inner().reason.unwrap_or_default();
    let approved = desk.approve_policy(&member, id.into_inner(), &why).await?;
    Ok(Json(RequestView::of(approved, desk.clock.now())))
}

/// Rejects a change.
#[utoipa::path(tag = "staff", request_body = RejectRequest, security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = RequestView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over`", body = Problem)))]
#[post("/policy/requests/{id}/reject")]
pub(super) async fn reject(
    member: May<ChangePolicy>,
    id: Path<ApprovalId>,
    body: ValidJson<RejectRequest>,
    desk: Data<StaffDesk>,
) -> Result<Json<RequestView>, ApiError> {
    let why = body.into_inner().reason;
    let rejected = desk.reject_policy(&member, id.into_inner(), &why).await?;
    Ok(Json(RequestView::of(rejected, desk.clock.now())))
}

/// Takes an own request back.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = RequestView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over`", body = Problem)))]
#[post("/policy/requests/{id}/withdraw")]
pub(super) async fn withdraw(
    member: May<ChangePolicy>,
    id: Path<ApprovalId>,
    desk: Data<StaffDesk>,
) -> Result<Json<RequestView>, ApiError> {
    let withdrawn = desk.withdraw_policy(&member, id.into_inner()).await?;
    Ok(Json(RequestView::of(withdrawn, desk.clock.now())))
}
