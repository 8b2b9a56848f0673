//! Signing in and binding over HTTP.

#![expect(
    missing_debug_implementations,
    reason = "these bodies carry codes, tokens and passwords: they must not print"
)]

use super::{
    BindingView, Identities,
    bind::{BindError, Claim},
    login::LoginError,
    sign_in::{Granted, SignInError},
};
use crate::{
    base::http::{
        ApiError, Principal, ValidJson,
        problem::{self, Kind},
    },
    schools::{
        PersonKind,
        policy::{ConsentItem, IdKind},
    },
    sessions::{Platform, SignedIn},
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json},
};
use garde::Validate;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

const LOGIN_CODE_REFUSED: Kind =
    Kind { code: "login_code_refused", status: 401, title: "登录已失效，请重新登录" };
const LOGIN_BLOCKED: Kind =
    Kind { code: "login_blocked", status: 403, title: "该微信账号暂不能登录" };
const LOGIN_UNAVAILABLE: Kind =
    Kind {
        code: "login_unavailable", status: 503, title: "微信登录暂时没有响应，请稍后重试"
    };
const SCHOOL_NOT_FOUND: Kind =
    Kind { code: "school_not_found", status: 404, title: "没有这所学校" };
const CONSENT_MISSING: Kind =
    Kind { code: "consent_missing", status: 422, title: "请先阅读并同意最新的条款" };
const BINDING_REFUSED: Kind =
    Kind { code: "binding_refused", status: 422, title: "信息或密码不正确" };
const ALREADY_BOUND: Kind =
    Kind { code: "already_bound", status: 409, title: "该校园卡或该微信已绑定" };

/// A login code of the platform.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub struct LoginRequest {
    /// From `wx.login`: good once, for five minutes.
    #[garde(length(bytes, min = 1, max = 128), ascii)]
    code: String,
}

/// A refresh token.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub struct RefreshRequest {
    /// As given with the last access token.
    #[garde(length(bytes, min = 1, max = 128), ascii)]
    refresh_token: String,
}

/// A pair of tokens, and whom they speak for.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TokenView {
    access_token: String,
    /// Seconds.
    expires_in: u64,
    refresh_token: String,
    binding: Option<BindingBody>,
}

/// A binding.
#[derive(Serialize, utoipa::ToSchema)]
pub struct BindingBody {
    school: SchoolBody,
    cardholder: Cardholder,
    must_change_password: bool,
}

/// A school, by name.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SchoolBody {
    code: String,
    name: String,
}

/// A person, fit to show.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Cardholder {
    /// The last character only.
    name_masked: String,
    student_no: String,
    kind: PersonKind,
}

/// What somebody says to be bound.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub struct BindRequest {
    #[garde(length(bytes, min = 1, max = 32), ascii)]
    school: String,
    #[garde(skip)]
    id_kind: IdKind,
    #[garde(length(chars, min = 1, max = 32))]
    id_value: String,
    #[garde(inner(length(chars, min = 1, max = 64)))]
    name: Option<String>,
    #[garde(length(bytes, min = 1, max = 64))]
    query_password: String,
    #[garde(dive)]
    consent: ConsentBody,
}

/// What was agreed to.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub struct ConsentBody {
    #[garde(length(bytes, min = 1, max = 32))]
    version: String,
    #[garde(length(min = 1, max = 8))]
    items: Vec<ConsentItem>,
}

/// Who is signed in.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Me {
    identity: IdentityBody,
    binding: Option<BindingBody>,
    notices: Vec<String>,
    pending: Pending,
}

/// The identity.
#[derive(Serialize, utoipa::ToSchema)]
pub struct IdentityBody {
    platform: Platform,
}

/// What waits for the student.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Pending {
    /// Orders that nobody has paid yet.
    orders: u64,
}

/// Signs in by WeChat.
#[utoipa::path(tag = "auth", request_body = LoginRequest, responses(
    (status = 200, body = TokenView), (status = 401, body = problem::Problem)))]
#[post("/api/v1/auth/wechat/login")]
pub async fn wechat_login(
    body: ValidJson<LoginRequest>,
    identities: Data<Identities>,
) -> Result<Json<TokenView>, ApiError> {
    let granted = identities.sign_in_by_wechat(&body.into_inner().code).await?;
    Ok(Json(granted.into()))
}

/// Spends a refresh token for a new pair.
#[utoipa::path(tag = "auth", request_body = RefreshRequest, responses(
    (status = 200, body = TokenView), (status = 401, body = problem::Problem)))]
