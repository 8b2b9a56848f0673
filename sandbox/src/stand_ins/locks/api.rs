//! The two operations of `docs/lock-adapter.md`.

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::book::Outcome;
use super::signing::{Claim, Sent, sign_answer};
use super::{LockCredentials, Locks};
use crate::endpoint::{Endpoint, Excuse};
use crate::faults::forgery::altered;
use crate::faults::{Forgery, RequestFault};
use crate::requests;
use crate::schema::{self, Field, Rule, required};
use crate::state::lock;

/// Below the address that the server is given.
pub(super) const BASE: &str = "/locks";

pub const LOCK_OPEN: Endpoint = Endpoint {
    name: "lock_open",
    label: "开门",
    matches: |_, path| path.starts_with("/locks/v1/locks/"),
    faults: RequestFault::LOCKS,
    excuse,
};
pub const LOCK_QUERY: Endpoint = Endpoint {
    name: "lock_query",
    label: "开门结果查询",
    matches: |_, path| path.starts_with("/locks/"),
    faults: RequestFault::LOCKS,
    excuse,
};

const ORDER: &[Field] = &[
    required("request_id", Rule::Form { max: 36, is: is_request_id, issue: "应为小写 UUID" }),
    required("open_until", Rule::Whole { min: 1 }),
];

/// A request whose signature is right.
struct Caller<'a> {
    key: &'a LockCredentials,
    signature: String,
    fault: Option<RequestFault>,
}

pub(super) async fn open(
    request: HttpRequest,
    lock_id: Path<String>,
    body: Bytes,
    locks: Data<Locks>,
) -> HttpResponse {
    let caller = match locks.caller(&request, &body) {
        Ok(caller) => caller,
        Err((status, what)) => return refuse(status, what),
    };
    if request.content_type() != "application/json" {
        return refuse(415, "Content-Type");
    }
    let order = match schema::read(&body, ORDER) {
        Ok(order) => order,
        Err(violation) => return refuse(400, &format!("{}: {}", violation.field, violation.issue)),
    };
    let id = order.get("request_id").and_then(Value::as_str).unwrap_or_default();
    let until = order.get("open_until").and_then(Value::as_i64).unwrap_or_default();
    requests::set_about(&request, id);
    let now = locks.clock.now();
    let mut book = lock(&locks.book);
    let outcome = match book.order(id) {
        Some(known) if known.lock_id != *lock_id => return refuse(409, "request_id"),
        Some(known) => known.outcome(now),
        None => book.take((id, &lock_id), until, now).outcome(now),
    };
    drop(book);
    locks.changes.notify();
    caller.answer(id, outcome)
}

pub(super) async fn query(
    request: HttpRequest,
    id: Path<String>,
    body: Bytes,
    locks: Data<Locks>,
) -> HttpResponse {
    let caller = match locks.caller(&request, &body) {
        Ok(caller) => caller,
        Err((status, what)) => return refuse(status, what),
    };
    if !is_request_id(&id) || !body.is_empty() {
        return refuse(400, "request_id");
    }
    requests::set_about(&request, &id);
    let now = locks.clock.now();
    let outcome = lock(&locks.book).order(&id).map_or(Outcome::NotReceived, |o| o.outcome(now));
    caller.answer(&id, outcome)
}

impl Locks {
    /// The caller, or the status and the name of what is wrong.
    fn caller(
        &self,
        request: &HttpRequest,
        body: &[u8],
    ) -> Result<Caller<'_>, (u16, &'static str)> {
        let key = self.key.as_ref().ok_or((401, "Onecard-Key"))?;
        let sent = Sent { method: request.method().as_str(), path: request.uri().path(), body };
        let now = self.clock.now();
        let claim = Claim::read(request.headers()).map_err(|name| (401, name))?;
        claim.check(key, sent, now.timestamp()).map_err(|name| (401, name))?;
        if request.uri().query().is_some() {
            return Err((400, "query"));
        }
        if !lock(&self.book).is_new(claim.nonce, now) {
            return Err((401, "Onecard-Nonce"));
        }
        let fault = request.extensions().get::<RequestFault>().copied();
        Ok(Caller { key, signature: claim.signature.to_owned(), fault })
    }
}

impl Caller<'_> {
    fn answer(&self, id: &str, outcome: Outcome) -> HttpResponse {
        let body = match outcome {
            Outcome::Opened => json!({ "request_id": id, "outcome": "opened" }),
            Outcome::Refused(reason) => {
                json!({ "request_id": id, "outcome": "refused", "reason": reason })
            }
            Outcome::NotKnownYet => json!({ "request_id": id, "outcome": "not_known_yet" }),
            Outcome::NotReceived => json!({ "request_id": id, "outcome": "not_received" }),
        };
        let mut body = body.to_string();
        if self.fault == Some(RequestFault::SignedGarbage) {
            "开门".clone_into(&mut body);
        }
        if self.fault == Some(RequestFault::OtherOrder) {
            body = body.replace(id, "00000000-0000-7000-8000-000000000000");
        }
        let signature = sign_answer(self.key, &self.signature, &body);
        let forgery = self.fault.and_then(RequestFault::forgery);
        let mut answer = HttpResponse::Ok();
        answer.content_type("application/json");
        match forgery {
            Some(Forgery::Unsigned) => {}
            Some(Forgery::WrongSignature) => {
                let other = signature.replace(['0', '1'], "2");
                answer.insert_header(("Onecard-Signature", other));
            }
            Some(Forgery::AlteredBody) => {
                answer.insert_header(("Onecard-Signature", signature));
                return answer.body(altered(&body));
            }
            Some(
                Forgery::SignatureProbe | Forgery::UnknownSerial | Forgery::Stale | Forgery::Future,
            )
            | None => {
                answer.insert_header(("Onecard-Signature", signature));
            }
        }
        answer.body(body)
    }
}

pub(super) async fn nothing() -> HttpResponse {
    refuse(404, "path")
}

/// Not signed: nothing can be learnt from it.
fn refuse(status: u16, what: &str) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
    HttpResponse::build(status).json(json!({ "message": what }))
}

fn excuse(why: Excuse) -> HttpResponse {
    match why {
        Excuse::TooManyRequests => refuse(429, "too many requests"),
        Excuse::SystemError => refuse(500, "system error"),
        Excuse::AddressNotAllowed => refuse(403, "address not allowed"),
    }
}

/// A UUID as it is printed, in lower case.
fn is_request_id(text: &str) -> bool {
    uuid::Uuid::parse_str(text).is_ok_and(|id| id.to_string() == text)
}
