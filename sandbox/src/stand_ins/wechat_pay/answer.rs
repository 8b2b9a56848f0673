//! Makes the signed answers of the API.

use actix_web::{HttpResponse, ResponseError};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::authorization::Caller;
use super::refusal::{Refusal, request_id};
use super::signed::Signed;
use crate::faults::RequestFault;

/// The body of [`RequestFault::SignedGarbage`].
const GARBAGE: &str = "<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>";

/// 200 with the signed body.
pub(super) fn ok(caller: &Caller, now: DateTime<Utc>, body: &Value) -> HttpResponse {
    let garbage = caller.fault == Some(RequestFault::SignedGarbage);
    let body = if garbage { GARBAGE.to_owned() } else { body.to_string() };
    let signed = Signed::new(&caller.signer, now, body, caller.forgery());
    let mut response = HttpResponse::Ok();
    for header in signed.headers {
        response.insert_header(header);
    }
    response.insert_header(("Request-ID", request_id(0)));
    response.content_type("application/json; charset=utf-8").body(signed.body)
}

/// An error with a signed body.
pub(super) fn refused(caller: &Caller, now: DateTime<Utc>, refusal: &Refusal) -> HttpResponse {
    let body = refusal.body().to_string();
    let signed = Signed::new(&caller.signer, now, body, caller.forgery());
    let mut response = HttpResponse::build(refusal.status_code());
    for header in signed.headers {
        response.insert_header(header);
    }
    response.insert_header(("Request-ID", request_id(1)));
    response.content_type("application/json; charset=utf-8").body(signed.body)
}

/// 204; the signature is over the empty body, which cannot be altered.
pub(super) fn no_content(caller: &Caller, now: DateTime<Utc>) -> HttpResponse {
    let signed = Signed::new(&caller.signer, now, String::new(), caller.forgery());
    let mut response = HttpResponse::NoContent();
    for header in signed.headers {
        response.insert_header(header);
    }
    response.insert_header(("Request-ID", request_id(0))).finish()
}
