//! The one place that makes HTTP clients: every one has time-outs, follows no redirect, uses no
//! proxy, repeats nothing, and trusts TLS through aws-lc-rs alone.

#[cfg(test)]
pub(crate) mod test_server;

use super::write_point;
use std::time::Duration;

/// A kept connection is not used again after this: shorter than providers keep theirs, so that a
/// request hardly ever meets a connection that is just being closed.
const IDLE: Duration = Duration::from_secs(20);

/// How long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands, TLS included.
    pub connect: Duration,
    /// From the call to the last byte of the answer.
    pub total: Duration,
}

/// 3 s to connect, 10 s in all.
impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), total: Duration::from_secs(10) }
    }
}

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Longer than the caller allows.
    #[error("the body is longer than {max_bytes} bytes")]
    TooLong {
        /// What the caller allows.
        max_bytes: usize,
    },
    /// The connection broke, the time was up, or the encoding is damaged.
    #[error("the body broke off")]
    Broken(#[source] reqwest::Error),
}

/// A client with these time-outs. Fails where the machine has no usable certificate store.
pub fn build(timeouts: Timeouts) -> Result<reqwest::Client, reqwest::Error> {
    // A second call finds the provider installed, which is as good.
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

/// Sends a request, once.
pub async fn send(request: reqwest::RequestBuilder) -> Result<reqwest::Response, reqwest::Error> {
    write_point::reached("provider:call");
    let answer = request.send().await;
    write_point::reached("provider:answered");
    answer
}

/// Reads a body, after content decoding, up to `max_bytes`; what is longer is given up at once.
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

/// Addresses may carry secrets in their query, so no error keeps one.
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
    async fn bodies_are_read_up_to_the_bound_and_not_a_byte_further() {
        let body = || Reply::new(200).body("12345678");
        assert_eq!(read_bounded(get(body()).await, 8).await.unwrap(), b"12345678");
        assert!(matches!(
            read_bounded(get(body()).await, 7).await,
            Err(BodyError::TooLong { max_bytes: 7 })
        ));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_no_body() {
        let reply = Reply::new(200).header("Content-Length", "99").body("short");
        let error = read_bounded(get(reply).await, 1000).await.unwrap_err();
        assert!(matches!(error, BodyError::Broken(_)), "{error}");
        assert!(!format!("{error:?}").contains("127.0.0.1"));
    }

    #[tokio::test]
    async fn redirects_are_not_followed_and_the_client_says_who_it_is() {
        let server = TestServer::start([Reply::new(302).header("Location", "http://127.0.0.1:1/")]);
        let client = build(Timeouts::default()).unwrap();
        let response = client.get(server.base_url()).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 302);
        let agent = concat!("user-agent: onecard/", env!("CARGO_PKG_VERSION"));
        assert!(server.requests()[0].head.to_lowercase().contains(agent));
    }
}
