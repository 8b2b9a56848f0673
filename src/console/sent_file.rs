//! A form with a file: everything is checked before the file is received.

use super::{
    browser::{Needs, Seat, check_origin, seated},
    frame::PageError,
};
use crate::{
    base::http::{FileForm, UploadedFile},
    roster_imports::MAX_ROSTER_BYTES,
};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::future::LocalBoxFuture;

/// A file that a member of staff who may do `N` sends from a page of this session. The token of the page
/// stands before the file in the form, which has to be received yet.
#[derive(Debug)]
pub(super) struct SentFile<N> {
    pub(super) seat: Seat<N>,
    pub(super) file: Result<UploadedFile, PageError>,
}

impl<N: Needs> FromRequest for SentFile<N> {
    type Error = PageError;
    type Future = LocalBoxFuture<'static, Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            check_origin(request.headers())?;
            let seat = seated::<N>(&request).await?;
            let mut form = match FileForm::of(&request, payload, MAX_ROSTER_BYTES) {
                Ok(form) => form,
                Err(error) => return Ok(Self { seat, file: Err(error.into()) }),
            };
            seat.check_csrf(&form.text("csrf").await?)?;
            let file = form.file("file").await.map_err(PageError::from);
            Ok(Self { seat, file })
        })
    }
}
