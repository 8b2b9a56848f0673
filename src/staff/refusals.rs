//! Middleware that has what was refused to members of staff in the audit log.

use super::StaffDesk;
use crate::{
    base::http::{ApiError, Caller},
    staff_accounts::StaffMember,
};
use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::Next,
    web::Data,
};
use std::{cell::Cell, sync::Arc};

tokio::task_local! {
    /// What the answer to the current request says is wrong, by its code.
    static SAID: Cell<Option<&'static str>>;
}

impl StaffDesk {
    /// Notes that the answer says this error: a page that does so has a form and no error.
    pub fn said(error: &ApiError) {
        // Outside of a request of staff there is nobody to note it of.
        let _ = SAID.try_with(|said| said.set(Some(error.kind().code)));
    }

    /// Notes what was refused to whom: after the answer is made, and without waiting for the database.
    pub async fn watch(
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        SAID.scope(Cell::new(None), async {
            let answer = next.call(request).await?;
            if answer.status() == StatusCode::FORBIDDEN {
                note(&answer);
            }
            Ok(answer)
        })
        .await
    }
}

fn note<B>(answer: &ServiceResponse<B>) {
    let (request, error) = (answer.request(), answer.response().error());
    let error = error.and_then(|error| error.as_error::<ApiError>());
    let code = error.map(|error| error.kind().code).or_else(|| SAID.with(Cell::get));
    let extensions = request.extensions();
    let caller = extensions.get::<Caller<Arc<StaffMember>>>();
    let member = caller.and_then(|caller| caller.0.as_ref().ok());
    let desk = request.app_data::<Data<StaffDesk>>();
    if let (Some(code), Some(member), Some(desk)) = (code, member, desk) {
        // Not the path itself: it may name a person.
        let pattern = request.match_pattern().unwrap_or_default();
        desk.accounts.refused(member, code, format!("{} {pattern}", request.method()));
    }
}
