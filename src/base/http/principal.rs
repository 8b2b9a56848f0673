//! Authorization by type: a handler takes the caller it acts for as an argument and does not run
//! without one.

use super::{ApiError, problem::UNAUTHENTICATED};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use std::{
    future::{Ready, ready},
    ops::Deref,
};

/// The outcome of authentication: the caller as a `T`, or the error to respond with. A middleware
/// stores it in the request extensions.
#[derive(Debug)]
pub struct Caller<T>(pub Result<T, ApiError>);

/// The authenticated caller as a `T`. Responds with the error in [`Caller`], or with 401 if no
/// [`Caller`] was stored.
#[derive(Clone, Copy, Debug)]
pub struct Principal<T>(T);

impl<T> Deref for Principal<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone + 'static> FromRequest for Principal<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = request.extensions().get::<Caller<T>>().map(|caller| caller.0.clone());
        ready(caller.unwrap_or_else(|| Err(ApiError::new(UNAUTHENTICATED))).map(Self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::http::problem::NOT_FOUND;
    use actix_web::test::TestRequest;

    #[test]
    fn requests_without_a_caller_are_refused() {
        let code = |caller: Option<Caller<u8>>| {
            let request = TestRequest::get().to_http_request();
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            let found = Principal::<u8>::from_request(&request, &mut Payload::None).into_inner();
            found.map(|principal| *principal).map_err(|error| error.kind().code)
        };
        assert_eq!(code(None), Err("unauthenticated"));
        assert_eq!(code(Some(Caller(Err(ApiError::new(NOT_FOUND))))), Err("not_found"));
        assert_eq!(code(Some(Caller(Ok(7)))), Ok(7));
    }
}
