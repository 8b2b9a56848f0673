//! Signing in, staying signed in, signing out.

use super::BindingBody;
use crate::{
    base::http::{ApiError, ValidJson, problem::Problem},
    identity::{Identities, sign_in::Granted},
    sessions::Platform,
};
use actix_web::{
    HttpResponse, post,
    web::{Data, Json},
};
use garde::Validate;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// A login code of the platform.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct LoginRequest {
    /// From `wx.login`: good once, for five minutes.
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
}

/// A refresh token.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct RefreshRequest {
    /// As given with the last access token.
    #[garde(length(bytes, min = 1, max = 128), ascii)]
    refresh_token: String,
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
    let LoginRequest { code, app_id } = body.into_inner();
    let granted = identities.sign_in_by_code(Platform::Wechat, app_id.as_deref(), &code).await?;
    Ok(Json(granted.into()))
}

/// Signs in at the web portal, to look only: what changes anything is refused with
/// `portal_read_only`.
#[utoipa::path(tag = "auth", request_body = PortalRequest, responses(
    (status = 200, body = TokenView), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 429, body = Problem)))]
#[post("/api/v1/auth/portal/login")]
pub(super) async fn portal_login(
    body: ValidJson<PortalRequest>,
    identities: Data<Identities>,
) -> Result<Json<TokenView>, ApiError> {
    let PortalRequest { school, id_value, query_password } = body.into_inner();
    let password = SecretString::from(query_password);
    let granted = identities.sign_in_to_portal(&school, id_value, password).await?;
    Ok(Json(granted.into()))
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
