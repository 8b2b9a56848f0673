//! The outermost middleware: request id, access log, metrics, security headers, and a response even
//! if the handler panics.

use super::{
    ApiError, Arrived,
    answer_counters::AnswerCounters,
    bounded::bounded,
    connection::RequestProgress,
    foreign,
    problem::{INTERNAL, MALFORMED},
    request_id,
};
use crate::base::{clock::Clock, db::counting_statements, ids::uuid_at, write_point};
use actix_web::{
    Error, HttpMessage, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
    middleware::Next,
    web,
};
use futures_util::FutureExt;
use std::{
    fmt,
    net::IpAddr,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

const PERMISSIONS_POLICY: &str = "camera=(), geolocation=(), microphone=(), payment=()";

/// The middleware's settings and counters. One for each worker.
pub struct Shell {
    clock: Arc<dyn Clock>,
    is_proxy: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    content_security_policy: HeaderValue,
    bodies: BodyLimits,
    counters: AnswerCounters,
}

/// How long bodies are waited for.
#[derive(Clone, Debug)]
pub struct BodyLimits {
    /// From when a body is waited for.
    pub time: Duration,
    /// From when the server stops.
    pub last: Duration,
    /// Cancelled when the server stops.
    pub stopping: CancellationToken,
}

/// What of a request goes into the access log and the metrics.
struct LogLine {
    id: String,
    method: &'static str,
    route: String,
    started: Instant,
}

impl Shell {
    /// A shell that accepts request ids from peers for which `is_proxy` is true.
    pub fn new(
        clock: Arc<dyn Clock>,
        is_proxy: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
        content_security_policy: HeaderValue,
        bodies: BodyLimits,
    ) -> Self {
        let counters = AnswerCounters::default();
        Self { clock, is_proxy: Box::new(is_proxy), content_security_policy, bodies, counters }
    }

    /// The id that a trusted proxy gave the request, or a new one.
    fn request_id(&self, request: &ServiceRequest) -> String {
        let peer = request.peer_addr().map(|peer| peer.ip());
        let given = request.headers().get(request_id::HEADER).and_then(|id| id.to_str().ok());
        match given {
            Some(id) if request_id::is_acceptable(id) && peer.is_some_and(&self.is_proxy) => {
                id.to_owned()
            }
            Some(_) | None => uuid_at(self.clock.now()).to_string(),
        }
    }

    fn finish(&self, id: &str, headers: &mut HeaderMap) {
        let id = HeaderValue::from_str(id);
        let mut set = |name, value| headers.insert(name, value);
        set(request_id::HEADER, id.unwrap_or_else(|_| HeaderValue::from_static("")));
        set(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        set(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        set(header::PERMISSIONS_POLICY, HeaderValue::from_static(PERMISSIONS_POLICY));
        let otherwise = [
            (header::CONTENT_SECURITY_POLICY, self.content_security_policy.clone()),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        for (name, value) in otherwise {
            if !headers.contains_key(&name) {
                headers.insert(name, value);
            }
        }
    }
}

impl fmt::Debug for Shell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shell").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// The middleware. It must be the outermost: anything outside of it has neither id nor log line.
pub async fn around(
    shell: web::Data<Shell>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let progress = request.conn_data::<RequestProgress>().cloned();
    if let Some(progress) = &progress {
        progress.head_received();
    }
    request.extensions_mut().insert(Arrived(shell.clock.now()));
    let (body, patience) = bounded(request.take_payload(), &shell.bodies);
    request.set_payload(body);
    request.extensions_mut().insert(patience);
    let line = LogLine {
        id: shell.request_id(&request),
        method: method_label(request.method()),
        route: route_label(&request),
        started: Instant::now(),
    };
    request_id::scope(line.id.clone(), async {
        let what = format_args!("{} {}", line.method, line.route);
        let work = write_point::within(what, answer(request, next));
        let (answered, statements) = counting_statements(work).await;
        if let Some(progress) = &progress {
            progress.answered();
        }
        match answered {
            Ok(mut response) => {
                line.write(response.status(), statements, &shell.counters);
                shell.finish(&line.id, response.headers_mut());
                Ok(response)
            }
            // The request is gone, so it cannot be joined to a response; the error may carry a
            // response.
            Err(error) => {
                let mut response = error.error_response();
                line.write(response.status(), statements, &shell.counters);
                shell.finish(&line.id, response.headers_mut());
                Err(InternalError::from_response(error, response).into())
            }
        }
    })
    .await
}

async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ApiError> {
    // The NUL character cannot be stored in a database text, however it is encoded.
    if request.uri().path_and_query().is_some_and(|text| text.as_str().contains("%00")) {
        return Ok(request.into_response(ApiError::new(MALFORMED).error_response()));
    }
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => Ok(as_problem(response.map_into_boxed_body())),
        Ok(Err(error)) => match error.as_error::<ApiError>() {
            Some(error) => Err(error.clone()),
            None => Err(foreign::translated(error.error_response().status())),
        },
        // The panic hook has already logged the panic.
        Err(_) => Err(ApiError::new(INTERNAL)),
    }
}

/// The response, with a problem document in place of an error body that is not ours.
fn as_problem(response: ServiceResponse) -> ServiceResponse {
    if !foreign::is_foreign(response.response()) {
        return response;
    }
    let status = response.status();
    if let Some(error) = response.response().error().filter(|_| status.is_server_error()) {
        tracing::error!(%error, "request failed");
    }
    let (request, theirs) = response.into_parts();
    let mut ours = foreign::translated(status).error_response();
    if let Some(allow) = theirs.headers().get(header::ALLOW) {
        ours.headers_mut().insert(header::ALLOW, allow.clone());
    }
    ServiceResponse::new(request, ours)
}

impl LogLine {
    fn write(&self, status: StatusCode, statements: u32, counters: &AnswerCounters) {
        let took = self.started.elapsed();
        tracing::info!(
            target: "onecard::access",
            method = self.method,
            route = self.route,
            status = status.as_u16(),
            duration_ms = millis(took),
            "answered"
        );
        counters.count(self.method, &self.route, status, |counter| {
            counter.requests.increment(1);
            counter.duration_seconds.record(took.as_secs_f64());
            counter.statements.record(statements);
        });
    }
}

/// Milliseconds, rounded down.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The pattern of the path, never the path itself, which is client input. Static files and unknown
/// paths share one label.
fn route_label(request: &ServiceRequest) -> String {
    let pattern = request.match_pattern().filter(|pattern| !pattern.is_empty());
    pattern.unwrap_or_else(|| "other".to_owned())
}

/// Clients may invent methods, so only standard methods get a label of their own.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}
