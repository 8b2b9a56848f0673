//! The answers of WeChat's and WeCom's server APIs: status 200 even on failure, and the outcome as `errcode` in
//! the JSON, which success often leaves out.
//!
//! Secrets, tokens and codes travel in the query, so no address is ever logged.

use crate::{
    base::{clock::Clock, http_client},
    key_trials::{TrialFinding, Tried, seconds_ahead},
};
use reqwest::{RequestBuilder, header};
use serde::Deserialize;

pub(super) const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// Invalid, expired, invalid.
const TOKEN_REFUSED: [i64; 3] = [40_001, 42_001, 40_014];

/// An answer that was understood.
pub(super) struct Answered {
    /// 0 on success.
    pub(super) errcode: i64,
    pub(super) body: Vec<u8>,
}

/// No answer that could be used: whether anything was done, nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoAnswer;

/// What a trial of keys is answered.
pub(super) struct TrialAnswer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// How far our clock is ahead of theirs, in seconds.
    pub(super) clock_ahead_seconds: Option<i64>,
}

#[derive(Deserialize)]
struct Codes {
    #[serde(default)]
    errcode: i64,
    #[serde(default)]
    errmsg: String,
}

impl Answered {
    /// Whether another access token is needed: the method has not been looked at.
    pub(super) fn is_token_refused(&self) -> bool {
        TOKEN_REFUSED.contains(&self.errcode)
    }
}

/// Sends once. `api` and `path` are what the log calls it.
pub(super) async fn exchange(
    (api, path): (&'static str, &'static str),
    request: RequestBuilder,
) -> Result<Answered, NoAnswer> {
    let response = http_client::send(request).await.map_err(|error| {
        let error = error.without_url();
        tracing::warn!(path, ?error, "{api}: no answer");
        NoAnswer
    })?;
    let status = response.status().as_u16();
    let body = http_client::read_bounded(response, ANSWER_MAX_BYTES).await;
    let body = body.map_err(|error| {
        tracing::warn!(status, path, ?error, "{api}: no whole answer");
        NoAnswer
    })?;
    if status != 200 {
        tracing::warn!(status, path, "{api}: unexpected status");
        return Err(NoAnswer);
    }
    let Ok(Codes { errcode, errmsg }) = serde_json::from_slice(&body) else {
        tracing::warn!(path, "{api}: the answer is not understood");
        return Err(NoAnswer);
    };
    if errcode != 0 {
        let rid = request_id(&errmsg);
        tracing::warn!(errcode, path, rid, "{api}: refused");
    }
    Ok(Answered { errcode, body })
}

/// Sends the question of a trial; what is found where nothing is answered.
pub(super) async fn answer_to_trial(
    request: RequestBuilder,
    clock: &dyn Clock,
) -> Result<TrialAnswer, Tried> {
    let sent = http_client::send(request).await;
    let response = sent.map_err(|error| Tried::found(TrialFinding::of_no_answer(&error)))?;
    let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
    let clock_ahead_seconds = seconds_ahead(date, clock.now());
    let status = response.status().as_u16();
    let body = http_client::read_bounded(response, ANSWER_MAX_BYTES).await.unwrap_or_default();
    Ok(TrialAnswer { status, body, clock_ahead_seconds })
}

/// The `rid: …` that WeChat's support asks for. The rest of the text may contain request data.
fn request_id(errmsg: &str) -> &str {
    let after = errmsg.split_once("rid: ").map_or("", |(_, after)| after);
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    end.and_then(|end| after.get(..end)).unwrap_or(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_request_id_of_an_error_text_is_kept() {
        assert_eq!(request_id("invalid code, rid: 65f-0a1b, code is 0c1"), "65f-0a1b");
        assert_eq!(request_id("busy rid: 65f"), "65f");
        assert_eq!(request_id("busy"), "");
    }
}
