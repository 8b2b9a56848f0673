//! Problem documents (RFC 9457): every error that leaves the house has this form.
//!
//! A slice maps its own small error enum to an [`ApiError`] once, in its `http.rs`. Causes stay in
//! the log, under the request id that the caller is told.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use serde::Serialize;
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap, fmt, time::Duration};

/// What an error looks like from outside.
#[derive(Clone, Debug)]
pub struct ApiError {
    kind: ProblemKind,
    detail: Option<Cow<'static, str>>,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    /// Few errors have any.
    members: Option<Box<Members>>,
}

/// Members of a problem document that belong to its code.
type Members = BTreeMap<&'static str, Value>;

/// A line of the table of errors: stable code, status, title fit to show a student.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemKind {
    /// Stable, snake case.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Chinese, fit to show.
    pub title: &'static str,
}

/// A field that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON pointer into the request's body, or `#query/name`.
    pub pointer: Cow<'static, str>,
    /// Chinese, fit to show.
    pub detail: Cow<'static, str>,
}

/// The document itself.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// `urn:onecard:problem:` and the code.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// Chinese, fit to show.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// More, where there is more to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Stable, snake case.
    pub code: &'static str,
    /// As in `X-Request-Id`.
    pub request_id: String,
    /// The fields that are not as they should be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// What else a program needs for the next step, by the code.
    #[serde(flatten)]
    #[schema(ignore)]
    pub members: Members,
}

impl ApiError {
    /// An error of that kind.
    pub const fn new(kind: ProblemKind) -> Self {
        Self { kind, detail: None, errors: Vec::new(), retry_after: None, members: None }
    }

    /// Says more about this case; fit to show.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Names a field.
    #[must_use]
    pub fn field(
        mut self,
        pointer: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// Adds a member that belongs to this code (RFC 9457, 3.2).
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.get_or_insert_default().insert(name, value.into());
        self
    }

    /// Says when to come back.
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The line of the table.
    pub const fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// The document that goes out, under the present request's id.
    pub fn problem(&self) -> Problem {
        Problem {
            problem_type: format!("urn:onecard:problem:{}", self.kind.code),
            title: self.kind.title,
            status: self.kind.status,
            detail: self.detail.as_ref().map(ToString::to_string),
            code: self.kind.code,
            request_id: super::request_id::current(),
            errors: self.errors.clone(),
            members: self.members.as_deref().cloned().unwrap_or_default(),
        }
    }

    /// Our own fault: the cause goes to the log, the caller learns nothing of it.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(error = %cause, "request failed");
        Self::new(INTERNAL)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.code)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.insert_header(("Retry-After", seconds.to_string()));
        }
        if self.kind == UNAUTHENTICATED {
            response.insert_header(("WWW-Authenticate", "Bearer"));
        }
        let body = serde_json::to_vec(&self.problem()).unwrap_or_default();
        response
            .insert_header(("Cache-Control", "no-store"))
            .content_type("application/problem+json")
            .body(body)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $title:literal;)*) => {
        $($(#[$doc])* pub const $name: ProblemKind = ProblemKind { code: $code, status: $status, title: $title };)*
        /// Every kind that this table knows.
        pub const ALL: &[ProblemKind] = &[$($name),*];
    };
}

kinds! {
    /// Our own fault.
    INTERNAL = "internal", 500, "系统繁忙，请稍后再试";
    /// The database or another part of us is away.
    UNAVAILABLE = "unavailable", 503, "服务暂不可用，请稍后再试";
    /// No such path, or no such thing for this caller.
    NOT_FOUND = "not_found", 404, "没有找到";
    /// The path exists, the method does not.
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "不支持的请求方法";
    /// Not JSON, not UTF-8, not HTTP as we read it.
    MALFORMED = "request_malformed", 400, "请求格式有误";
    /// JSON as it should be, with fields that are missing, of another type, or against a rule.
    INVALID = "request_invalid", 422, "填写的内容有误";
    /// A body over the limit.
    TOO_LARGE = "request_too_large", 413, "请求内容过大";
    /// A body that is not `application/json`.
    UNSUPPORTED_MEDIA = "unsupported_media_type", 415, "请求格式不支持";
    /// No token, or one that is no longer good.
    UNAUTHENTICATED = "unauthenticated", 401, "请先登录";
    /// Too many requests.
    RATE_LIMITED = "rate_limited", 429, "操作过于频繁，请稍后再试";
    /// A POST that moves money needs a key.
    IDEMPOTENCY_KEY_MISSING = "idempotency_key_missing", 400, "缺少幂等键";
    /// The key was used for something else.
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", 422, "请求已变更，请重新提交";
}
