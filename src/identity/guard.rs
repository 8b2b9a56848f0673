//! Middleware that authenticates requests and authorizes sessions.
//!
//! Invariant: all restrictions of sessions are decided here, by [`permit`] and the two lists of
//! allowed paths.

use super::{Identities, sign_in::SignInError};
use crate::{
    base::http::{
        ApiError, Caller,
        problem::{self, ProblemKind, problem_kinds},
    },
    sessions::{Platform, SignedIn},
};
use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
    web::Data,
};
use std::sync::Arc;

problem_kinds! {
    /// The identity is not bound to a person.
    pub NOT_BOUND = "not_bound", 403, "请先绑定校园卡";
    MUST_CHANGE = "pin_default_must_change", 403, "请先修改查询密码";
    PORTAL_READ_ONLY = "portal_read_only", 403, "网页仅供查询，请在小程序中操作";
}

/// The paths allowed while the default password must be changed.
const WHILE_CHANGE_IS_DUE: &[&str] =
    &["/api/v1/me", "/api/v1/me/query-password", "/api/v1/bindings/current/unbind", LOSS_REPORTS];
/// A lost card cannot wait.
const LOSS_REPORTS: &str = "/api/v1/card/loss-reports";
/// The paths that a portal session may read. New paths are refused until they are added here.
const PORTAL_READS: &[&str] = &[
    "/api/v1/me",
    "/api/v1/card",
    "/api/v1/card/statement",
    "/api/v1/card/statement/months/{month}",
    "/api/v1/card/statement.csv",
    LOSS_REPORTS,
    "/api/v1/orders",
    "/api/v1/orders/{id}",
    "/api/v1/events",
];

/// Stores the caller in the request extensions. A request without a token passes; a handler that
/// needs a caller refuses it through its arguments.
pub async fn identify(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if bearer(&request).is_some() {
        let signed_in = authorize(&request).await;
        let student = signed_in
            .clone()
            .and_then(|signed_in| signed_in.student().ok_or(ApiError::new(NOT_BOUND)));
        request.extensions_mut().insert(Caller(signed_in));
        request.extensions_mut().insert(Caller(student));
    }
    next.call(request).await
}

/// The live session of the token, if it may make this request.
async fn authorize(request: &ServiceRequest) -> Result<Arc<SignedIn>, ApiError> {
    let signed_in = authenticate(request).await?;
    let must_change = identities(request)?.must_change_password(&signed_in).await;
    let must_change = must_change.map_err(|error| ApiError::internal(&error))?;
    let path = request.match_pattern().unwrap_or_default();
    permit(signed_in.user.platform, must_change, request.method(), &path).map_err(ApiError::new)?;
    Ok(signed_in)
}

/// Whether a session may make a request, by the pattern of its path.
fn permit(
    platform: Platform,
    must_change: bool,
    method: &Method,
    path: &str,
) -> Result<(), ProblemKind> {
    let reads = method == Method::GET && PORTAL_READS.contains(&path);
    let reports_loss = method == Method::POST && path == LOSS_REPORTS;
    if !platform.may_act() && !reads && !reports_loss {
        return Err(PORTAL_READ_ONLY);
    }
    if must_change && !WHILE_CHANGE_IS_DUE.contains(&path) {
        return Err(MUST_CHANGE);
    }
    Ok(())
}

async fn authenticate(request: &ServiceRequest) -> Result<Arc<SignedIn>, ApiError> {
    let token = bearer(request).ok_or(ApiError::new(problem::UNAUTHENTICATED))?;
    identities(request)?.authenticate(token).await.map_err(|error| match error {
        SignInError::Db(error) => ApiError::internal(&error),
        SignInError::BadToken
        | SignInError::NoSuchLogin
        | SignInError::NoSuchApp
        | SignInError::Platform(_)
        | SignInError::NoToken(_)
        | SignInError::Sealed => ApiError::new(problem::UNAUTHENTICATED),
    })
}

fn identities(request: &ServiceRequest) -> Result<&Identities, ApiError> {
    let identities = request.app_data::<Data<Identities>>().map(|data| &***data);
    identities.ok_or(ApiError::new(problem::INTERNAL))
}

fn bearer(request: &ServiceRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_session_has_its_allowed_paths() {
        let (get, post) = (Method::GET, Method::POST);
        let cases = [
            (&get, "/api/v1/me", None, None, None),
            (&get, "/api/v1/card", None, Some(MUST_CHANGE), None),
            (&post, "/api/v1/card", None, Some(MUST_CHANGE), Some(PORTAL_READ_ONLY)),
            (&post, "/api/v1/orders", None, Some(MUST_CHANGE), Some(PORTAL_READ_ONLY)),
            (&post, "/api/v1/bindings", None, Some(MUST_CHANGE), Some(PORTAL_READ_ONLY)),
            (&post, "/api/v1/me/query-password", None, None, Some(PORTAL_READ_ONLY)),
            (&post, "/api/v1/bindings/current/unbind", None, None, Some(PORTAL_READ_ONLY)),
            (&get, LOSS_REPORTS, None, None, None),
            (&post, LOSS_REPORTS, None, None, None),
            (
                &post,
                "/api/v1/card/loss-reports/cancel",
                None,
                Some(MUST_CHANGE),
                Some(PORTAL_READ_ONLY),
            ),
            (&get, "/api/v1/never-heard-of", None, Some(MUST_CHANGE), Some(PORTAL_READ_ONLY)),
            (&get, "", None, Some(MUST_CHANGE), Some(PORTAL_READ_ONLY)),
        ];
        for (method, path, wechat, due, portal) in cases {
            let said = |platform, due| permit(platform, due, method, path).err();
            assert_eq!(said(Platform::Wechat, false), wechat, "{method} {path}");
            assert_eq!(said(Platform::Wechat, true), due, "{method} {path}");
            assert_eq!(said(Platform::Portal, false), portal, "{method} {path}");
        }
    }
}
