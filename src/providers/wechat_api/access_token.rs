//! The access token of a mini-program: `POST /cgi-bin/stable_token`.

use super::{ADDRESS_NOT_LISTED, NAME, NoAnswer, WechatApi, exchange, with_json};
use crate::base::clock::Timestamp;
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::Mutex;

const PATH: &str = "/cgi-bin/stable_token";

/// In its last five minutes a token is replaced, and both are valid.
const OVERLAP: Duration = Duration::from_mins(5);
/// After a failure nobody asks for so long, however many wait for a token.
const PAUSE: Duration = Duration::from_secs(2);
/// The longest life of a token, by WeChat's documentation.
const LONGEST_LIFE_SECONDS: u64 = 7200;
/// WeChat asks for room for 512 characters.
const TOKEN_MAX_CHARS: usize = 1024;

/// The token of one mini-program. One caller fetches it while the others wait.
pub(super) struct AccessToken {
    secret: SecretString,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    token: Option<SecretString>,
    until: Option<Timestamp>,
    failed_at: Option<Timestamp>,
}

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessToken")
    }
}

#[derive(Serialize)]
struct TokenRequest<'a> {
    grant_type: &'static str,
    appid: &'a str,
    secret: &'a str,
    force_refresh: bool,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    expires_in: u64,
}

impl AccessToken {
    pub(super) fn new(secret: SecretString) -> Self {
        Self { secret, known: Mutex::default() }
    }

    /// The token, fetched if there is none that is good for long enough.
    pub(super) async fn get(&self, api: &WechatApi) -> Result<SecretString, NoAnswer> {
        let mut known = self.known.lock().await;
        let now = api.now();
        if let (Some(token), Some(until)) = (&known.token, known.until)
            && now < until
        {
            return Ok(token.clone());
        }
        if known.failed_at.is_some_and(|at| now < at.plus(PAUSE)) {
            return Err(NoAnswer);
        }
        let Ok(TokenAnswer { access_token, expires_in }) = self.fetch(api).await else {
            // Those who waited for this call begin to count when it ended, however long it took.
            known.failed_at = Some(api.now());
            return Err(NoAnswer);
        };
        let life = Duration::from_secs(expires_in.min(LONGEST_LIFE_SECONDS));
        let until = Some(now.plus(life.saturating_sub(OVERLAP)));
        *known = Known { token: Some(access_token.clone()), until, failed_at: None };
        Ok(access_token)
    }

    /// Forgets a token that was refused, unless another is known already.
    pub(super) async fn forget(&self, refused: &SecretString) {
        let mut known = self.known.lock().await;
        let is_known = |token: &SecretString| token.expose_secret() == refused.expose_secret();
        if known.token.as_ref().is_some_and(is_known) {
            *known = Known::default();
        }
    }

    /// Asks for the token as it is.
    pub(super) fn question(&self, api: &WechatApi) -> Result<RequestBuilder, NoAnswer> {
        let request = TokenRequest {
            grant_type: "client_credential",
            appid: &api.app_id,
            secret: self.secret.expose_secret(),
            force_refresh: false,
        };
        with_json(api.http.post(format!("{}{PATH}", api.origin)), &request)
    }

    async fn fetch(&self, api: &WechatApi) -> Result<TokenAnswer, NoAnswer> {
        let answer = exchange((NAME, PATH), self.question(api)?).await?;
        if answer.errcode == ADDRESS_NOT_LISTED {
            tracing::error!(
                "WeChat API: this server's address is not in the mini-program's IP whitelist"
            );
        }
        if answer.errcode != 0 {
            return Err(NoAnswer);
        }
        let token: Option<TokenAnswer> = serde_json::from_slice(&answer.body).ok();
        let plain = |token: &str| {
            let fits = (1..=TOKEN_MAX_CHARS).contains(&token.len());
            fits && token.bytes().all(|byte| byte.is_ascii_graphic())
        };
        token.filter(|token| plain(token.access_token.expose_secret())).ok_or_else(|| {
            tracing::warn!("WeChat API: success without a token");
            NoAnswer
        })
    }
}
