//! The door of a merchant where callbacks come in.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

#[derive(Clone, Debug)]
pub struct Received {
    /// Of the address that it came to.
    pub query: String,
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Received {
    pub fn envelope(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The transaction inside.
    pub fn open(&self, api_v3_key: &str) -> Value {
        self.try_open(api_v3_key).unwrap()
    }

    /// `None` if it is sealed with another key.
    pub fn try_open(&self, api_v3_key: &str) -> Option<Value> {
        let text = try_open(&self.envelope()["resource"], api_v3_key)?;
        Some(serde_json::from_slice(&text).unwrap())
    }
}

/// What `AEAD_AES_256_GCM` sealed.
pub fn open(resource: &Value, api_v3_key: &str) -> Vec<u8> {
    try_open(resource, api_v3_key).unwrap()
}

fn try_open(resource: &Value, api_v3_key: &str) -> Option<Vec<u8>> {
    let text = |name: &str| resource[name].as_str().unwrap().to_owned();
    let key = UnboundKey::new(&AES_256_GCM, api_v3_key.as_bytes()).unwrap();
    let nonce = Nonce::try_assume_unique_for_key(text("nonce").as_bytes()).unwrap();
    let mut sealed = STANDARD.decode(text("ciphertext")).unwrap();
    let aad = Aad::from(text("associated_data").into_bytes());
    let opened = LessSafeKey::new(key).open_in_place(nonce, aad, &mut sealed);
    opened.ok().map(|text| text.to_vec())
}

#[derive(Default)]
struct Inbox {
    received: Mutex<Vec<Received>>,
    /// Answers to give, one each.
    answers: Mutex<VecDeque<(u16, &'static str)>>,
    /// What is answered afterwards.
    then: (u16, &'static str),
}

pub struct Receiver {
    pub notify_url: String,
    inbox: Data<Inbox>,
    handle: ServerHandle,
}

impl Receiver {
    /// Answers with the given statuses in turn and then always with 204.
    pub fn start(answers: &[u16]) -> Self {
        let refusal = r#"{"code":"FAIL","message":"稍后再试"}"#;
        Self::saying(answers.iter().map(|status| (*status, refusal)), (204, ""))
    }

    /// Answers with the given statuses and bodies in turn, and then always with the last.
    pub fn saying(
        answers: impl IntoIterator<Item = (u16, &'static str)>,
        then: (u16, &'static str),
    ) -> Self {
        let inbox = Data::from(Arc::new(Inbox {
            answers: Mutex::new(answers.into_iter().collect()),
            then,
            ..Inbox::default()
        }));
        let state = inbox.clone();
        let app =
            move || App::new().app_data(state.clone()).route("/notify", web::post().to(take_in));
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.bind("127.0.0.1:0").unwrap();
        let notify_url = format!("http://{}/notify", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { notify_url, inbox, handle }
    }

    pub fn received(&self) -> Vec<Received> {
        self.inbox.received.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn take_in(request: HttpRequest, body: Bytes, inbox: Data<Inbox>) -> HttpResponse {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()));
    let body = String::from_utf8(body.to_vec()).unwrap();
    let query = request.query_string().to_owned();
    inbox.received.lock().unwrap().push(Received { query, headers: headers.collect(), body });
    let (status, text) = inbox.answers.lock().unwrap().pop_front().unwrap_or(inbox.then);
    let mut answer = HttpResponse::build(status.try_into().unwrap());
    match status {
        302 => answer.insert_header(("location", "/notify")).finish(),
        204 => answer.finish(),
        _ => answer.content_type("text/plain").body(text),
    }
}
