//! When a request arrived: what is decided for somebody who waits is measured from then.

use super::{ApiError, problem::INTERNAL};
use crate::base::clock::Timestamp;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use std::future::{Ready, ready};

/// When the head of the request had arrived, before anything was looked up for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived(pub Timestamp);

impl Arrived {
    /// As the outermost middleware noted it.
    pub fn of(request: &impl HttpMessage) -> Result<Self, ApiError> {
        request.extensions().get::<Self>().copied().ok_or(ApiError::new(INTERNAL))
    }
}

impl FromRequest for Arrived {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}
