//! Files of the pages, each under a name that tells its content.

use super::frame::PageError;
use crate::base::http::{ApiError, problem::NOT_FOUND};
use actix_web::{HttpResponse, http::header, web::Path};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const STYLE: &str = include_str!("assets/console.css");

/// `/staff/assets/` and the name of the style sheet.
static STYLE_PATH: LazyLock<String> = LazyLock::new(|| {
    let digest = hex::encode(Sha256::digest(STYLE));
    format!("/staff/assets/{}.css", digest.get(..16).unwrap_or_default())
});

/// Where the style sheet is.
pub(super) fn style() -> &'static str {
    &STYLE_PATH
}

pub(super) async fn file(name: Path<String>) -> Result<HttpResponse, PageError> {
    if STYLE_PATH.rsplit('/').next() != Some(name.as_str()) {
        return Err(ApiError::new(NOT_FOUND).into());
    }
    Ok(HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(STYLE))
}
