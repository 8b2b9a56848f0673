//! The HTTP client of the tests.

use crate::PATIENCE;
use reqwest::{Client, redirect::Policy};
use std::time::Duration;

/// Shorter than the server's keep-alive time.
const IDLE: Duration = Duration::from_secs(2);

/// A client for local servers. It trusts no certificates: loading the system's takes longer than
/// most requests.
pub fn http_client() -> Client {
    Client::builder()
        .tls_certs_only([])
        .timeout(PATIENCE)
        .pool_idle_timeout(IDLE)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .build()
        .unwrap()
}
