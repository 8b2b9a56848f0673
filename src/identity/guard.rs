//! Who sent a request, found out before its handler runs.

use super::{Identities, sign_in::SignInError};
use crate::{
    base::http::{
        ApiError, Known,
        problem::{self, Kind},
    },
    sessions::{SignedIn, Student},
};
use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
    web::Data,
};
use std::sync::Arc;

const NOT_BOUND: Kind = Kind { code: "not_bound", status: 403, title: "请先绑定校园卡" };
const MUST_CHANGE: Kind =
    Kind { code: "pin_default_must_change", status: 403, title: "请先修改初始密码" };

/// Says beside the request who sent it. A request without a token passes unknown; whether that is
/// enough, its handler's arguments say.
pub async fn identify(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if bearer(&request).is_some() {
        let signed_in = authenticate(&request).await;
        let student = match &signed_in {
            Ok(signed_in) => student(&request, signed_in).await,
            Err(error) => Err(error.clone()),
        };
        request.extensions_mut().insert(Known(signed_in));
        request.extensions_mut().insert(Known(student));
    }
    next.call(request).await
}

/// The bound identity, whose person need not change the default password first.
async fn student(request: &ServiceRequest, signed_in: &SignedIn) -> Result<Student, ApiError> {
    let student = signed_in.student().ok_or(ApiError::new(NOT_BOUND))?;
    if must_change(request, signed_in).await? {
        return Err(ApiError::new(MUST_CHANGE));
    }
    Ok(student)
}

async fn must_change(request: &ServiceRequest, signed_in: &SignedIn) -> Result<bool, ApiError> {
    let (identities, Some(bound)) = (identities(request)?, signed_in.bound_to) else {
        return Ok(false);
    };
    identities.must_change_password(bound).await.map_err(|error| ApiError::internal(&error))
}

async fn authenticate(request: &ServiceRequest) -> Result<Arc<SignedIn>, ApiError> {
    let token = bearer(request).ok_or(ApiError::new(problem::UNAUTHENTICATED))?;
    identities(request)?.authenticate(token).await.map_err(|error| match error {
        SignInError::Db(error) => ApiError::internal(&error),
        SignInError::BadToken
        | SignInError::NoSuchLogin
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
