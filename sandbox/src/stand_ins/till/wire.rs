//! Sends the requests of a till to the server.

use std::sync::Mutex;
use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{CONTENT_TYPE, HOST};
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use serde::Serialize;
use serde_json::Value;

use super::TillKey;
use super::signing::{RequestParts, SignatureFields, SignatureMoment, sign};
use crate::chance;
use crate::state::lock;

/// A till that waits longer delays the queue of customers.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What the server answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// Whether the answer is final for its number: 401, 408, 429 and 5xx are not.
    pub(in crate::stand_ins) fn is_kept(&self) -> bool {
        !matches!(self.status, 401 | 408 | 429 | 500..)
    }

    /// By how much the server's clock is ahead, if it refused a request because of its time.
    pub(in crate::stand_ins) fn server_ahead(&self, now: i64) -> Option<i64> {
        let stale = self.body.get("code")? == "signature_stale";
        let time = DateTime::parse_from_rfc3339(self.body.get("server_time")?.as_str()?).ok()?;
        stale.then(|| time.timestamp().saturating_sub(now))
    }
}

/// The connection to the server.
#[derive(Debug)]
pub(in crate::stand_ins) struct Wire {
    server: Mutex<String>,
    http: Client,
}

/// A request; it is signed anew each time it is sent.
#[derive(Debug, Clone, Copy)]
pub(in crate::stand_ins) struct Request<'a> {
    pub(in crate::stand_ins) method: &'a str,
    pub(in crate::stand_ins) target: &'a str,
    pub(in crate::stand_ins) body: &'a str,
}

impl Wire {
    pub(in crate::stand_ins) fn new(server: &str) -> Result<Self, reqwest::Error> {
        let http =
            Client::builder().timeout(ANSWER_WITHIN).redirect(Policy::none()).no_proxy().build()?;
        let wire = Self { server: Mutex::default(), http };
        wire.set_server(server);
        Ok(wire)
    }

    pub(in crate::stand_ins) fn set_server(&self, server: &str) {
        server.trim_end_matches('/').clone_into(&mut lock(&self.server));
    }

    pub(in crate::stand_ins) fn server(&self) -> String {
        lock(&self.server).clone()
    }

    /// Signs and sends; `None` if no answer arrived.
    pub(in crate::stand_ins) async fn send(
        &self,
        key: &TillKey,
        request: Request<'_>,
        created: i64,
    ) -> Option<Answer> {
        let server = self.server();
        let (_, authority) = server.split_once("://")?;
        let Request { method, target, body } = request;
        let message = RequestParts { method, authority, target, body: body.as_bytes() };
        let nonce = chance::hex_digits(24);
        let SignatureFields { content_digest, signature_input, signature } =
            sign(key, message, SignatureMoment { created, nonce: &nonce });
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        let sent = self
            .http
            .request(method, format!("{server}{target}"))
            .header(HOST, authority)
            .header(CONTENT_TYPE, "application/json")
            .header("Content-Digest", content_digest)
            .header("Signature-Input", signature_input)
            .header("Signature", signature)
            .body(body.to_owned());
        let answer = sent.send().await.ok()?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.ok()?;
        Some(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }
}
