//! The exact bytes that are signed: lines that each end in a line feed, including the last one.
//!
//! All functions are pure: time and nonce are arguments.

use super::certificate::PlatformCertificate;
use crate::base::crypto::rsa::{PrivateKey, SigningFailed};

/// The identity that signs our requests.
#[derive(Debug)]
pub struct Signer {
    /// The merchant number.
    pub mch_id: String,
    /// The serial of the merchant's API certificate, in hex.
    pub serial_no: String,
    /// The certificate's private key.
    pub key: PrivateKey,
}

impl Signer {
    /// True for the merchant's own certificate, which must never verify messages from WeChat.
    pub fn is_own(&self, certificate: &PlatformCertificate) -> bool {
        self.key.belongs_to(certificate.key())
            || certificate.serial().eq_ignore_ascii_case(&self.serial_no)
    }
}

/// A request exactly as it goes over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// Path and query in their encoded form, without scheme and host.
    pub path_and_query: &'a str,
    /// The body as sent; empty if there is none.
    pub body: &'a [u8],
}

/// The bytes that the signature of a request covers.
pub fn request_message(request: &Request<'_>, timestamp_seconds: i64, nonce: &str) -> Vec<u8> {
    let Request { method, path_and_query, .. } = request;
    let head = format!("{method}\n{path_and_query}\n{timestamp_seconds}\n{nonce}\n");
    [head.as_bytes(), request.body, b"\n"].concat()
}

/// The `Authorization` header of a request.
pub fn authorization(
    signer: &Signer,
    request: &Request<'_>,
    timestamp_seconds: i64,
    nonce: &str,
) -> Result<String, SigningFailed> {
    let message = request_message(request, timestamp_seconds, nonce);
    let signature = signer.key.sign(&message)?;
    let Signer { mch_id, serial_no, .. } = signer;
    Ok(format!(
        "WECHATPAY2-SHA256-RSA2048 mchid=\"{mch_id}\",nonce_str=\"{nonce}\",\
         timestamp=\"{timestamp_seconds}\",serial_no=\"{serial_no}\",signature=\"{signature}\""
    ))
}

/// The bytes that the signature of WeChat's answers and notifications covers. The body is taken
/// after content decoding and before any parsing.
pub fn received_message(timestamp: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    [timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"].concat()
}

/// The `paySign` of `wx.requestPayment`. `package` is the whole `prepay_id=…`, prefix included.
pub fn pay_sign(
    key: &PrivateKey,
    app_id: &str,
    timestamp_seconds: i64,
    nonce: &str,
    package: &str,
) -> Result<String, SigningFailed> {
    let message = format!("{app_id}\n{timestamp_seconds}\n{nonce}\n{package}\n");
    key.sign(message.as_bytes())
}
