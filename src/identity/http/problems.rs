//! Maps errors to problem documents.

use crate::{
    base::http::{
        ApiError,
        problem::{self, problem_kinds},
    },
    identity::{
        bind::{BindError, HolderError},
        guard::NOT_BOUND,
        login::LoginError,
        portal::PortalError,
        sign_in::SignInError,
    },
    passwords::PasswordFault,
};
use std::time::Duration;

problem_kinds! {
    LOGIN_CODE_REFUSED = "login_code_refused", 401, "登录已失效，请重新登录";
    LOGIN_BLOCKED = "login_blocked", 403, "该账号暂不能登录";
    LOGIN_UNAVAILABLE = "login_unavailable", 503, "登录暂时没有响应，请稍后重试";
    SCHOOL_NOT_FOUND = "school_not_found", 404, "没有这所学校";
    CONSENT_MISSING = "consent_missing", 422, "请先阅读并同意全部条款";
    pub(super) CONSENT_OUTDATED = "consent_outdated", 409, "条款已更新，请重新阅读并同意";
    BINDING_REFUSED = "binding_refused", 422, "信息或密码不正确";
    ALREADY_BOUND = "already_bound", 409, "该校园卡或该账号已绑定";
    PORTAL_CLOSED = "portal_unavailable", 403, "本校未开通网页查询";
    PORTAL_REFUSED = "sign_in_refused", 401, "号码或密码不正确";
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::NoSuchLogin | SignInError::Platform(LoginError::Unavailable) => {
                Self::new(LOGIN_UNAVAILABLE).retry_after(Duration::from_secs(2))
            }
            SignInError::NoSuchApp => {
                Self::new(problem::INVALID).field("/app_id", "没有这个小程序")
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

impl From<PortalError> for ApiError {
    fn from(error: PortalError) -> Self {
        match error {
            PortalError::NoSuchSchool => Self::new(SCHOOL_NOT_FOUND),
            PortalError::NoPortal => Self::new(PORTAL_CLOSED),
            PortalError::Password(PasswordFault::Wrong) => Self::new(PORTAL_REFUSED),
            PortalError::Password(fault @ PasswordFault::TooManyTries { .. }) => {
                Self::from(fault).detail("可在已绑定的小程序中查看网页登录码，填写后登录")
            }
            PortalError::Password(fault) => fault.into(),
            PortalError::SignIn(error) => error.into(),
            PortalError::Db(error) => Self::internal(&error),
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
            BindError::NameMissing => Self::new(problem::INVALID).field("/name", "请填写姓名"),
            BindError::ConsentMissing => {
                Self::new(CONSENT_MISSING).field("/consent/items", "请同意全部条款")
            }
            BindError::ConsentOutdated => {
                Self::new(CONSENT_OUTDATED).field("/consent/version", "条款已更新")
            }
            BindError::AlreadyBound => Self::new(ALREADY_BOUND),
            BindError::Password(PasswordFault::Wrong) => Self::new(BINDING_REFUSED),
            BindError::Password(fault @ PasswordFault::TooManyTries { .. }) => {
                Self::from(fault).detail("可稍后再试，或改用姓名和身份证号绑定")
            }
            BindError::Password(fault) => fault.into(),
            BindError::Inner(error) => error.into(),
            BindError::Db(error) => Self::internal(&error),
        }
    }
}

impl From<HolderError> for ApiError {
    fn from(error: HolderError) -> Self {
        match error {
            HolderError::NotBound => Self::new(NOT_BOUND),
            HolderError::Change(error) => error.into(),
            HolderError::Db(error) => Self::internal(&error),
        }
    }
}
