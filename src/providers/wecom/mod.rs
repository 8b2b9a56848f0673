//! WeCom (企业微信): who a member of staff is, by its OAuth.
//!
//! Invariant: somebody is a member only where the answer names a `userid`: of others it says `openid`, with
//! `errcode` 0 too.
//! Invariant: a code is sent once, except where the token was refused: then WeCom has not looked at it.

mod settings;
#[cfg(test)]
mod tests;
mod token;
mod trial;

pub use settings::WecomSettings;

use super::errcode::{Answered, NoAnswer, exchange};
use crate::{
    base::{
        clock::{Clock, Timestamp},
        crypto::seal::Sealer,
        kv::Kv,
    },
    staff_accounts::WorkId,
    work_login::{DirectoryError, WorkDirectory},
};
use async_trait::async_trait;
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// What the log calls it.
const NAME: &str = "WeCom";
const MEMBER_PATH: &str = "/cgi-bin/auth/getuserinfo";
/// A sign-in waits no longer for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

const CODE_REFUSED: i64 = 40_029;
/// The address that this server calls from is not among the application's.
const ADDRESS_NOT_LISTED: i64 = 60_020;

/// Where browsers are sent: within the messenger, and others, which show a QR code.
const WITHIN: &str = "https://open.weixin.qq.com/connect/oauth2/authorize";
const ELSEWHERE: &str = "https://login.work.weixin.qq.com/wwlogin/sso/login";
/// How the messenger's own browser calls itself.
const WITHIN_AGENT: &str = "wxwork";

/// One application of one organisation.
pub struct Wecom {
    origin: String,
    corp_id: String,
    agent_id: String,
    secret: SecretString,
    http: Client,
    kv: Arc<dyn Kv>,
    sealer: Sealer,
    clock: Arc<dyn Clock>,
    /// Held by who fetches a token: until when nobody does, after a failure.
    fetching: Mutex<Option<Timestamp>>,
}

impl fmt::Debug for Wecom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wecom")
            .field("origin", &self.origin)
            .field("corp_id", &self.corp_id)
            .finish_non_exhaustive()
    }
}

/// A member has `userid`; whoever else has `openid`.
#[derive(Deserialize)]
struct MemberTold {
    userid: Option<String>,
}

impl Wecom {
    /// The application with these settings, using a client from [`crate::base::http_client::build`].
    pub fn new(
        settings: WecomSettings,
        http: Client,
        (kv, sealer): (Arc<dyn Kv>, Sealer),
        clock: Arc<dyn Clock>,
    ) -> Self {
        let WecomSettings { base_url, corp_id, agent_id, secret } = settings;
        let origin = base_url.origin().ascii_serialization();
        let fetching = Mutex::default();
        Self { origin, corp_id, agent_id, secret, http, kv, sealer, clock, fetching }
    }

    async fn ask(&self, code: &str, token: &SecretString) -> Result<Answered, NoAnswer> {
        let query = [("access_token", token.expose_secret()), ("code", code)];
        let request = self.http.get(format!("{}{MEMBER_PATH}", self.origin)).query(&query);
        exchange((NAME, MEMBER_PATH), request.timeout(ANSWER_WITHIN)).await
    }

    async fn exchange(&self, code: &str) -> Result<Answered, NoAnswer> {
        let token = self.token().await?;
        let answer = self.ask(code, &token).await?;
        if !answer.is_token_refused() {
            return Ok(answer);
        }
        self.forget_token(&token).await;
        let token = self.token().await?;
        self.ask(code, &token).await
    }

    /// The page at WeCom, or at the sandbox where the API is not WeCom's own.
    fn page(&self, real: &str) -> Option<Url> {
        let mut page = Url::parse(real).ok()?;
        if self.origin != settings::BASE_URL {
            let there = Url::parse(&self.origin).ok()?;
            page = there.join(page.path()).ok()?;
        }
        Some(page)
    }
}

#[async_trait]
impl WorkDirectory for Wecom {
    fn authorize_url(&self, redirect_uri: &str, state: &str, within: bool) -> String {
        let Some(mut page) = self.page(if within { WITHIN } else { ELSEWHERE }) else {
            return String::new();
        };
        let (corp_id, agent_id) = (self.corp_id.as_str(), self.agent_id.as_str());
        let mut query = page.query_pairs_mut();
        if !within {
            query.append_pair("login_type", "CorpApp");
        }
        query.append_pair("appid", corp_id).append_pair("redirect_uri", redirect_uri);
        if within {
            query.append_pair("response_type", "code").append_pair("scope", "snsapi_base");
        }
        query.append_pair("state", state).append_pair("agentid", agent_id);
        drop(query);
        if within {
            page.set_fragment(Some("wechat_redirect"));
        }
        page.into()
    }

    fn is_within(&self, user_agent: &str) -> bool {
        user_agent.to_ascii_lowercase().contains(WITHIN_AGENT)
    }

    async fn member_of(&self, code: &str) -> Result<WorkId, DirectoryError> {
        let told = self.exchange(code).await.map_err(|NoAnswer| DirectoryError::Unavailable)?;
        match told.errcode {
            0 => {}
            CODE_REFUSED => return Err(DirectoryError::CodeRefused),
            ADDRESS_NOT_LISTED => {
                tracing::error!("WeCom: this server's address is not among the trusted ones");
                return Err(DirectoryError::Unavailable);
            }
            _ => return Err(DirectoryError::Unavailable),
        }
        let member: MemberTold =
            serde_json::from_slice(&told.body).map_err(|_| DirectoryError::Unavailable)?;
        let userid = member.userid.filter(|userid| !userid.is_empty());
        let userid = userid.ok_or(DirectoryError::NotMember)?;
        userid.parse().map_err(|_| DirectoryError::Unavailable)
    }
}
