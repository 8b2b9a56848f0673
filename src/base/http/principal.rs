//! Authority by type: a handler that acts for somebody asks for them, and is not reached without.

use super::{ApiError, problem::UNAUTHENTICATED};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use std::{
    future::{Ready, ready},
    ops::Deref,
};

/// What is known of the caller as a `T`, put beside the request before its handler runs: who it
/// is, or why not.
#[derive(Debug)]
pub struct Caller<T>(pub Result<T, ApiError>);

/// The caller as a `T`. Answers 401 where nothing is known of the caller, or what [`Caller`] says.
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
        let known = request.extensions().get::<Caller<T>>().map(|known| known.0.clone());
        ready(known.unwrap_or_else(|| Err(ApiError::new(UNAUTHENTICATED))).map(Self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::http::problem::NOT_FOUND;
    use actix_web::test::TestRequest;

    #[test]
    fn nobody_is_let_in_unknown() {
        let code = |known: Option<Caller<u8>>| {
            let request = TestRequest::get().to_http_request();
            if let Some(known) = known {
                request.extensions_mut().insert(known);
            }
            let found = Principal::<u8>::from_request(&request, &mut Payload::None).into_inner();
            found.map(|principal| *principal).map_err(|error| error.kind().code)
        };
        assert_eq!(code(None), Err("unauthenticated"));
        assert_eq!(code(Some(Caller(Err(ApiError::new(NOT_FOUND))))), Err("not_found"));
        assert_eq!(code(Some(Caller(Ok(7)))), Ok(7));
    }
}
