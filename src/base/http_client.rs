//! The only place that creates HTTP clients. Every client has time-outs, follows no redirects, uses
//! no proxy, does not retry, and uses aws-lc-rs for TLS.

#[cfg(test)]
pub(crate) mod test_server;

use super::write_point;
use std::time::Duration;

/// How long an idle connection is kept. Shorter than providers keep theirs, so that a request
/// rarely hits a connection that the server is closing.
const IDLE: Duration = Duration::from_secs(20);

/// Time limits of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To establish the connection, including TLS.
    pub connect: Duration,
    /// From the call to the last byte of the response.
    pub total: Duration,
}

/// 3 s to connect, 10 s in total.
impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), total: Duration::from_secs(10) }
    }
}

/// Why a body could not be read completely.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Longer than the caller's limit.
    #[error("the body is longer than {max_bytes} bytes")]
    TooLong {
        /// The caller's limit.
        max_bytes: usize,
    },
    /// The connection was closed, the time-out expired, or the content encoding is damaged.
    #[error("the body is incomplete")]
    Broken(#[source] reqwest::Error),
}

/// Builds a client with these time-outs. Fails where the machine has no usable certificate store.
pub fn build(timeouts: Timeouts) -> Result<reqwest::Client, reqwest::Error> {
    // A second call fails because a provider is already installed, which is fine.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("onecard/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.total)
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .build()
}

/// Sends a request once, without retries.
pub async fn send(request: reqwest::RequestBuilder) -> Result<reqwest::Response, reqwest::Error> {
    write_point::reached("provider:call");
    let answer = request.send().await;
    write_point::reached("provider:answered");
    answer
}

/// Reads a body after content decoding; stops and fails once it exceeds `max_bytes`.
pub async fn read_bounded(
    mut response: reqwest::Response,
    max_bytes: usize,
) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len().saturating_add(chunk.len()) > max_bytes {
            return Err(BodyError::TooLong { max_bytes });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// URLs may carry secrets in their query, so errors are kept without them.
fn broken(error: reqwest::Error) -> BodyError {
    BodyError::Broken(error.without_url())
}

#[cfg(test)]
mod tests {
    use super::{
        test_server::{Reply, TestServer},
        *,
    };

    async fn get(reply: Reply) -> reqwest::Response {
        let server = TestServer::start([reply]);
        let client = build(Timeouts::default()).unwrap();
        client.get(server.base_url()).send().await.unwrap()
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused() {
        let body = || Reply::new(200).body("12345678");
        assert_eq!(read_bounded(get(body()).await, 8).await.unwrap(), b"12345678");
        assert!(matches!(
            read_bounded(get(body()).await, 7).await,
            Err(BodyError::TooLong { max_bytes: 7 })
        ));
    }

    #[tokio::test]
    async fn an_incomplete_body_is_an_error() {
        let reply = Reply::new(200).header("Content-Length", "99").body("short");
        let error = read_bounded(get(reply).await, 1000).await.unwrap_err();
        assert!(matches!(error, BodyError::Broken(_)), "{error}");
        assert!(!format!("{error:?}").contains("127.0.0.1"));
    }

    #[tokio::test]
    async fn redirects_are_not_followed_and_the_user_agent_is_set() {
        let server = TestServer::start([Reply::new(302).header("Location", "http://127.0.0.1:1/")]);
        let client = build(Timeouts::default()).unwrap();
        let response = client.get(server.base_url()).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 302);
        let agent = concat!("user-agent: onecard/", env!("CARGO_PKG_VERSION"));
        assert!(server.requests()[0].head.to_lowercase().contains(agent));
    }
}
