//! Middleware that authenticates the requests of terminals.

use super::{Call, Terminals, Till, call::TerminalAuthError, http::auth_problem};
use crate::base::http::{
    ApiError, Caller,
    problem::{self, ProblemKind},
    read_body,
    signature::Received,
};
use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    middleware::Next,
    web::{Bytes, Data},
};
use std::sync::Arc;

const NOT_FOR_THIS_KIND: ProblemKind =
    ProblemKind {
        code: "terminal_kind_refused", status: 403, title: "本终端不能办理此业务"
    };

/// Stores the authenticated terminal, or the error, in the request extensions. Reads the body,
/// since it is signed, and puts it back.
pub async fn authenticate(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let call = signed_call(&mut request).await.map(Arc::new);
    let till = call.as_ref().map_err(Clone::clone);
    let till = till.and_then(|call| Till::of(call).ok_or(ApiError::new(NOT_FOR_THIS_KIND)));
    request.extensions_mut().insert(Caller(till));
    request.extensions_mut().insert(Caller(call));
    next.call(request).await
}

async fn signed_call(request: &mut ServiceRequest) -> Result<Call, ApiError> {
    let body = read_body(request.take_payload()).await?;
    request.set_payload(Payload::from(body.clone()));
    let terminals = request.app_data::<Data<Terminals>>().map(|data| Arc::clone(data));
    let terminals = terminals.ok_or(ApiError::new(problem::INTERNAL))?;
    let called = call_of(&terminals, request, &body).await;
    called.map_err(|error| auth_problem(&error, &terminals))
}

async fn call_of(
    terminals: &Terminals,
    request: &ServiceRequest,
    body: &Bytes,
) -> Result<Call, TerminalAuthError> {
    let received = Received::new(request.head(), terminals.authorities())?;
    terminals.authenticate(&received.with_body(body)?).await
}
