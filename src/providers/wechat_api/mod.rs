//! WeChat's server API of one mini-program: what is called with an access token.
//!
//! The host answers 200 even on failure; the outcome is `errcode` in the JSON. The token travels in the
//! query, so no address is ever logged.
//!
//! Invariant: a token is fetched in normal mode: every server then gets the same one, and none of them
//! ends another's. What says that a token is not valid is answered by fetching once more, never by force.
//! Invariant: no message is repeated here: a repetition is the outbox's.

mod access_token;
mod message;
mod phone;
mod shipping;
#[cfg(test)]
mod tests;
mod trial;

pub use message::fits;

use super::wechat_login::WechatLoginSettings;
use crate::base::{
    clock::{Clock, Timestamp},
    http_client,
};
use access_token::AccessToken;
use reqwest::{Client, RequestBuilder, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// The address that this server calls from is not in the app's list.
const ADDRESS_NOT_LISTED: i64 = 40_164;
/// The daily limit of a method is used up.
const DAILY_LIMIT: i64 = 45_009;
/// Too many calls in a minute.
const MINUTE_LIMIT: i64 = 45_011;
/// Invalid, expired, invalid.
const TOKEN_REFUSED: [i64; 3] = [40_001, 42_001, 40_014];

/// What to wait where WeChat says that there were too many calls.
const AFTER_DAILY_LIMIT: Duration = Duration::from_hours(1);
const AFTER_MINUTE_LIMIT: Duration = Duration::from_mins(1);

/// The server API for one mini-program.
#[derive(Debug)]
pub struct WechatApi {
    origin: String,
    app_id: String,
    http: Client,
    clock: Arc<dyn Clock>,
    token: AccessToken,
}

/// An answer that was understood.
struct ApiAnswer {
    /// 0 on success.
    errcode: i64,
    body: Vec<u8>,
}

/// No answer that could be used: whether anything was done, nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NoAnswer;

#[derive(Deserialize)]
struct Codes {
    #[serde(default)]
    errcode: i64,
    #[serde(default)]
    errmsg: String,
}

impl WechatApi {
    /// The API of this mini-program, using a client from [`http_client::build`].
    pub(super) fn new(settings: &WechatLoginSettings, http: Client, clock: Arc<dyn Clock>) -> Self {
        Self {
            origin: settings.base_url.origin().ascii_serialization(),
            app_id: settings.app_id.clone(),
            http,
            clock,
            token: AccessToken::new(settings.app_secret.clone()),
        }
    }

    /// Posts to a method, once more with a new token where the first is refused.
    async fn call(
        &self,
        path: &'static str,
        body: &(impl Serialize + Sync),
    ) -> Result<ApiAnswer, NoAnswer> {
        let token = self.token.get(self).await?;
        let answer = self.call_with(path, body, &token).await?;
        if !TOKEN_REFUSED.contains(&answer.errcode) {
            return Ok(answer);
        }
        self.token.forget(&token).await;
        let token = self.token.get(self).await?;
        self.call_with(path, body, &token).await
    }

    async fn call_with(
        &self,
        path: &'static str,
        body: &(impl Serialize + Sync),
        token: &SecretString,
    ) -> Result<ApiAnswer, NoAnswer> {
        let query = [("access_token", token.expose_secret())];
        let request = self.http.post(format!("{}{path}", self.origin)).query(&query);
        exchange(path, with_json(request, body)?).await
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// WeChat reads escaped characters as they stand, so that the body is sent in plain UTF-8.
fn with_json(
    request: RequestBuilder,
    body: &(impl Serialize + Sync),
) -> Result<RequestBuilder, NoAnswer> {
    let body = serde_json::to_vec(body).map_err(|_| NoAnswer)?;
    Ok(request.header(header::CONTENT_TYPE, "application/json").body(body))
}

/// Sends once.
async fn exchange(path: &'static str, request: RequestBuilder) -> Result<ApiAnswer, NoAnswer> {
    let response = http_client::send(request).await.map_err(|error| {
        let error = error.without_url();
        tracing::warn!(path, ?error, "WeChat API: no answer");
        NoAnswer
    })?;
    let status = response.status().as_u16();
    let body = http_client::read_bounded(response, ANSWER_MAX_BYTES).await;
    let body = body.map_err(|error| {
        tracing::warn!(path, status, ?error, "WeChat API: no whole answer");
        NoAnswer
    })?;
    if status != 200 {
        tracing::warn!(path, status, "WeChat API: unexpected status");
        return Err(NoAnswer);
    }
    let Ok(Codes { errcode, errmsg }) = serde_json::from_slice(&body) else {
        tracing::warn!(path, "WeChat API: the answer is not understood");
        return Err(NoAnswer);
    };
    if errcode != 0 {
        let rid = request_id(&errmsg);
        tracing::warn!(path, errcode, rid, "WeChat API: refused");
    }
    Ok(ApiAnswer { errcode, body })
}

/// How long an answer asks us to wait.
const fn wait_of(errcode: i64) -> Option<Duration> {
    match errcode {
        DAILY_LIMIT => Some(AFTER_DAILY_LIMIT),
        MINUTE_LIMIT => Some(AFTER_MINUTE_LIMIT),
        _ => None,
    }
}

/// The `rid: …` that WeChat's support asks for. The rest of the text may contain request data.
pub(super) fn request_id(errmsg: &str) -> &str {
    let after = errmsg.split_once("rid: ").map_or("", |(_, after)| after);
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    end.and_then(|end| after.get(..end)).unwrap_or(after)
}
