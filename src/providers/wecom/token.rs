//! The access token of an application: `GET /cgi-bin/gettoken`.
//!
//! Kept in the key-value store, sealed, for the organisation and the secret: all servers use one. Within a
//! server one caller fetches it while the others wait.

use super::{ANSWER_WITHIN, NAME, NoAnswer, Wecom, exchange};
use crate::base::crypto::seal::Aad;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::time::Duration;
use uuid::Uuid;

pub(super) const PATH: &str = "/cgi-bin/gettoken";

const AAD: Aad = Aad { table: "wecom", column: "access_token", row: Uuid::nil() };
/// So much earlier than WeCom says a token is fetched anew.
const EARLIER: Duration = Duration::from_mins(5);
/// After a failure nobody asks for so long.
const PAUSE: Duration = Duration::from_secs(2);
/// Where the id or the secret is wrong, whoever opens the sign-in page would have us ask again, and WeCom blocks
/// an organisation for an hour after some 2000 such calls: each server makes at most 120.
const PAUSE_OF_WRONG: Duration = Duration::from_secs(30);
/// Wrong secret, wrong id, wrong secret.
const WRONG: [i64; 3] = [40_001, 40_013, 40_091];
/// The longest life of a token, by WeCom's documentation.
const LONGEST_LIFE_SECONDS: u64 = 7200;
/// WeCom asks for room for 512 bytes.
const LONGEST: usize = 1024;

#[derive(Deserialize)]
struct TokenTold {
    access_token: SecretString,
    expires_in: u64,
}

impl Wecom {
    /// The token, fetched if none is known.
    pub(super) async fn token(&self) -> Result<SecretString, NoAnswer> {
        if let Some(token) = self.known_token().await {
            return Ok(token);
        }
        let mut not_before = self.fetching.lock().await;
        // Whoever had the turn before has fetched it.
        if let Some(token) = self.known_token().await {
            return Ok(token);
        }
        if not_before.is_some_and(|then| self.clock.now() < then) {
            return Err(NoAnswer);
        }
        let fetched = self.fetch_token().await;
        *not_before = fetched.as_ref().err().map(|pause| self.clock.now().plus(*pause));
        fetched.map_err(|_| NoAnswer)
    }

    /// Forgets a token that was refused, unless another is known already.
    pub(super) async fn forget_token(&self, refused: &SecretString) {
        let _turn = self.fetching.lock().await;
        let known = self.known_token().await;
        if known.is_some_and(|token| token.expose_secret() == refused.expose_secret()) {
            // Without the store the next call fetches one anyway.
            let _ = self.kv.take(&self.token_key()).await;
        }
    }

    async fn known_token(&self) -> Option<SecretString> {
        let sealed = self.kv.get(&self.token_key()).await.ok()??;
        let token = String::from_utf8(self.sealer.open(&sealed, &AAD).ok()?.to_vec()).ok()?;
        Some(token.into())
    }

    /// Where it is not fetched: for how long nobody is to ask.
    async fn fetch_token(&self) -> Result<SecretString, Duration> {
        let asked = self.token_question().timeout(ANSWER_WITHIN);
        let answer = exchange((NAME, PATH), asked).await.map_err(|NoAnswer| PAUSE)?;
        if answer.errcode != 0 {
            return Err(if WRONG.contains(&answer.errcode) { PAUSE_OF_WRONG } else { PAUSE });
        }
        let TokenTold { access_token, expires_in } =
            serde_json::from_slice(&answer.body).map_err(|_| PAUSE)?;
        let text = access_token.expose_secret();
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain || !(1..=LONGEST).contains(&text.len()) {
            return Err(PAUSE);
        }
        let life = Duration::from_secs(expires_in.min(LONGEST_LIFE_SECONDS));
        let life = life.saturating_sub(EARLIER);
        if let Ok(sealed) = self.sealer.seal(text.as_bytes(), &AAD)
            && !life.is_zero()
        {
            // Without the store each call fetches one; WeCom answers the same.
            let _ = self.kv.put(&self.token_key(), &sealed, life).await;
        }
        Ok(access_token)
    }

    pub(super) fn token_question(&self) -> reqwest::RequestBuilder {
        let secret = self.secret.expose_secret();
        let query = [("corpid", self.corp_id.as_str()), ("corpsecret", secret)];
        self.http.get(format!("{}{PATH}", self.origin)).query(&query)
    }

    /// Names neither the organisation nor the secret.
    fn token_key(&self) -> String {
        let digest = Sha256::new()
            .chain_update(self.origin.as_bytes())
            .chain_update([0])
            .chain_update(self.corp_id.as_bytes())
            .chain_update([0])
            .chain_update(self.secret.expose_secret().as_bytes())
            .finalize();
        format!("wecom-token:{}", hex::encode(digest))
    }
}
