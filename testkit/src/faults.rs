//! A proxy in front of the sandbox's WeChat Pay and Alipay: counts the queries of each payment and
//! injects faults.

use crate::{Forge, http_client, threads::Thread};
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    web::{self, Bytes, Data},
};
use futures_util::stream;
use serde_json::Value;
use std::{
    collections::HashMap,
    net::TcpListener,
    sync::{Arc, Mutex},
};

/// Where WeChat Pay is asked for refunds.
const REFUNDS: &str = "/v3/refund/domestic/refunds";
/// Where WeChat Pay signs.
const SIGNATURE: &str = "wechatpay-signature";

/// A fault of requests about a payment or a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request is never answered.
    Hangs,
    /// The connection breaks in the middle of the answer.
    BreaksOff,
    /// The proxy sends this answer; the request does not reach the provider.
    Says(u16, &'static str),
    /// Likewise, with bytes that need not be text.
    SaysBytes(u16, &'static [u8]),
    /// The provider handles the request, but its answer is lost.
    LosesAnswer,
    /// The provider answers, but the signature is removed.
    LosesSignature,
    /// A paid payment is reported as refunded. By WeChat Pay alone.
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

    /// The proxy's address, to be used as the providers'.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Sets or clears the fault of all payments without one of their own.
    pub fn everywhere(&self, fault: Option<Fault>) {
        *self.state.everything.lock().unwrap() = fault;
    }

    /// Sets the fault of this payment; of queries after this refund; with an empty number, of requests
    /// that make refunds, and of those that make payments at WeChat Pay.
    pub fn meets(&self, number: &str, fault: Fault) {
        self.state.of_payments.lock().unwrap().insert(number.to_owned(), fault);
    }

    /// Clears all faults.
    pub fn heal(&self) {
        self.everywhere(None);
        self.state.of_payments.lock().unwrap().clear();
    }

    /// How often the state of a payment or refund was queried, answered or not; with an empty number, how
    /// many requests for refunds there were.
    pub fn asked(&self, number: &str) -> usize {
        self.state.asked.lock().unwrap().get(number).copied().unwrap_or_default()
    }
}

/// What a request is about, and whether it is counted.
fn about(request: &HttpRequest, body: &[u8]) -> (String, bool) {
    let Some(content) = alipay_content(request, body) else {
        let number = request.path().split('/').nth(5).unwrap_or_default();
        let counts = request.method() == "GET" || request.path() == REFUNDS;
        return (number.to_owned(), counts);
    };
    let (method, content) = content;
    let text = |name: &str| content[name].as_str().unwrap_or_default().to_owned();
    match method.as_str() {
        "alipay.trade.refund" => (String::new(), true),
        "alipay.trade.fastpay.refund.query" => (text("out_request_no"), true),
        method => (text("out_trade_no"), method == "alipay.trade.query"),
    }
}

/// The method and the content of a request to Alipay's gateway.
fn alipay_content(request: &HttpRequest, body: &[u8]) -> Option<(String, Value)> {
    if request.path() != "/gateway.do" {
        return None;
    }
    let in_query = web::Query::<HashMap<String, String>>::from_query(request.query_string());
    let in_body = std::str::from_utf8(body).unwrap();
    let in_body = web::Query::<HashMap<String, String>>::from_query(in_body);
    let mut parameters = in_query.unwrap().into_inner();
    parameters.extend(in_body.unwrap().into_inner());
    let content = parameters.get("biz_content").map(|text| serde_json::from_str(text).unwrap());
    Some((parameters["method"].clone(), content.unwrap_or_default()))
}

async fn gate(request: HttpRequest, body: Bytes, state: Data<State>) -> HttpResponse {
    let (number, counts) = about(&request, &body);
    if counts {
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
        Some(Fault::SaysBytes(status, bytes)) => {
            HttpResponse::build(status.try_into().unwrap()).body(bytes)
        }
        Some(Fault::LosesAnswer) => {
            forward(&request, body, &state, "").await;
            HttpResponse::BadGateway().body("<html></html>")
        }
        Some(Fault::LosesSignature) => forward(&request, body, &state, SIGNATURE).await,
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

/// Forwards a request byte for byte, and its answer without this header, if any. An answer of Alipay,
/// which is signed in its body, then lacks its signature.
async fn forward(request: &HttpRequest, body: Bytes, state: &State, without: &str) -> HttpResponse {
    let answer = send_on(request, body, state).await;
    let mut back = HttpResponse::build(answer.status().as_u16().try_into().unwrap());
    for (name, value) in answer.headers() {
        let hop = matches!(name.as_str(), "content-length" | "connection" | "transfer-encoding");
        if !hop && name.as_str() != without {
            back.append_header((name.as_str(), value.as_bytes()));
        }
    }
    let bytes = answer.bytes().await.unwrap();
    if request.path() == "/gateway.do" && !without.is_empty() {
        let mut told: Value = serde_json::from_slice(&bytes).unwrap();
        assert!(told.as_object_mut().unwrap().remove("sign").is_some(), "{told}");
        return back.body(told.to_string());
    }
    back.body(bytes)
}
