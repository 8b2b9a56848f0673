//! WeChat's server API of one mini-program: what is called with an access token.
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

use super::{
    errcode::{Answered, NoAnswer, exchange},
    wechat_login::WechatLoginSettings,
};
use crate::base::clock::{Clock, Timestamp};
use access_token::AccessToken;
use reqwest::{Client, RequestBuilder, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use std::{sync::Arc, time::Duration};

/// What the log calls it.
const NAME: &str = "WeChat API";

/// The address that this server calls from is not in the app's list.
const ADDRESS_NOT_LISTED: i64 = 40_164;
/// The daily limit of a method is used up.
const DAILY_LIMIT: i64 = 45_009;
/// Too many calls in a minute.
const MINUTE_LIMIT: i64 = 45_011;
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

impl WechatApi {
    /// The API of this mini-program, using a client from [`crate::base::http_client::build`].
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
    ) -> Result<Answered, NoAnswer> {
        let token = self.token.get(self).await?;
        let answer = self.call_with(path, body, &token).await?;
        if !answer.is_token_refused() {
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
    ) -> Result<Answered, NoAnswer> {
        let query = [("access_token", token.expose_secret())];
        let request = self.http.post(format!("{}{path}", self.origin)).query(&query);
        exchange((NAME, path), with_json(request, body)?).await
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

/// How long an answer asks us to wait.
const fn wait_of(errcode: i64) -> Option<Duration> {
    match errcode {
        DAILY_LIMIT => Some(AFTER_DAILY_LIMIT),
        MINUTE_LIMIT => Some(AFTER_MINUTE_LIMIT),
        _ => None,
    }
}
