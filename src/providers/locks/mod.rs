//! Door locks, through the adapter of their vendor: `docs/lock-adapter.md`.
//!
//! Invariant: an order to open is sent once. Whatever is not a rightly signed answer to it leaves its
//! outcome unknown, unless no connection was made.

mod settings;
mod signing;
#[cfg(test)]
mod tests;
mod wire;

pub use settings::LockSettings;

use crate::{
    base::{
        clock::{Clock, Timestamp},
        http_client,
    },
    keyring::{LockAnswer, LockRefusal, LockVendor, OpenOrder, OpeningId},
};
use async_trait::async_trait;
use reqwest::{Client, Method, header};
use signing::{LockKey, RequestLines};
use std::{sync::Arc, time::Duration};

/// Adapters answer within 5 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);
const ANSWER_MAX_BYTES: usize = 16 * 1024;
/// As `rand` makes them, in hex.
const NONCE_BYTES: usize = 16;

/// The adapter behind `[locks]`.
#[derive(Debug)]
pub struct HttpLocks {
    origin: String,
    /// The path of the address, without a slash at its end.
    base_path: String,
    key: LockKey,
    http: Client,
    clock: Arc<dyn Clock>,
}

/// Why there is no answer that could be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoAnswer {
    /// Nothing was sent.
    Unreachable,
    /// Whether anything was done, nobody knows.
    Unusable,
}

/// One call.
struct Call<'a> {
    method: Method,
    path: &'a str,
    body: String,
}

impl HttpLocks {
    /// The adapter with these settings, using a client from [`http_client::build`].
    pub fn new(settings: LockSettings, http: Client, clock: Arc<dyn Clock>) -> Self {
        let LockSettings { base_url, key_id, key_secret } = settings;
        Self {
            origin: base_url.origin().ascii_serialization(),
            base_path: base_url.path().trim_end_matches('/').to_owned(),
            key: LockKey { id: key_id, secret: key_secret },
            http,
            clock,
        }
    }

    /// Sends once, and reads a rightly signed answer about this order.
    async fn call(&self, id: OpeningId, call: Call<'_>) -> Result<LockAnswer, NoAnswer> {
        let Call { method, path, body } = call;
        let path = format!("{}{path}", self.base_path);
        let nonce = hex::encode(rand::random::<[u8; NONCE_BYTES]>());
        let lines = RequestLines {
            method: method.as_str(),
            path: &path,
            time: self.now().seconds(),
            nonce: &nonce,
            body: body.as_bytes(),
        };
        let signature = self.key.sign_request(&lines);
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.origin))
            .timeout(ANSWER_WITHIN)
            .header(signing::KEY, &self.key.id)
            .header(signing::TIME, lines.time)
            .header(signing::NONCE, lines.nonce)
            .header(signing::SIGNATURE, &signature);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        }
        let response = http_client::send(request).await.map_err(|error| {
            let error = error.without_url();
            tracing::warn!(request_id = %id, ?error, "lock adapter: no answer");
            if error.is_connect() { NoAnswer::Unreachable } else { NoAnswer::Unusable }
        })?;
        self.read(id, &signature, response).await
    }

    async fn read(
        &self,
        id: OpeningId,
        asked: &str,
        response: reqwest::Response,
    ) -> Result<LockAnswer, NoAnswer> {
        let unusable = |what: &'static str, status: u16| {
            tracing::warn!(request_id = %id, status, "lock adapter: {what}");
            NoAnswer::Unusable
        };
        let status = response.status().as_u16();
        let told = signing::signature_of(response.headers());
        let body = http_client::read_bounded(response, ANSWER_MAX_BYTES).await;
        let body = body.map_err(|_| unusable("no whole answer", status))?;
        if status != 200 {
            return Err(unusable("unexpected status", status));
        }
        let told = told.ok_or_else(|| unusable("the answer is not signed", status))?;
        if !self.key.is_answer(asked, &body, &told) {
            return Err(unusable("the answer's signature is wrong", status));
        }
        wire::read(&body, id).ok_or_else(|| unusable("the answer is not understood", status))
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

#[async_trait]
impl LockVendor for HttpLocks {
    async fn open(&self, order: OpenOrder<'_>) -> LockAnswer {
        let path = format!("/v1/locks/{}/open", order.lock);
        let call = Call { method: Method::POST, path: &path, body: wire::order(&order) };
        match self.call(order.id, call).await {
            // Whoever has just received it contradicts itself.
            Ok(LockAnswer::NotReceived) | Err(NoAnswer::Unusable) => LockAnswer::Unknown,
            Ok(answer) => answer,
            Err(NoAnswer::Unreachable) => LockAnswer::Refused(LockRefusal::Unreachable),
        }
    }

    async fn outcome(&self, id: OpeningId) -> LockAnswer {
        let path = format!("/v1/opens/{id}");
        let call = Call { method: Method::GET, path: &path, body: String::new() };
        self.call(id, call).await.unwrap_or(LockAnswer::Unknown)
    }
}
