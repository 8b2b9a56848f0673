//! Starting and stopping the sandbox.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, middleware, web};

use crate::clock::{AdjustableClock, Clock, SystemClock};
use crate::faults::{Faults, gate};
use crate::keys::{Keys, TillKey};
use crate::requests::Requests;
use crate::state::Sandbox;
use crate::till::{self, Tills};
use crate::wechat::WeChat;
use crate::wechat_pay::{CallbackMode, Pace, WechatPay};
use crate::{control, wechat, wechat_pay};

/// No provider takes longer requests from a merchant on the paths that are stood in for.
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
    /// Whether a payment sends its callback by itself.
    pub callbacks: CallbackMode,
    /// How many times faster than WeChat the retries of callbacks follow each other; 0: only when
    /// told to.
    pub speed: u32,
    /// Those of the keys, unless told otherwise.
    pub tills: Vec<TillKey>,
    /// Where the tills ask, `http://127.0.0.1:port`.
    pub server: String,
}

impl Options {
    /// Any free port of 127.0.0.1, the machine's clock, automatic callbacks at WeChat's pace.
    pub fn new(keys: impl Into<Arc<Keys>>) -> Self {
        let keys = keys.into();
        Self {
            tills: keys.tills.clone(),
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
    #[error("no HTTP client for callbacks: {0}")]
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
        self.sandbox.wechat_pay.stop_callbacks();
        // The command to stop is sent by the call itself; nobody is left to wait for the end.
        drop(self.handle.stop(false));
    }
}

/// Starts the stand-ins; must be called inside a tokio runtime, which then carries the callbacks.
pub async fn start(options: Options) -> Result<Running, StartError> {
    let clock = Arc::new(AdjustableClock::over(options.clock));
    let faults = Arc::new(Faults::default());
    let pace = Pace::new(options.speed);
    let wechat_pay = WechatPay::new(&options.keys, clock.clone(), faults.clone(), pace)?;
    wechat_pay.set_callback_mode(options.callbacks);
    let tills = Tills::new(&options.tills, &options.server)?;
    let sandbox = web::Data::new(Sandbox {
        wechat: WeChat::new(&options.keys),
        wechat_pay: Arc::new(wechat_pay),
        keys: options.keys,
        clock,
        faults,
        requests: Requests::default(),
        tills,
    });
    let state = sandbox.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
            .wrap(middleware::from_fn(gate::pass))
            .wrap(security_headers())
            .configure(wechat::routes)
            .configure(wechat_pay::routes)
            .configure(till::routes)
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

fn security_headers() -> middleware::DefaultHeaders {
    middleware::DefaultHeaders::new()
        .add(("Content-Security-Policy", CONTENT_SECURITY_POLICY))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("Referrer-Policy", "no-referrer"))
}
