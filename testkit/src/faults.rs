//! A proxy in front of the sandbox's WeChat Pay: counts the queries of each payment and injects
//! faults.

use crate::{Forge, http_client, threads::Thread};
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    web::{self, Bytes, Data},
};
use futures_util::stream;
use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{Arc, Mutex},
};

/// A fault of requests about a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request is never answered.
    Hangs,
    /// The connection breaks in the middle of the answer.
    BreaksOff,
    /// The proxy sends this answer; the request does not reach WeChat Pay.
    Says(u16, &'static str),
    /// WeChat Pay handles the request, but its answer is lost.
    LosesAnswer,
    /// WeChat Pay answers, but the signature header is removed.
    LosesSignature,
    /// A paid payment is reported as refunded.
    Refunds,
}

/// The proxy. It stops on drop.
pub struct Faults {
    base_url: String,
    state: Arc<State>,
    _thread: Thread,
}

struct State {
    sandbox: String,
    http: reqwest::Client,
    /// The fault of payments without one of their own.
    everything: Mutex<Option<Fault>>,
    of_payments: Mutex<HashMap<String, Fault>>,
    asked: Mutex<HashMap<String, usize>>,
}

impl Faults {
    /// Starts a proxy in front of the sandbox at this address.
    pub fn before(sandbox: &str) -> Self {
        let state = Arc::new(State {
            sandbox: sandbox.to_owned(),
            http: http_client(),
            everything: Mutex::default(),
            of_payments: Mutex::default(),
            asked: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Data::from(Arc::clone(&state));
        let ((), thread) = Thread::start(async move || {
            let app = move || App::new().app_data(shared.clone()).default_service(web::to(gate));
            let server = HttpServer::new(app).workers(1).disable_signals();
            let server = server.listen(listener).unwrap().run();
            let handle = server.handle();
            actix_web::rt::spawn(server);
            ((), async move { handle.stop(false).await })
        });
        Self { base_url, state, _thread: thread }
    }

    /// The proxy's address, to be used as WeChat Pay's.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Sets or clears the fault of all payments without one of their own.
    pub fn everywhere(&self, fault: Option<Fault>) {
        *self.state.everything.lock().unwrap() = fault;
    }

    /// Sets the fault of this payment.
    pub fn meets(&self, out_trade_no: &str, fault: Fault) {
        self.state.of_payments.lock().unwrap().insert(out_trade_no.to_owned(), fault);
    }

    /// Clears all faults.
    pub fn heal(&self) {
        self.everywhere(None);
        self.state.of_payments.lock().unwrap().clear();
    }

    /// How often the state of a payment was queried, answered or not.
    pub fn asked(&self, out_trade_no: &str) -> usize {
        self.state.asked.lock().unwrap().get(out_trade_no).copied().unwrap_or_default()
    }
}

async fn gate(request: HttpRequest, body: Bytes, state: Data<State>) -> HttpResponse {
    let number = request.path().split('/').nth(5).unwrap_or_default().to_owned();
    if request.method() == "GET" {
        *state.asked.lock().unwrap().entry(number.clone()).or_default() += 1;
    }
    let own = state.of_payments.lock().unwrap().get(&number).copied();
    let fault = own.or(*state.everything.lock().unwrap());
    match fault {
        Some(Fault::Refunds) if request.method() == "GET" => refunded(&request, body, &state).await,
        None | Some(Fault::Refunds) => forward(&request, body, &state, "").await,
        Some(Fault::Hangs) => std::future::pending().await,
        Some(Fault::BreaksOff) => {
            let error = actix_web::error::ErrorBadGateway("gone");
            HttpResponse::Ok().streaming(stream::iter([Ok(Bytes::from("{")), Err(error)]))
        }
        Some(Fault::Says(status, text)) => {
            HttpResponse::build(status.try_into().unwrap()).body(text)
        }
        Some(Fault::LosesAnswer) => {
            forward(&request, body, &state, "").await;
            HttpResponse::BadGateway().body("<html></html>")
        }
        Some(Fault::LosesSignature) => forward(&request, body, &state, "wechatpay-signature").await,
    }
}

/// The answer to a query with the state changed, signed again.
async fn refunded(request: &HttpRequest, body: Bytes, state: &State) -> HttpResponse {
    let told = send_on(request, body, state).await.text().await.unwrap();
    let paid = r#""trade_state":"SUCCESS""#;
    assert!(told.contains(paid), "{told}");
    let letter = Forge::with_sandbox_keys().signed(told.replace(paid, r#""trade_state":"REFUND""#));
    let mut back = HttpResponse::Ok();
    for (name, value) in letter.headers {
        back.insert_header((name, value));
    }
    back.body(letter.body)
}

async fn send_on(request: &HttpRequest, body: Bytes, state: &State) -> reqwest::Response {
    let method = request.method().as_str().parse().unwrap();
    let mut onward = state.http.request(method, format!("{}{}", state.sandbox, request.uri()));
    for (name, value) in request.headers() {
        if !matches!(name.as_str(), "host" | "content-length" | "connection") {
            onward = onward.header(name.as_str(), value.as_bytes());
        }
    }
    onward.body(body.to_vec()).send().await.unwrap()
}

/// Forwards a request byte for byte, and its answer without one header.
async fn forward(request: &HttpRequest, body: Bytes, state: &State, without: &str) -> HttpResponse {
    let answer = send_on(request, body, state).await;
    let mut back = HttpResponse::build(answer.status().as_u16().try_into().unwrap());
    for (name, value) in answer.headers() {
        let hop = matches!(name.as_str(), "content-length" | "connection" | "transfer-encoding");
        if !hop && name.as_str() != without {
            back.append_header((name.as_str(), value.as_bytes()));
        }
    }
    back.body(answer.bytes().await.unwrap())
}
