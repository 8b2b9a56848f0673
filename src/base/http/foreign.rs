//! Converts errors of actix and of other libraries to problem documents.

use super::{
    ApiError,
    problem::{
        INTERNAL, INVALID, MALFORMED, METHOD_NOT_ALLOWED, NOT_FOUND, ProblemKind, RATE_LIMITED,
        REQUEST_TIMEOUT, TOO_LARGE, UNAVAILABLE, UNSUPPORTED_MEDIA,
    },
};
use actix_web::{HttpResponse, http::StatusCode, http::header, web};

/// Configures actix's own extractors to respond with problem documents.
pub fn extractors(config: &mut web::ServiceConfig) {
    config
        .app_data(web::PathConfig::default().error_handler(|_, _| ApiError::new(NOT_FOUND).into()))
        .app_data(
            web::QueryConfig::default().error_handler(|_, _| {
                ApiError::new(INVALID).field("#query", "查询参数有误").into()
            }),
        );
}

/// True if the body is in none of our formats.
pub(super) fn is_foreign(response: &HttpResponse<impl Sized>) -> bool {
    let status = response.status();
    let error = status.is_client_error() || status.is_server_error();
    let text = response.headers().get(header::CONTENT_TYPE).map(header::HeaderValue::as_bytes);
    error && text.is_none_or(|text| text.starts_with(b"text/plain"))
}

/// The problem document for an error with this status.
pub(super) fn translated(status: StatusCode) -> ApiError {
    ApiError::new(kind(status))
}

fn kind(status: StatusCode) -> ProblemKind {
    match status.as_u16() {
        404 => NOT_FOUND,
        405 => METHOD_NOT_ALLOWED,
        408 => REQUEST_TIMEOUT,
        413 => TOO_LARGE,
        415 => UNSUPPORTED_MEDIA,
        429 => RATE_LIMITED,
        503 => UNAVAILABLE,
        400..500 => MALFORMED,
        _ => INTERNAL,
    }
}
