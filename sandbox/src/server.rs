//! Starting and stopping the sandbox.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix_web::body::MessageBody;
use actix_web::dev::{ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::http::header::{DATE, HttpDate, TryIntoHeaderValue};
use actix_web::middleware::Next;
use actix_web::{App, Error, HttpServer, middleware, web};

use crate::callbacks::CallbackMode;
use crate::clock::{Clock, SystemClock};
use crate::control;
use crate::faults::gate;
use crate::keys::{Keys, TillKey};
use crate::state::Sandbox;

/// No provider accepts longer requests on the paths that the stand-ins serve.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Styles and scripts come from here alone. A form may lead back to the app, which runs on
/// another port of this machine.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     connect-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; \
     form-action 'self' http://127.0.0.1:* http://localhost:*";

#[derive(Debug)]
pub struct Options {
    /// Port 0 takes any free port.
    pub listen: SocketAddr,
    pub keys: Arc<Keys>,
    pub clock: Arc<dyn Clock>,
    /// Whether callbacks are sent by themselves.
    pub callbacks: CallbackMode,
    /// How many times faster than the providers' schedules callbacks are retried; 0: only on
    /// demand.
    pub speed: u32,
    /// By default those of the keys.
    pub tills: Vec<TillKey>,
    /// Gates and library desks, likewise.
    pub gates: Vec<TillKey>,
    /// The server that tills and gates call, `http://127.0.0.1:port`.
    pub server: String,
}

impl Options {
    /// Any free port of 127.0.0.1, the machine's clock, automatic callbacks at the providers' pace.
    pub fn new(keys: impl Into<Arc<Keys>>) -> Self {
        let keys = keys.into();
        Self {
            tills: keys.tills.clone(),
            gates: keys.gates.clone(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            keys,
            clock: Arc::new(SystemClock),
            callbacks: CallbackMode::Auto,
            speed: 1,
            server: "http://127.0.0.1:8080".to_owned(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the address cannot be listened on: {0}")]
    Listen(#[from] std::io::Error),
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// A sandbox that serves until it is stopped or dropped.
#[derive(Debug)]
pub struct Running {
    base_url: String,
    sandbox: Arc<Sandbox>,
    handle: ServerHandle,
}

impl Running {
    /// `http://127.0.0.1:port`, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The state itself: what happened, and everything the control page can do.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Ends requests and outstanding callbacks, and frees the port.
    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.sandbox.callbacks.stop();
        // The call itself sends the command to stop; the end is not waited for.
        drop(self.handle.stop(false));
    }
}

/// Starts the stand-ins; must be called inside a tokio runtime, which then carries the callbacks.
pub async fn start(options: Options) -> Result<Running, StartError> {
    let sandbox = web::Data::new(Sandbox::new(&options)?);
    let state = sandbox.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
            .wrap(middleware::from_fn(gate::pass))
            .wrap(security_headers())
            .wrap(middleware::from_fn(dated))
            .configure(|config| {
                state.stand_ins().into_iter().for_each(|stand_in| stand_in.mount(config));
            })
            .configure(control::routes)
    })
    .workers(2)
    // As long as web servers usually do.
    .keep_alive(Duration::from_mins(1))
    .disable_signals()
    .bind(options.listen)?;
    let base_url = server.addrs().first().map_or_else(String::new, |at| format!("http://{at}"));
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(Running { base_url, sandbox: sandbox.into_inner(), handle })
}

/// Answers are dated by the sandbox's own clock, which tests set.
async fn dated(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let now = request.app_data::<web::Data<Sandbox>>().map(|sandbox| sandbox.clock.now());
    let mut response = next.call(request).await?;
    if let Some(now) = now {
        let date = HttpDate::from(SystemTime::from(now));
        response.headers_mut().insert(DATE, date.try_into_value()?);
    }
    Ok(response)
}

fn security_headers() -> middleware::DefaultHeaders {
    middleware::DefaultHeaders::new()
        .add(("Content-Security-Policy", CONTENT_SECURITY_POLICY))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("Referrer-Policy", "no-referrer"))
}
