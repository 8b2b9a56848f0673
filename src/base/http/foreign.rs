//! Errors that are not ours (of actix, of a library's pages) as problem documents.

use super::{
    ApiError,
    problem::{
        INTERNAL, INVALID, MALFORMED, METHOD_NOT_ALLOWED, NOT_FOUND, ProblemKind, RATE_LIMITED,
        TOO_LARGE, UNAVAILABLE, UNSUPPORTED_MEDIA,
    },
};
use actix_web::{HttpResponse, http::StatusCode, http::header, web};

/// Settings of actix's own extractors, so that they too speak in problem documents.
pub fn extractors(config: &mut web::ServiceConfig) {
    config
        .app_data(web::PathConfig::default().error_handler(|_, _| ApiError::new(NOT_FOUND).into()))
        .app_data(
            web::QueryConfig::default().error_handler(|_, _| {
                ApiError::new(INVALID).field("#query", "查询参数有误").into()
            }),
        );
}

/// True for an answer whose body says nothing in a format of ours.
pub(super) fn is_foreign(response: &HttpResponse<impl Sized>) -> bool {
    let status = response.status();
    let error = status.is_client_error() || status.is_server_error();
    let text = response.headers().get(header::CONTENT_TYPE).map(header::HeaderValue::as_bytes);
    error && text.is_none_or(|text| text.starts_with(b"text/plain"))
}

/// What we say instead of an error with that status.
pub(super) fn translated(status: StatusCode) -> ApiError {
    ApiError::new(kind(status))
}

fn kind(status: StatusCode) -> ProblemKind {
    match status.as_u16() {
        404 => NOT_FOUND,
        405 => METHOD_NOT_ALLOWED,
        413 => TOO_LARGE,
        415 => UNSUPPORTED_MEDIA,
        429 => RATE_LIMITED,
        503 => UNAVAILABLE,
        400..500 => MALFORMED,
        _ => INTERNAL,
    }
}
