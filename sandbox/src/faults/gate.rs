//! The gate that every request to a provider passes: it logs the request and applies faults.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpMessage, HttpResponse};

use super::RequestFault;
use crate::endpoint::{Endpoint, Excuse};
use crate::requests::About;
use crate::state::Sandbox;

/// Longer than any client waits.
const SILENCE: Duration = Duration::from_mins(1);

/// The body of a request to a gateway, in the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct ReadBody(pub(crate) Bytes);

const PAGE: &str = "<!doctype html><title>Bad Gateway</title><h1>502 Bad Gateway</h1>";
const HALF: &str = r#"{"id":"4200"#;

pub(crate) async fn pass(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    let sandbox = request.app_data::<Data<Sandbox>>().cloned();
    let mut request = request;
    let asked = match &sandbox {
        Some(sandbox) => asked_for(sandbox, &mut request).await?,
        None => None,
    };
    let (Some(sandbox), Some(endpoint)) = (sandbox, asked) else {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    };
    let fault = sandbox.faults.take_for_request(endpoint);
    let number = sandbox.requests.begin(endpoint, &request, fault, sandbox.clock.now());
    let answer = match fault {
        Some(fault) => undone(fault, endpoint).await,
        None => None,
    };
    let response = match answer {
        Some(answer) => request.into_response(answer),
        None => done(fault, request, next).await?,
    };
    let about = response.request().extensions().get::<About>().cloned();
    sandbox.requests.end(number, response.status().as_u16(), about);
    Ok(response)
}

/// What the request asks for; `None` for the sandbox's own pages. On a gateway that is a parameter
/// of the request, perhaps in its body, which is then read and kept as a [`ReadBody`].
async fn asked_for(
    sandbox: &Sandbox,
    request: &mut ServiceRequest,
) -> Result<Option<Endpoint>, Error> {
    let path = request.path().to_owned();
    let Some(operation) = sandbox.operation_of(&path) else {
        return Ok(sandbox.asked_for(request.method(), &path));
    };
    let body = request.extract::<Bytes>().await?;
    let target = match operation(request.query_string(), &body) {
        Some(operation) => format!("{path}?method={operation}"),
        None => path,
    };
    request.extensions_mut().insert(ReadBody(body));
    Ok(sandbox.asked_for(request.method(), &target))
}

/// The answer in place of doing anything; `None` if the request is to be handled.
async fn undone(fault: RequestFault, endpoint: Endpoint) -> Option<HttpResponse> {
    let answer = match fault {
        RequestFault::TimeOut => {
            tokio::time::sleep(SILENCE).await;
            HttpResponse::GatewayTimeout().finish()
        }
        RequestFault::TooManyRequests => (endpoint.excuse)(Excuse::TooManyRequests),
        RequestFault::SystemError => (endpoint.excuse)(Excuse::SystemError),
        RequestFault::AddressNotAllowed => (endpoint.excuse)(Excuse::AddressNotAllowed),
        RequestFault::BadGateway => HttpResponse::BadGateway().content_type("text/html").body(PAGE),
        RequestFault::Unavailable => HttpResponse::ServiceUnavailable().finish(),
        RequestFault::Html => HttpResponse::Ok().content_type("text/html").body(PAGE),
        RequestFault::Garbage => HttpResponse::Ok().content_type("application/json").body(HALF),
        RequestFault::AnswerLost
        | RequestFault::SignedGarbage
        | RequestFault::Unsigned
        | RequestFault::AlteredBody
        | RequestFault::WrongSignature
        | RequestFault::SignatureProbe
        | RequestFault::UnknownSerial
        | RequestFault::Stale
        | RequestFault::Future
        | RequestFault::BusinessSystemError
        | RequestFault::GbkError
        | RequestFault::SignFirst
        | RequestFault::BraceInString
        | RequestFault::SlashUnescaped
        | RequestFault::RepeatedKey
        | RequestFault::OtherOrder
        | RequestFault::OtherHost
        | RequestFault::Truncated
        | RequestFault::BrokenArchive
        | RequestFault::Huge
        | RequestFault::OtherDay
        | RequestFault::OtherSeller => return None,
    };
    Some(answer)
}

/// Handles the request; the fault, if any, affects the answer.
async fn done(
    fault: Option<RequestFault>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    if let Some(fault) = fault {
        // Read by the code that signs the answer.
        request.extensions_mut().insert(fault);
    }
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(match fault {
        Some(RequestFault::AnswerLost) => response.map_body(|_, _| Broken.boxed()),
        _ => response,
    })
}

/// A body of which nothing arrives before the connection ends.
struct Broken;

impl MessageBody for Broken {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(1)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }
}
