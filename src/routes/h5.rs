//! The H5 client: files of its build, at `/`.

use super::fallback;
use actix_files::Files;
use actix_web::{
    Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    guard::GuardContext,
    http::{
        Method, StatusCode,
        header::{CACHE_CONTROL, HeaderValue},
    },
    middleware::{Compress, Next, from_fn},
    web,
};
use std::path::Path;

/// Paths that are never files, so that a wrong one is answered as an API answers.
const NOT_FILES: [&str; 4] = ["/api", "/callbacks", "/staff", "/terminal"];
/// The build names the files in here by their content.
const NAMED_BY_CONTENT: &str = "/assets/";
/// Files up to this size are read at once.
const READ_AT_ONCE_BYTES: u64 = 64 * 1024;

const NOT_BUILT: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\">\
    <title>onecard</title><h1>网页客户端尚未构建</h1><p>The H5 client is not there. Build it with \
    <code>npm ci &amp;&amp; npm run build:h5</code> in <code>mini-program</code>, or set \
    <code>server.h5_dir</code> to the folder of a build, and start the server again. \
    The API works without it: <a href=\"/api/docs/\">/api/docs</a>.";

pub(super) fn configure(config: &mut web::ServiceConfig, folder: &Path) {
    if !folder.join("index.html").is_file() {
        config.route("/", web::get().to(not_built));
        return;
    }
    let files = Files::new("/", folder)
        .index_file("index.html")
        .prefer_utf8(true)
        // Names that are too long, or below a file, are no errors of this server.
        .default_handler(web::to(fallback::nothing_here))
        .read_mode_threshold(READ_AT_ONCE_BYTES);
    let scope = web::scope("")
        .guard(actix_web::guard::fn_guard(may_be_file))
        .wrap(from_fn(cached))
        .wrap(Compress::default())
        .service(files);
    config.service(scope);
}

fn may_be_file(request: &GuardContext<'_>) -> bool {
    let head = request.head();
    let path = head.uri.path();
    let below =
        |root: &str| path.strip_prefix(root).is_some_and(|r| r.is_empty() || r.starts_with('/'));
    matches!(head.method, Method::GET | Method::HEAD) && !NOT_FILES.into_iter().any(below)
}

/// What is named by its content never changes; of the rest a browser asks whether it did.
async fn cached(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let by_content = request.path().starts_with(NAMED_BY_CONTENT);
    let mut response = next.call(request).await?;
    let status = response.status();
    let found = status.is_success() || status == StatusCode::NOT_MODIFIED;
    let value = match (found, by_content) {
        (true, true) => "public, max-age=31536000, immutable",
        (true, false) => "no-cache",
        (false, _) => "no-store",
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(value));
    Ok(response)
}

async fn not_built() -> HttpResponse {
    HttpResponse::ServiceUnavailable().content_type("text/html; charset=utf-8").body(NOT_BUILT)
}