#[post("/api/v1/auth/refresh")]
pub async fn refresh(
    body: ValidJson<RefreshRequest>,
    identities: Data<Identities>,
) -> Result<Json<TokenView>, ApiError> {
    let granted = identities.refresh(&body.into_inner().refresh_token).await?;
    Ok(Json(granted.into()))
}

/// Ends the session of a refresh token.
#[utoipa::path(tag = "auth", request_body = RefreshRequest, responses(
    (status = 204), (status = 401, body = problem::Problem)))]
#[post("/api/v1/auth/logout")]
pub async fn logout(
    body: ValidJson<RefreshRequest>,
    identities: Data<Identities>,
) -> Result<HttpResponse, ApiError> {
    identities.sign_out(&body.into_inner().refresh_token).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Binds the identity to a person.
#[utoipa::path(tag = "binding", request_body = BindRequest, security(("bearer" = [])), responses(
    (status = 201, body = BindingBody), (status = 409, body = problem::Problem),
    (status = 422, body = problem::Problem)))]
#[post("/api/v1/bindings")]
pub async fn bind(
    who: Principal<Arc<SignedIn>>,
    body: ValidJson<BindRequest>,
    identities: Data<Identities>,
) -> Result<HttpResponse, ApiError> {
    let view = identities.bind(&who, body.into_inner().into()).await?;
    Ok(HttpResponse::Created().json(BindingBody::from(view)))
}

/// Who is signed in, as whom, and what waits for them.
#[utoipa::path(tag = "binding", security(("bearer" = [])), responses(
    (status = 200, body = Me), (status = 401, body = problem::Problem)))]
#[get("/api/v1/me")]
pub async fn me(
    who: Principal<Arc<SignedIn>>,
    identities: Data<Identities>,
) -> Result<Json<Me>, ApiError> {
    let (binding, orders) = identities.overview(&who).await?;
    Ok(Json(Me {
        identity: IdentityBody { platform: who.user.platform },
        binding: binding.map(BindingBody::from),
        notices: Vec::new(),
        pending: Pending { orders },
    }))
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

impl From<BindingView> for BindingBody {
    fn from(view: BindingView) -> Self {
        Self {
            school: SchoolBody { code: view.school_code, name: view.school_name },
            cardholder: Cardholder {
                name_masked: view.name_masked,
                student_no: view.student_no,
                kind: view.kind,
            },
            must_change_password: view.must_change_password,
        }
    }
}

impl From<BindRequest> for Claim {
    fn from(body: BindRequest) -> Self {
        Self {
            school: body.school,
            id_kind: body.id_kind,
            id_value: body.id_value,
            name: body.name,
            query_password: SecretString::from(body.query_password),
            consent_version: body.consent.version,
            consent_items: body.consent.items,
        }
    }
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::NoSuchLogin | SignInError::Platform(LoginError::Unavailable) => {
                Self::new(LOGIN_UNAVAILABLE).retry_after(Duration::from_secs(2))
            }
            SignInError::Platform(LoginError::CodeRefused) => Self::new(LOGIN_CODE_REFUSED),
            SignInError::Platform(LoginError::Blocked) => Self::new(LOGIN_BLOCKED),
            SignInError::Platform(LoginError::Throttled) => {
                Self::new(problem::RATE_LIMITED).retry_after(Duration::from_mins(1))
            }
            SignInError::BadToken => Self::new(problem::UNAUTHENTICATED),
            SignInError::NoToken(_) | SignInError::Sealed | SignInError::Db(_) => {
                Self::internal(&error)
            }
        }
    }
}

impl From<BindError> for ApiError {
    fn from(error: BindError) -> Self {
        match error {
            BindError::NoSuchSchool => Self::new(SCHOOL_NOT_FOUND),
            BindError::IdKindNotOffered => {
                Self::new(problem::INVALID).field("/id_kind", "本校不支持该方式")
            }
            BindError::ConsentMissing => {
                Self::new(CONSENT_MISSING).field("/consent", "请先阅读并同意最新的条款")
            }
            BindError::Refused => Self::new(BINDING_REFUSED),
            BindError::TooManyTries { wait } => Self::new(problem::RATE_LIMITED).retry_after(wait),
            BindError::AlreadyBound => Self::new(ALREADY_BOUND),
            BindError::Kv(_) => Self::new(problem::UNAVAILABLE),
            BindError::Inner(error) => error.into(),
            BindError::Db(error) => Self::internal(&error),
        }
    }
}
