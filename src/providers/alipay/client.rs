//! Calls of Alipay's gateway for one application: signs, encrypts, sends, and reads what comes back.

use super::{
    answer::{self, CheckedAnswer, Failure, Said},
    content_key::ContentKey,
    signing::Parameters,
    trust::AlipayTrust,
};
use crate::{
    base::{clock::Timestamp, crypto::rsa::PrivateKey, http_client},
    payments::gateway::{GatewayError, NotificationRefused},
};
use reqwest::{Client, RequestBuilder, Url, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

const ANSWER_MAX_BYTES: usize = 1024 * 1024;

const CONTENT_TYPE: &str = "application/x-www-form-urlencoded;charset=utf-8";

/// One application at Alipay's gateway.
pub(super) struct OpenApi {
    pub(super) gateway_url: Url,
    pub(super) app_id: String,
    pub(super) app_key: PrivateKey,
    pub(super) trust: AlipayTrust,
    pub(super) content_key: Option<ContentKey>,
    pub(super) app_auth_token: Option<SecretString>,
    pub(super) http: Client,
}

impl std::fmt::Debug for OpenApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenApi")
            .field("gateway_url", &self.gateway_url.as_str())
            .field("app_id", &self.app_id)
            .finish_non_exhaustive()
    }
}

/// An answer with HTTP status 200. Nothing in it is believed yet.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
}

/// What a call came to.
pub(super) enum Outcome {
    /// Carried out: what it says, and the answer as it came.
    Done(CheckedAnswer, Answer),
    /// Not carried out, or nobody knows.
    Failed(Failure),
}

impl OpenApi {
    /// Calls a method with JSON content. `notify_url` is empty where no message is wanted.
    pub(super) async fn call(
        &self,
        method: &str,
        content: &(impl Serialize + Sync),
        notify_url: &str,
        now: Timestamp,
    ) -> Result<Outcome, GatewayError> {
        let content = serde_json::to_string(content).map_err(|_| GatewayError::Unknown)?;
        let mut parameters = self.with_content(method, &content, now)?;
        parameters.set("notify_url", notify_url);
        self.send(method, parameters, &["biz_content"]).await
    }

    /// A call of a method with JSON content, and nothing else, which is not sent yet.
    pub(super) fn question(
        &self,
        method: &str,
        content: &str,
        now: Timestamp,
    ) -> Result<RequestBuilder, GatewayError> {
        self.request(self.with_content(method, content, now)?, &["biz_content"])
    }

    fn with_content(
        &self,
        method: &str,
        content: &str,
        now: Timestamp,
    ) -> Result<Parameters, GatewayError> {
        let mut parameters = self.parameters(method, now);
        if let Some(key) = &self.content_key {
            let encrypted = key.encrypt(content).ok_or_else(|| unsent("encryption failed"))?;
            parameters.set("encrypt_type", "AES");
            parameters.set("biz_content", &encrypted);
        } else {
            parameters.set("biz_content", content);
        }
        Ok(parameters)
    }

    /// Exchanges a login code. The one method whose parameters are no JSON.
    pub(super) async fn exchange_code(
        &self,
        code: &str,
        now: Timestamp,
    ) -> Result<Outcome, GatewayError> {
        let mut parameters = self.parameters(answer::OAUTH_TOKEN, now);
        parameters.set("grant_type", "authorization_code");
        parameters.set("code", code);
        self.send(answer::OAUTH_TOKEN, parameters, &["grant_type", "code"]).await
    }

    /// Reads an answer again that was kept.
    pub(super) fn read(&self, body: &[u8], method: &str) -> Result<Said, NotificationRefused> {
        answer::read(body, method, &self.trust, self.content_key.as_ref())
    }

    fn parameters(&self, method: &str, now: Timestamp) -> Parameters {
        let mut parameters = Parameters::common(&self.app_id, method, now);
        if let Some(numbers) = &self.trust.numbers {
            parameters.set("app_cert_sn", &numbers.app);
            parameters.set("alipay_root_cert_sn", &numbers.root);
        }
        if let Some(token) = &self.app_auth_token {
            parameters.set("app_auth_token", token.expose_secret());
        }
        parameters
    }

    /// Signs. Those of `body` go into the body, the others into the query, where the gateway looks for
    /// `charset`.
    fn request(
        &self,
        mut parameters: Parameters,
        body: &[&str],
    ) -> Result<RequestBuilder, GatewayError> {
        parameters.sign(&self.app_key).map_err(|_| unsent("signing failed"))?;
        let (form, query) = parameters.split(body);
        let post = self.http.post(self.gateway_url.clone()).query(&query);
        Ok(post.header(header::CONTENT_TYPE, CONTENT_TYPE).form(&form))
    }

    /// Signs and sends once.
    async fn send(
        &self,
        method: &str,
        parameters: Parameters,
        body: &[&str],
    ) -> Result<Outcome, GatewayError> {
        let request = self.request(parameters, body)?;
        let answer = Answer::receive(method, http_client::send(request).await).await?;
        match self.read(&answer.body, method) {
            Ok(Said::Done(checked)) => Ok(Outcome::Done(checked, answer)),
            Ok(Said::Failed(failure)) => {
                let Failure { code, sub_code, signed } = &failure;
                tracing::warn!(method, code, sub_code, signed, "Alipay: failed");
                Ok(Outcome::Failed(failure))
            }
            Err(reason) => Err(unusable(method, reason)),
        }
    }
}

impl Answer {
    /// Reads a response up to a size limit and logs it with Alipay's trace id. The address holds
    /// parameters and is never logged.
    pub(super) async fn receive(
        method: &str,
        sent: Result<reqwest::Response, reqwest::Error>,
    ) -> Result<Self, GatewayError> {
        let response = sent.map_err(|error| {
            let error = error.without_url();
            tracing::warn!(method, ?error, "Alipay: no answer");
            GatewayError::Unknown
        })?;
        let status = response.status().as_u16();
        let trace = response.headers().get("trace_id").cloned();
        let trace_id = trace.as_ref().and_then(|value| value.to_str().ok());
        let body = http_client::read_bounded(response, ANSWER_MAX_BYTES).await;
        let body = body.map_err(|error| {
            tracing::warn!(method, status, trace_id, ?error, "Alipay: no whole answer");
            GatewayError::Unknown
        })?;
        tracing::info!(method, status, trace_id, "Alipay answered");
        match status {
            200 => Ok(Self { body }),
            429 => Err(GatewayError::Throttled { retry_after: None }),
            _ => Err(GatewayError::Unknown),
        }
    }
}

fn unsent(why: &'static str) -> GatewayError {
    tracing::error!(why, "Alipay: request not made");
    GatewayError::Unknown
}

/// Logs why an answer is not used. Whether the method was carried out, nobody knows.
pub(super) fn unusable(method: &str, reason: NotificationRefused) -> GatewayError {
    if reason == NotificationRefused::UnknownSerial {
        tracing::error!(
            method,
            "Alipay signs with a certificate that is not configured: replace alipay_cert_file"
        );
    } else {
        tracing::warn!(method, %reason, "Alipay: answer not usable");
    }
    GatewayError::Unknown
}
