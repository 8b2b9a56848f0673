//! Signing in, staying signed in, giving the second factor again, signing out.

use crate::{
    base::{
        clock::Timestamp,
        http::{ApiError, Principal, ValidJson, problem::Problem},
    },
    staff::StaffDesk,
    staff_accounts::{
        ACCESS_LIFETIME, FACTOR_LIFETIME, OfferedFactor, SignInOutcome, StaffGrant, StaffMember,
        StaffSignIn,
    },
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json},
};
use garde::Validate;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Who signs in.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct StaffLoginRequest {
    #[garde(length(bytes, min = 1, max = 32), ascii)]
    school: String,
    #[garde(length(bytes, min = 1, max = 32), ascii)]
    login: String,
    #[garde(length(bytes, min = 1, max = 256))]
    password: String,
    /// Six digits of the authenticator app. Without them the answer is `totp_required`, whatever the
    /// password.
    #[garde(inner(length(bytes, min = 6, max = 6), pattern(r"^[0-9]+$")))]
    totp: Option<String>,
    /// A recovery code in place of `totp`, where the phone is lost: sixteen characters, hyphens between
    /// them or not. It signs nobody in: the answer is `must_enrol_factor`.
    #[garde(inner(length(bytes, min = 1, max = 64), ascii))]
    recovery_code: Option<String>,
    /// From an earlier sign-in of this login at this client: attempts of others do not delay it then.
    #[garde(inner(length(bytes, min = 1, max = 1024), ascii))]
    client_token: Option<String>,
    /// For the first sign-in: the twelve digits that the command printed. Attempts of others do not delay
    /// it then.
    #[garde(inner(length(bytes, min = 1, max = 32), ascii))]
    first_code: Option<String>,
    /// For the first sign-in: the password that replaces the one that the operator gave, at least 10
    /// characters. Ignored afterwards.
    #[garde(inner(length(bytes, min = 1, max = 256)))]
    new_password: Option<String>,
}

/// A refresh token.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct StaffRefreshRequest {
    /// As given with the last access token.
    #[garde(length(bytes, min = 1, max = 128), ascii)]
    refresh_token: String,
}

/// The second factor.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct SecondFactorRequest {
    /// Six digits of the authenticator app, not used before.
    #[garde(length(bytes, min = 6, max = 6), pattern(r"^[0-9]+$"))]
    totp: String,
}

/// How the sign-in went.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub(super) enum StaffSignInBody {
    /// Signed in.
    Granted(StaffTokenView),
    /// The first sign-in: nobody is signed in yet.
    MustEnrol(MustEnrolBody),
}

/// A pair of tokens, and who signed in.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffTokenView {
    access_token: String,
    /// Seconds.
    expires_in: u64,
    /// Valid once. A session ends 30 minutes after its last refresh, and 12 hours after the sign-in.
    refresh_token: String,
    /// To be kept at this client, also after signing out, for the next sign-in of this login.
    client_token: String,
    /// Where a second factor of one's own came into force with this sign-in: ten recovery codes, which
    /// replace all earlier ones and are told once. Else empty.
    recovery_codes: Vec<String>,
    staff: StaffMemberView,
}

/// A second factor of one's own.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct MustEnrolBody {
    /// `true`.
    must_enrol_factor: bool,
    /// Whether the next request needs a `new_password`.
    must_change_password: bool,
    /// In base32. Shown once: another sign-in with a code of the printed secret gets another one.
    secret: String,
    /// The same for a QR code.
    otpauth_uri: String,
}

/// A member of staff.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffMemberView {
    login: String,
    /// 工号.
    staff_no: String,
    /// `card_office`, `finance`, `network_center`, `counsellor`, `auditor`, `admin`.
    roles: Vec<&'static str>,
    /// Until then, acts that move money do not ask for the second factor again.
    #[schema(value_type = String, format = DateTime)]
    factor_valid_until: Timestamp,
}

/// Signs a member of staff in, with the password and a code of the authenticator app.
///
/// The first sign-in after `onecard staff add` or `staff reset-factor` takes a code of the secret that the
/// command printed, and signs nobody in: it answers `must_enrol_factor` with a secret of one's own. The
/// same request with a code of that one puts it in force, ends the one before and all other sessions, and
/// signs in. A `recovery_code` in place of `totp` is answered in the same way, once. Somebody who
/// never signed in before also chooses a `new_password` with it: the one from the operator ends.
///
/// Each code is good once. School, login, password and code that are wrong, and a login that is
/// disabled, have one answer. After five wrong attempts each must wait, from a minute to four hours;
/// attempts with a `client_token`, or with the `first_code` of a login that has no second factor of its own
/// yet, are counted apart.
#[utoipa::path(tag = "staff", request_body = StaffLoginRequest, responses(
    (status = 200, body = StaffSignInBody),
    (status = 401, description = "`staff_sign_in_refused`, `totp_required`, `staff_slip_expired`", body = Problem),
    (status = 403, description = "`new_password_needed`", body = Problem),
    (status = 422, description = "The new password is too weak", body = Problem),
    (status = 429, description = "`too_many_tries`", body = Problem)))]
