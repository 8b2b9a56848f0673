//! Logins of members of staff, for admins.

use super::requests::{DEFAULT_LIMIT, RequestView};
use crate::{
    base::{
        clock::Timestamp,
        db::Keyset,
        http::{
            ApiError, IdempotencyKey, PageSize, ValidJson, not_blank,
            problem::{INVALID, Problem},
        },
    },
    schools::Schools,
    staff::{
        AddedMember, MemberAct, MemberAsk, RolesOutcome, StaffActError, StaffDesk,
        guard::{ChangeStaff, May, ReadStaff},
    },
    staff_accounts::{
        AddedStaff, ListedStaff, Slip, StaffChange, StaffId, StaffLogin, StaffMember, StaffNo,
        StaffPlace, StaffQuery, StaffRole, StaffRoles, WorkId,
    },
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use uuid::Uuid;

/// A login of a member of staff.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffLoginView {
    id: Uuid,
    login: String,
    /// 工号: who it is.
    staff_no: String,
    roles: Vec<&'static str>,
    /// The classes whose people it sees as a counsellor.
    classes: Vec<String>,
    enabled: bool,
    /// Whether it has a second factor of its own.
    enrolled: bool,
    /// The last sign-in.
    #[schema(value_type = Option<String>, format = DateTime)]
    signed_in_at: Option<Timestamp>,
    /// The WeCom userid that signs it in beside the password, in small letters.
    wecom_userid: Option<String>,
}

/// A page of logins.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffLoginList {
    items: Vec<StaffLoginView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// Which part of the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LoginPage {
    /// At most so many; 1 to 100, otherwise 50.
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<StaffPlace>,
}

/// A login to be added.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct NewStaffRequest {
    /// 1 to 32 of a-z, 0-9, dot, hyphen and underscore.
    #[garde(length(bytes, min = 1, max = 32), ascii)]
    login: String,
    /// 工号: 1 to 32 of A-Z, 0-9 and hyphen.
    #[garde(length(bytes, min = 1, max = 32), ascii)]
    staff_no: String,
    /// `card_office`, `finance`, `network_center`, `counsellor`, `auditor`, `admin`.
    #[garde(length(min = 1, max = 6), inner(length(bytes, min = 1, max = 32)))]
    roles: Vec<String>,
    /// Why, for the audit log.
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// Roles of a login.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct RolesRequest {
    /// All that it has then; at least one.
    #[garde(length(min = 1, max = 6), inner(length(bytes, min = 1, max = 32)))]
    roles: Vec<String>,
    /// Those it has by what you have read: where they have changed since, nothing is done.
    #[garde(inner(length(max = 6), inner(length(bytes, min = 1, max = 32))))]
    roles_before: Option<Vec<String>>,
    /// Why, for the audit log and whoever approves.
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// A userid that signs a login in.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct LinkRequest {
    /// As WeCom's console shows it; capitals and small letters are the same.
    #[garde(length(bytes, min = 1, max = 64), ascii)]
    userid: String,
    /// Why, for the audit log.
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// Why something is done to a login.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct WhyRequest {
    /// For the audit log and whoever approves.
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// What signs a login in the next time. It is told once.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct SlipView {
    /// The first password; empty where only the second factor is replaced.
    password: String,
    /// The secret in base32.
    secret: String,
    /// The address for a QR code.
    otpauth_uri: String,
    /// Twelve digits for the next sign-in.
    first_code: String,
}

/// A login that was added.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct AddedStaffView {
    staff: StaffLoginView,
    slip: SlipView,
    /// The request for the roles that another admin must approve.
    request: Option<RequestView>,
}

/// What changing roles came to.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct RolesView {
    staff: StaffLoginView,
    /// `null` where they are in force.
    request: Option<RequestView>,
}

/// The logins of the school. The roles `admin` and `auditor` may.
#[utoipa::path(tag = "staff", security(("staff" = [])), params(StaffQuery, LoginPage), responses(
    (status = 200, body = StaffLoginList), (status = 401, body = Problem),
    (status = 403, description = "`staff_right_missing`", body = Problem)))]
#[get("/staff")]
pub(super) async fn list(
    member: May<ReadStaff>,
    query: Query<StaffQuery>,
    page: Query<LoginPage>,
    desk: Data<StaffDesk>,
) -> Result<Json<StaffLoginList>, ApiError> {
    let LoginPage { limit, cursor } = page.into_inner();
    let size = PageSize::asked(limit, DEFAULT_LIMIT);
    let filter = query.filter(member.school).map_err(StaffActError::BadFilter)?;
    let read = Keyset { beyond: cursor, descending: filter.by_sign_in, most: size.to_read() };
    let found = desk.members(&member, &query, read).await?;
    let (found, next_cursor) = size.page(found, |one| StaffPlace::of(one).to_string());
    Ok(Json(StaffLoginList { items: found.iter().map(view).collect(), next_cursor }))
}

