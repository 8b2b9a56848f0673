//! Middleware that authenticates the requests of terminals.

use super::{
    Call, DoorCall, Terminals, Till,
    call::{CallHead, TerminalAuthError},
    http::auth_problem,
};
use crate::base::http::{
    ApiError, Arrived, Caller, check_length,
    problem::{self, problem_kinds},
    read_body,
    signature::Received,
};
use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};
use std::sync::Arc;

problem_kinds! {
    NOT_FOR_THIS_KIND = "terminal_kind_refused", 403, "本终端不能办理此业务";
}

/// Stores the authenticated terminal, or the error, in the request extensions. Once the signature of
/// the head is verified, reads the body, since its digest is signed, and puts it back.
pub async fn authenticate(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let call = signed_call(&mut request).await.map(Arc::new);
    let till = call.as_ref().map_err(Clone::clone);
    let till = till.and_then(|call| Till::of(call).ok_or(ApiError::new(NOT_FOR_THIS_KIND)));
    request.extensions_mut().insert(Caller(till));
    let door = call.as_ref().map_err(Clone::clone);
    let door = door.and_then(|call| DoorCall::of(call).ok_or(ApiError::new(NOT_FOR_THIS_KIND)));
    request.extensions_mut().insert(Caller(door));
    request.extensions_mut().insert(Caller(call));
    next.call(request).await
}

async fn signed_call(request: &mut ServiceRequest) -> Result<Call, ApiError> {
    let terminals = request.app_data::<Data<Terminals>>().map(|data| Arc::clone(data));
    let terminals = terminals.ok_or(ApiError::new(problem::INTERNAL))?;
    let refused = |error| auth_problem(&error, &terminals);
    let Arrived(arrived_at) = Arrived::of(request)?;
    check_length(request.headers())?;
    let head = head_of(&terminals, request).await.map_err(refused)?;
    let body = read_body(request.take_payload()).await?;
    request.set_payload(Payload::from(body.clone()));
    head.with_body(&body, arrived_at).map_err(|error| refused(error.into()))
}

async fn head_of(
    terminals: &Terminals,
    request: &ServiceRequest,
) -> Result<CallHead, TerminalAuthError> {
    let received = Received::new(request.head(), terminals.authorities())?;
    terminals.authenticate(&received.signed()?).await
}