#[post("/auth/login")]
pub(super) async fn sign_in(
    body: ValidJson<StaffLoginRequest>,
    desk: Data<StaffDesk>,
) -> Result<Json<StaffSignInBody>, ApiError> {
    let outcome = desk.accounts.sign_in(body.into_inner().into()).await?;
    Ok(Json(outcome.into()))
}

/// Spends a refresh token for a new pair. One that was spent before ends its session.
#[utoipa::path(tag = "staff", request_body = StaffRefreshRequest, responses(
    (status = 200, body = StaffTokenView), (status = 401, body = Problem)))]
#[post("/auth/refresh")]
pub(super) async fn refresh(
    body: ValidJson<StaffRefreshRequest>,
    desk: Data<StaffDesk>,
) -> Result<Json<StaffTokenView>, ApiError> {
    let granted = desk.accounts.refresh(&body.into_inner().refresh_token).await?;
    Ok(Json(granted.into()))
}

/// Ends the session of a refresh token.
#[utoipa::path(tag = "staff", request_body = StaffRefreshRequest, responses(
    (status = 204), (status = 401, body = Problem)))]
#[post("/auth/logout")]
pub(super) async fn logout(
    body: ValidJson<StaffRefreshRequest>,
    desk: Data<StaffDesk>,
) -> Result<HttpResponse, ApiError> {
    desk.accounts.sign_out(&body.into_inner().refresh_token).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Gives the second factor again, where an act answered `second_factor_needed`. Good for ten minutes.
#[utoipa::path(tag = "staff", request_body = SecondFactorRequest, security(("staff" = [])),
    responses((status = 204), (status = 401, description = "`staff_sign_in_refused`", body = Problem),
        (status = 429, description = "`too_many_tries`", body = Problem)))]
#[post("/auth/second-factor")]
pub(super) async fn second_factor(
    member: Principal<Arc<StaffMember>>,
    body: ValidJson<SecondFactorRequest>,
    desk: Data<StaffDesk>,
) -> Result<HttpResponse, ApiError> {
    let totp = SecretString::from(body.into_inner().totp);
    desk.accounts.confirm_factor(&member, &totp).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Who is signed in.
#[utoipa::path(tag = "staff", security(("staff" = [])), responses(
    (status = 200, body = StaffMemberView), (status = 401, body = Problem)))]
#[get("/me")]
pub(super) async fn me(member: Principal<Arc<StaffMember>>) -> Json<StaffMemberView> {
    Json(StaffMemberView::from(&**member))
}

impl From<StaffLoginRequest> for StaffSignIn {
    fn from(body: StaffLoginRequest) -> Self {
        Self {
            school: body.school,
            login: body.login,
            password: SecretString::from(body.password),
            totp: body.totp.map(SecretString::from),
            recovery_code: body.recovery_code.map(SecretString::from),
            client_token: body.client_token.map(SecretString::from),
            first_code: body.first_code.map(SecretString::from),
            new_password: body.new_password.map(SecretString::from),
        }
    }
}

impl From<SignInOutcome> for StaffSignInBody {
    fn from(outcome: SignInOutcome) -> Self {
        match outcome {
            SignInOutcome::Granted(granted) => Self::Granted(granted.into()),
            SignInOutcome::MustEnrol(OfferedFactor { secret, otpauth_uri, needs_password }) => {
                Self::MustEnrol(MustEnrolBody {
                    must_enrol_factor: true,
                    must_change_password: needs_password,
                    secret: secret.to_string(),
                    otpauth_uri: otpauth_uri.to_string(),
                })
            }
        }
    }
}

impl From<StaffGrant> for StaffTokenView {
    fn from(granted: StaffGrant) -> Self {
        Self {
            access_token: granted.access_token,
            expires_in: ACCESS_LIFETIME.as_secs(),
            refresh_token: granted.refresh_token,
            client_token: granted.client_token,
            recovery_codes: granted.recovery_codes.iter().map(|code| code.to_string()).collect(),
            staff: StaffMemberView::from(&granted.member),
        }
    }
}

impl From<&StaffMember> for StaffMemberView {
    fn from(member: &StaffMember) -> Self {
        Self {
            login: member.login.to_string(),
            staff_no: member.staff_no.to_string(),
            roles: member.roles.codes(),
            factor_valid_until: member.factor_at.plus(FACTOR_LIFETIME),
        }
    }
}
