//! What stands where nothing is: 404, or 405 where the path exists for other methods.

use crate::base::http::{
    ApiError,
    problem::{METHOD_NOT_ALLOWED, NOT_FOUND},
};
use actix_web::{HttpRequest, HttpResponse, ResponseError, dev::ResourceDef, http::header};
use std::sync::LazyLock;
use utoipa::openapi::{OpenApi, PathItem};

/// Made when the first request goes nowhere, once for all workers.
static KNOWN: LazyLock<Known> = LazyLock::new(|| Known::of(&super::openapi()));

/// The documented paths and their methods.
#[derive(Debug)]
struct Known(Vec<(ResourceDef, String)>);

impl Known {
    fn of(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        Self(paths.map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item))).collect())
    }

    /// The methods of a path, as `Allow` lists them.
    fn allowed(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.is_match(path)).map(|(_, methods)| methods.as_str())
    }
}

fn methods(item: &PathItem) -> String {
    let all = [
        ("GET", &item.get),
        ("HEAD", &item.head),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    let served = all.into_iter().filter(|(_, operation)| operation.is_some());
    served.map(|(method, _)| method).collect::<Vec<_>>().join(", ")
}

pub(super) async fn nothing_here(request: HttpRequest) -> HttpResponse {
    let Some(allowed) = KNOWN.allowed(request.path()) else {
        return ApiError::new(NOT_FOUND).error_response();
    };
    let mut response = ApiError::new(METHOD_NOT_ALLOWED).error_response();
    if let Ok(allowed) = header::HeaderValue::from_str(allowed) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}
