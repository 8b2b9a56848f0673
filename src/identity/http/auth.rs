//! Signing in, staying signed in, signing out.

use super::BindingBody;
use crate::{
    base::{
        clock::Timestamp,
        http::{ApiError, Principal, ValidJson, problem::Problem},
    },
    identity::{Identities, portal::PortalVisit, sign_in::Granted},
    passwords::PortalCode,
    sessions::{Platform, Student},
};
use actix_web::{
    HttpResponse, post,
    web::{Data, Json},
};
use garde::Validate;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// A login code of the platform.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct LoginRequest {
    /// From `wx.login` or `my.getAuthCode`: valid once, for a few minutes.
    #[garde(length(bytes, min = 1, max = 128), ascii)]
    code: String,
    /// The mini-program that it is from; without one, that of all schools.
    #[garde(inner(length(bytes, min = 1, max = 64), ascii))]
    app_id: Option<String>,
}

/// Who wants to look at the card in a browser.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct PortalRequest {
    #[garde(length(bytes, min = 1, max = 32), ascii)]
    school: String,
    /// 学号 or 工号; where the school finds people by it, also the ID number.
    #[garde(length(chars, min = 1, max = 32))]
    id_value: String,
    #[garde(length(bytes, min = 1, max = 64))]
    query_password: String,
    /// Twelve digits that the owner's phone shows, where others used up the attempts:
    /// `/api/v1/me/portal-codes`.
    #[garde(inner(length(bytes, min = 12, max = 12), pattern(r"^[0-9]+$")))]
    portal_code: Option<String>,
}

/// A refresh token.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct RefreshRequest {
    /// As given with the last access token.
    #[garde(length(bytes, min = 1, max = 128), ascii)]
    refresh_token: String,
}

/// A code for the web portal.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PortalCodeBody {
    /// Twelve digits.
    code: String,
    #[schema(value_type = String, format = DateTime)]
    valid_until: Timestamp,
}

/// A pair of tokens, and whom they speak for.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct TokenView {
    access_token: String,
    /// Seconds.
    expires_in: u64,
    refresh_token: String,
    binding: Option<BindingBody>,
}

/// Signs in by WeChat.
#[utoipa::path(tag = "auth", request_body = LoginRequest, responses(
    (status = 200, body = TokenView), (status = 401, body = Problem),
    (status = 422, body = Problem)))]
#[post("/api/v1/auth/wechat/login")]
pub(super) async fn wechat_login(
    body: ValidJson<LoginRequest>,
    identities: Data<Identities>,
) -> Result<Json<TokenView>, ApiError> {
    login(Platform::Wechat, body.into_inner(), &identities).await
}

/// Signs in by Alipay.
#[utoipa::path(tag = "auth", request_body = LoginRequest, responses(
    (status = 200, body = TokenView), (status = 401, body = Problem),
    (status = 422, body = Problem)))]
#[post("/api/v1/auth/alipay/login")]
pub(super) async fn alipay_login(
    body: ValidJson<LoginRequest>,
    identities: Data<Identities>,
) -> Result<Json<TokenView>, ApiError> {
    login(Platform::Alipay, body.into_inner(), &identities).await
}

async fn login(
    platform: Platform,
    LoginRequest { code, app_id }: LoginRequest,
    identities: &Identities,
) -> Result<Json<TokenView>, ApiError> {
    let granted = identities.sign_in_by_code(platform, app_id.as_deref(), &code).await?;
    Ok(Json(granted.into()))
}

/// Signs in at the web portal, to look only: what changes anything is refused with
/// `portal_read_only`.
#[utoipa::path(tag = "auth", request_body = PortalRequest, responses(
    (status = 200, body = TokenView), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 429, body = Problem, description = "`too_many_tries`: a `portal_code` goes on")))]
#[post("/api/v1/auth/portal/login")]
pub(super) async fn portal_login(
    body: ValidJson<PortalRequest>,
    identities: Data<Identities>,
) -> Result<Json<TokenView>, ApiError> {
    let granted = identities.sign_in_to_portal(body.into_inner().into()).await?;
    Ok(Json(granted.into()))
}

/// The code with which this person signs in at the web portal, where others have used up the
/// attempts there. Valid for ten to twenty minutes; the query password is required beside it.
#[utoipa::path(tag = "auth", security(("bearer" = [])), responses(
    (status = 200, body = PortalCodeBody),
    (status = 403, description = "`not_bound`, `portal_unavailable`", body = Problem)))]
#[post("/api/v1/me/portal-codes")]
pub(super) async fn show_portal_code(
    student: Principal<Student>,
    identities: Data<Identities>,
) -> Result<Json<PortalCodeBody>, ApiError> {
    let PortalCode { code, valid_until } = identities.portal_code(&student).await?;
    Ok(Json(PortalCodeBody { code: code.expose_secret().to_owned(), valid_until }))
}

/// Spends a refresh token for a new pair. One that was spent before ends its session.
#[utoipa::path(tag = "auth", request_body = RefreshRequest, responses(
    (status = 200, body = TokenView), (status = 401, body = Problem)))]
#[post("/api/v1/auth/refresh")]
pub(super) async fn refresh(
    body: ValidJson<RefreshRequest>,
    identities: Data<Identities>,
) -> Result<Json<TokenView>, ApiError> {
    let granted = identities.refresh(&body.into_inner().refresh_token).await?;
    Ok(Json(granted.into()))
}

/// Ends the session of a refresh token.
#[utoipa::path(tag = "auth", request_body = RefreshRequest, responses(
    (status = 204), (status = 401, body = Problem)))]
#[post("/api/v1/auth/logout")]
pub(super) async fn logout(
    body: ValidJson<RefreshRequest>,
    identities: Data<Identities>,
) -> Result<HttpResponse, ApiError> {
    identities.sign_out(&body.into_inner().refresh_token).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl From<PortalRequest> for PortalVisit {
    fn from(body: PortalRequest) -> Self {
        Self {
            school: body.school,
            id_value: body.id_value,
            query_password: SecretString::from(body.query_password),
            code: body.portal_code.map(SecretString::from),
        }
    }
}

impl From<Granted> for TokenView {
    fn from(granted: Granted) -> Self {
        Self {
            access_token: granted.access_token,
            expires_in: granted.expires_in.as_secs(),
            refresh_token: granted.refresh_token,
            binding: granted.binding.map(BindingBody::from),
        }
    }
}
