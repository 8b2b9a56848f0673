//! Problem documents (RFC 9457): the format of every error response.
//!
//! Each room maps its own error enum to [`ApiError`] once, in its `http.rs`. Causes go to the log
//! under the request id, never into the response.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use serde::Serialize;
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap, fmt, time::Duration};

/// An error response.
#[derive(Clone, Debug)]
pub struct ApiError {
    kind: ProblemKind,
    detail: Option<Cow<'static, str>>,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    /// Boxed because few errors have any.
    members: Option<Box<Members>>,
}

/// Extension members of a problem document, specific to its code.
type Members = BTreeMap<&'static str, Value>;

/// An entry of the table of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemKind {
    /// Stable, in snake case.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// In Chinese, for the user.
    pub title: &'static str,
}

/// An invalid field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON pointer into the request's body, or `#query/name`.
    pub pointer: Cow<'static, str>,
    /// In Chinese, for the user.
    pub detail: Cow<'static, str>,
}

/// The body of an error response.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// `urn:onecard:problem:` followed by the code.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// In Chinese, for the user.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Details of this occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Stable, in snake case.
    pub code: &'static str,
    /// The same as in `X-Request-Id`.
    pub request_id: String,
    /// The invalid fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Extension members that a client needs for its next step, specific to the code.
    #[serde(flatten)]
    #[schema(ignore)]
    pub members: Members,
}

impl ApiError {
    /// An error of this kind.
    pub const fn new(kind: ProblemKind) -> Self {
        Self { kind, detail: None, errors: Vec::new(), retry_after: None, members: None }
    }

    /// Adds details of this occurrence, for the user.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds an invalid field.
    #[must_use]
    pub fn field(
        mut self,
        pointer: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// Adds an extension member (RFC 9457, 3.2).
    #[must_use]
    pub fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.get_or_insert_default().insert(name, value.into());
        self
    }

    /// Sets `Retry-After`.
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The kind of the error.
    pub const fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// The problem document, with the id of the current request.
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

    /// An internal error. The cause is logged and not sent to the client.
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

/// A table of kinds of problems: `NAME = "code", status, "标题";`.
macro_rules! problem_kinds {
    ($($(#[$doc:meta])* $visible:vis $name:ident = $code:literal, $status:literal, $title:literal;)*) => {
        $($(#[$doc])* $visible const $name: $crate::base::http::problem::ProblemKind =
            $crate::base::http::problem::ProblemKind {
                code: $code,
                status: $status,
                title: $title,
            };)*
    };
}
pub(crate) use problem_kinds;

problem_kinds! {
    /// An internal error.
    pub INTERNAL = "internal", 500, "系统繁忙，请稍后再试";
    /// The database or another part of the service is unavailable.
    pub UNAVAILABLE = "unavailable", 503, "服务暂不可用，请稍后再试";
    /// A payment provider did not answer.
    pub PROVIDER_UNAVAILABLE = "provider_unavailable", 503, "支付平台暂时没有响应，请稍后再试";
    /// The path or the resource does not exist for this caller.
    pub NOT_FOUND = "not_found", 404, "没有找到";
    /// The path exists, but not with this method.
    pub METHOD_NOT_ALLOWED = "method_not_allowed", 405, "不支持的请求方法";
    /// Not valid HTTP, UTF-8 or JSON.
    pub MALFORMED = "request_malformed", 400, "请求格式有误";
    /// Valid JSON with fields that are missing, of the wrong type, or invalid.
    pub INVALID = "request_invalid", 422, "填写的内容有误";
    /// The body was not complete in time.
    pub REQUEST_TIMEOUT = "request_timeout", 408, "请求超时，请重试";
    /// The body is too large.
    pub TOO_LARGE = "request_too_large", 413, "请求内容过大";
    /// The body is not `application/json`.
    pub UNSUPPORTED_MEDIA = "unsupported_media_type", 415, "请求格式不支持";
    /// The token is missing or no longer valid.
    pub UNAUTHENTICATED = "unauthenticated", 401, "请先登录";
    /// Too many requests.
    pub RATE_LIMITED = "rate_limited", 429, "操作过于频繁，请稍后再试";
    /// A POST that moves money needs an idempotency key.
    pub IDEMPOTENCY_KEY_MISSING = "idempotency_key_missing", 400, "缺少幂等键";
    /// The key was used for another request.
    pub IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", 422, "请求已变更，请重新提交";
}