/// A login.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The login")),
    responses((status = 200, body = StaffLoginView), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
#[get("/staff/{id}")]
pub(super) async fn show(
    member: May<ReadStaff>,
    id: Path<Uuid>,
    desk: Data<StaffDesk>,
) -> Result<Json<StaffLoginView>, ApiError> {
    Ok(Json(view(&desk.member(&member, StaffId::from_uuid(id.into_inner())).await?)))
}

/// Adds a login. The roles `finance` and `admin` are in force when another admin approves them.
#[utoipa::path(tag = "staff", request_body = NewStaffRequest, security(("staff" = [])),
    params(("Idempotency-Key" = String, Header, description = "1 to 64 visible ASCII characters")),
    responses((status = 201, body = AddedStaffView),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`",
            body = Problem),
        (status = 409, description = "`login_taken`", body = Problem),
        (status = 422, body = Problem)))]
#[post("/staff")]
pub(super) async fn add(
    member: May<ChangeStaff>,
    key: IdempotencyKey,
    body: ValidJson<NewStaffRequest>,
    (desk, schools): (Data<StaffDesk>, Data<Schools>),
) -> Result<HttpResponse, ApiError> {
    let NewStaffRequest { login, staff_no, roles, reason } = body.into_inner();
    let new = AddedStaff {
        login: named::<StaffLogin>("/login", &login)?,
        staff_no: named::<StaffNo>("/staff_no", &staff_no)?,
        roles: roles_of(&roles)?,
    };
    let added = desk.add_member(&member, &new, (reason.trim(), key.as_str())).await?;
    let AddedMember { member: staff, slip, request } = added;
    let (now, slip) = (desk.clock.now(), slip_of(&schools, &member, &slip).await?);
    let request = request.map(|approval| RequestView::of(approval, now));
    Ok(HttpResponse::Created().json(AddedStaffView { staff: view(&staff), slip, request }))
}

/// Switches a login off: its sessions end at once, and what it asked for is taken back.
#[utoipa::path(tag = "staff", request_body = WhyRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The login")),
    responses((status = 204), (status = 403, description = "`own_login`, `staff_right_missing`, \
        `second_factor_needed`", body = Problem), (status = 404, body = Problem),
        (status = 409, description = "`login_changed`", body = Problem)))]
#[post("/staff/{id}/disable")]
pub(super) async fn disable(
    member: May<ChangeStaff>,
    id: Path<Uuid>,
    body: ValidJson<WhyRequest>,
    desk: Data<StaffDesk>,
) -> Result<HttpResponse, ApiError> {
    act(&desk, &member, id.into_inner(), (MemberAct::Disable, body.into_inner())).await
}

/// Switches a login on again.
#[utoipa::path(tag = "staff", request_body = WhyRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The login")),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "`login_changed`", body = Problem)))]
#[post("/staff/{id}/enable")]
pub(super) async fn enable(
    member: May<ChangeStaff>,
    id: Path<Uuid>,
    body: ValidJson<WhyRequest>,
    desk: Data<StaffDesk>,
) -> Result<HttpResponse, ApiError> {
    act(&desk, &member, id.into_inner(), (MemberAct::Enable, body.into_inner())).await
}

/// Ends all sessions of a login.
#[utoipa::path(tag = "staff", request_body = WhyRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The login")),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
#[post("/staff/{id}/end-sessions")]
pub(super) async fn end_sessions(
    member: May<ChangeStaff>,
    id: Path<Uuid>,
    body: ValidJson<WhyRequest>,
    desk: Data<StaffDesk>,
) -> Result<HttpResponse, ApiError> {
    act(&desk, &member, id.into_inner(), (MemberAct::EndSessions, body.into_inner())).await
}

/// Links a login with a userid of the school's WeCom, which signs it in from then on, with the same second
/// factor. Its sessions end. For seven days who linked it and this login do not approve what the other asks for.
#[utoipa::path(tag = "staff", request_body = LinkRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The login")),
    responses((status = 200, body = StaffLoginView),
        (status = 403, description = "`own_login`, `staff_right_missing`, `second_factor_needed`",
            body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`work_id_taken`, `login_changed`", body = Problem)))]
#[post("/staff/{id}/link-wecom")]
pub(super) async fn link(
    member: May<ChangeStaff>,
    id: Path<Uuid>,
    body: ValidJson<LinkRequest>,
    desk: Data<StaffDesk>,
) -> Result<Json<StaffLoginView>, ApiError> {
    let LinkRequest { userid, reason } = body.into_inner();
    let (id, work_id) = (StaffId::from_uuid(id.into_inner()), named::<WorkId>("/userid", &userid)?);
    desk.link_member(&member, (id, &work_id), reason.trim()).await?;
    Ok(Json(view(&desk.member(&member, id).await?)))
}

/// Ends the link of a login, and its sessions.
#[utoipa::path(tag = "staff", request_body = WhyRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The login")),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "`login_changed`", body = Problem)))]
#[post("/staff/{id}/unlink-wecom")]
pub(super) async fn unlink(
    member: May<ChangeStaff>,
    id: Path<Uuid>,
    body: ValidJson<WhyRequest>,
    desk: Data<StaffDesk>,
) -> Result<HttpResponse, ApiError> {
    act(&desk, &member, id.into_inner(), (MemberAct::Unlink, body.into_inner())).await
}

async fn act(
    desk: &StaffDesk,
    member: &StaffMember,
    id: Uuid,
    (act, WhyRequest { reason }): (MemberAct, WhyRequest),
) -> Result<HttpResponse, ApiError> {
    desk.act_on_member(member, StaffId::from_uuid(id), (act, reason.trim())).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Gives a login other roles, which ends its sessions. Where it gets `finance` or `admin`, nothing changes
/// until another admin approves.
#[utoipa::path(tag = "staff", request_body = RolesRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The login"),
        ("Idempotency-Key" = String, Header, description = "1 to 64 visible ASCII characters")),
    responses((status = 200, body = RolesView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`login_changed`, `approval_open`", body = Problem)))]
#[post("/staff/{id}/roles")]
pub(super) async fn change_roles(
    member: May<ChangeStaff>,
    id: Path<Uuid>,
    key: IdempotencyKey,
    body: ValidJson<RolesRequest>,
    desk: Data<StaffDesk>,
) -> Result<Json<RolesView>, ApiError> {
    let RolesRequest { roles, roles_before, reason } = body.into_inner();
    let id = StaffId::from_uuid(id.into_inner());
    let seen = roles_before.as_deref().map(roles_of).transpose()?;
    let wanted = (id, seen, roles_of(&roles)?);
    let outcome = desk.change_roles(&member, wanted, (reason.trim(), key.as_str())).await?;
    let request = match outcome {
        RolesOutcome::Changed => None,
        RolesOutcome::Asked(approval) => Some(RequestView::of(*approval, desk.clock.now())),
    };
    Ok(Json(RolesView { staff: view(&desk.member(&member, id).await?), request }))
}

/// Asks that a lost second factor be replaced. Another admin, who has met the person, approves and gets the
/// slip.
#[utoipa::path(tag = "staff", request_body = WhyRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The login"),
        ("Idempotency-Key" = String, Header, description = "1 to 64 visible ASCII characters")),
    responses((status = 201, body = RequestView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_open`", body = Problem)))]
#[post("/staff/{id}/reset-factor")]
pub(super) async fn reset_factor(
    member: May<ChangeStaff>,
    id: Path<Uuid>,
    key: IdempotencyKey,
    body: ValidJson<WhyRequest>,
    desk: Data<StaffDesk>,
) -> Result<HttpResponse, ApiError> {
    let ask = MemberAsk {
        member: StaffId::from_uuid(id.into_inner()),
        change: StaffChange::Factor,
        reason: body.into_inner().reason.trim().to_owned(),
        key: key.as_str().to_owned(),
    };
    let asked = desk.ask_change(&member, &ask).await?;
    Ok(HttpResponse::Created().json(RequestView::of(asked, desk.clock.now())))
}

pub(super) fn view(staff: &ListedStaff) -> StaffLoginView {
    StaffLoginView {
        id: staff.id.uuid(),
        login: staff.login.to_string(),
        staff_no: staff.staff_no.to_string(),
        roles: staff.roles.codes(),
        classes: staff.classes.names().map(ToOwned::to_owned).collect(),
        enabled: staff.enabled,
        enrolled: staff.enrolled,
        signed_in_at: staff.signed_in_at,
        wecom_userid: staff.work_id.as_ref().map(ToString::to_string),
    }
}

/// The slip, in whose address the account names the school too.
pub(super) async fn slip_of(
    schools: &Schools,
    member: &StaffMember,
    slip: &Slip,
) -> Result<SlipView, ApiError> {
    let school = schools.require(member.school).await;
    let school = school.map_err(|error| ApiError::internal(&error))?;
    Ok(SlipView {
        password: slip.password().to_owned(),
        secret: slip.secret().to_string(),
        otpauth_uri: slip.otpauth_uri(&school.code).to_string(),
        first_code: slip.first_code().to_string(),
    })
}

fn named<T: FromStr>(field: &'static str, text: &str) -> Result<T, ApiError>
where
    T::Err: ToString,
{
    text.parse().map_err(|error: T::Err| ApiError::new(INVALID).field(field, error.to_string()))
}

fn roles_of(codes: &[String]) -> Result<StaffRoles, ApiError> {
    let roles = codes.iter().map(|code| named::<StaffRole>("/roles", code));
    Ok(StaffRoles::new(roles.collect::<Result<Vec<_>, _>>()?))
}
