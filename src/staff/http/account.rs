//! The own login: its sessions and its recovery codes.

use crate::{
    base::{
        clock::Timestamp,
        http::{
            ApiError, Principal, ValidJson,
            problem::{NOT_FOUND, Problem},
        },
    },
    staff::{
        StaffDesk,
        guard::{ChangeOwnFactor, May},
    },
    staff_accounts::{OfferedFactor, OwnSession, StaffMember, StaffSessionId},
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path},
};
use garde::Validate;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// The own login.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct OwnAccountView {
    /// The live sessions, newest first; at most 50.
    sessions: Vec<OwnSessionView>,
    /// How many recovery codes were not used.
    recovery_codes_left: usize,
}

/// A live session.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct OwnSessionView {
    id: Uuid,
    /// When somebody signed in.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ends unless it is used.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Whether it is the one that asks.
    is_this: bool,
}

/// Recovery codes, told once.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct RecoveryCodesView {
    recovery_codes: Vec<String>,
}

/// A password of one's own.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct PasswordRequest {
    /// The one in force.
    #[garde(length(bytes, min = 1, max = 256))]
    password: String,
    /// At least 10 characters, and neither the login nor the one in force.
    #[garde(length(bytes, min = 1, max = 256))]
    new_password: String,
}

/// A second factor that is not in force yet. It is told once.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct OfferedFactorView {
    /// Base32, to be typed.
    secret: String,
    /// For a QR code.
    otpauth_uri: String,
}

/// A code of the new second factor.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct NewFactorRequest {
    #[garde(length(bytes, min = 6, max = 16))]
    totp: String,
}

/// The sessions of the own login, and how many recovery codes are left.
#[utoipa::path(tag = "staff", security(("staff" = [])), responses(
    (status = 200, body = OwnAccountView), (status = 401, body = Problem)))]
#[get("/account")]
pub(super) async fn show(
    member: Principal<Arc<StaffMember>>,
    desk: Data<StaffDesk>,
) -> Result<Json<OwnAccountView>, ApiError> {
    let own = desk.accounts.own(&member).await?;
    let view = |OwnSession { id, created_at, expires_at, is_this }| OwnSessionView {
        id: id.uuid(),
        created_at,
        expires_at,
        is_this,
    };
    Ok(Json(OwnAccountView {
        sessions: own.sessions.into_iter().map(view).collect(),
        recovery_codes_left: own.recovery_codes_left,
    }))
}

/// Ends a session of the own login, at once for pages and within a second for JSON.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The session")),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem)))]
#[post("/account/sessions/{id}/end")]
pub(super) async fn end_session(
    member: Principal<Arc<StaffMember>>,
    id: Path<Uuid>,
    desk: Data<StaffDesk>,
) -> Result<HttpResponse, ApiError> {
    let session = StaffSessionId::from_uuid(id.into_inner());
    if desk.accounts.end_session(&member, session).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(ApiError::new(NOT_FOUND))
    }
}

/// Ten new recovery codes, which replace those there are. Each stands once for a phone that is lost.
#[utoipa::path(tag = "staff", security(("staff" = [])), responses(
    (status = 200, body = RecoveryCodesView), (status = 401, body = Problem),
    (status = 403, description = "`second_factor_needed`", body = Problem)))]
#[post("/account/recovery-codes")]
pub(super) async fn renew_recovery(
    member: May<ChangeOwnFactor>,
    desk: Data<StaffDesk>,
) -> Result<Json<RecoveryCodesView>, ApiError> {
    let codes = desk.accounts.renew_recovery(&member).await?;
    let recovery_codes = codes.iter().map(|code| code.to_string()).collect();
    Ok(Json(RecoveryCodesView { recovery_codes }))
}

/// Offers a new second factor, of another phone, say. The one in force stays so until a code of the new one is
/// given.
#[utoipa::path(tag = "staff", security(("staff" = [])), responses(
    (status = 200, body = OfferedFactorView), (status = 401, body = Problem),
    (status = 403, description = "`second_factor_needed`", body = Problem)))]
#[post("/account/factor")]
pub(super) async fn offer_factor(
    member: May<ChangeOwnFactor>,
    desk: Data<StaffDesk>,
) -> Result<Json<OfferedFactorView>, ApiError> {
    let OfferedFactor { secret, otpauth_uri, .. } = desk.accounts.offer_own_factor(&member).await?;
    let (secret, otpauth_uri) = (secret.to_string(), otpauth_uri.to_string());
    Ok(Json(OfferedFactorView { secret, otpauth_uri }))
}

/// Puts the offered second factor in force with a code of it; ends the other sessions of the login, and tells
/// new recovery codes.
#[utoipa::path(tag = "staff", request_body = NewFactorRequest, security(("staff" = [])), responses(
    (status = 200, body = RecoveryCodesView),
    (status = 401, description = "`staff_sign_in_refused`: it is no code of the new one",
        body = Problem),
    (status = 403, description = "`second_factor_needed`", body = Problem),
    (status = 429, description = "`too_many_tries`", body = Problem)))]
#[post("/account/factor/confirm")]
pub(super) async fn replace_factor(
    member: May<ChangeOwnFactor>,
    body: ValidJson<NewFactorRequest>,
    desk: Data<StaffDesk>,
) -> Result<Json<RecoveryCodesView>, ApiError> {
    let totp = SecretString::from(body.into_inner().totp);
    let codes = desk.accounts.replace_own_factor(&member, &totp).await?;
    let recovery_codes = codes.iter().map(|code| code.to_string()).collect();
    Ok(Json(RecoveryCodesView { recovery_codes }))
}

/// Replaces the own password and ends all sessions of the login, this one too.
#[utoipa::path(tag = "staff", request_body = PasswordRequest, security(("staff" = [])), responses(
    (status = 204), (status = 401, description = "`staff_sign_in_refused`: the password is wrong",
        body = Problem),
    (status = 403, description = "`second_factor_needed`", body = Problem),
    (status = 422, description = "The new password is too weak", body = Problem),
    (status = 429, description = "`too_many_tries`", body = Problem)))]
#[post("/account/password")]
pub(super) async fn change_password(
    member: May<ChangeOwnFactor>,
    body: ValidJson<PasswordRequest>,
    desk: Data<StaffDesk>,
) -> Result<HttpResponse, ApiError> {
    let PasswordRequest { password, new_password } = body.into_inner();
    let (password, new) = (SecretString::from(password), SecretString::from(new_password));
    desk.accounts.change_password(&member, password, new).await?;
    Ok(HttpResponse::NoContent().finish())
}
