//! Signing what leaves WeChat Pay, and the answers of the API.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::refusal::request_id;
use super::signing::Signer;
use crate::chance;

/// The five `Wechatpay-…` headers over `timestamp\nnonce\nbody\n`.
pub(super) fn signature_headers(
    signer: &Signer,
    now: DateTime<Utc>,
    body: &str,
) -> [(&'static str, String); 5] {
    let timestamp = now.timestamp().to_string();
    let nonce = chance::alphanumeric(32);
    let signature = signer.key.sign(format!("{timestamp}\n{nonce}\n{body}\n").as_bytes());
    [
        ("Wechatpay-Timestamp", timestamp),
        ("Wechatpay-Nonce", nonce),
        ("Wechatpay-Signature", signature),
        ("Wechatpay-Serial", signer.serial.clone()),
        ("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048".to_owned()),
    ]
}

/// 200 with the signed body.
pub(super) fn ok(signer: &Signer, now: DateTime<Utc>, body: &Value) -> HttpResponse {
    let body = body.to_string();
    let mut response = HttpResponse::Ok();
    for header in signature_headers(signer, now, &body) {
        response.insert_header(header);
    }
    response.insert_header(("Request-ID", request_id(0)));
    response.content_type("application/json; charset=utf-8").body(body)
}

/// 204; the signature is over the empty body.
pub(super) fn no_content(signer: &Signer, now: DateTime<Utc>) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    for header in signature_headers(signer, now, "") {
        response.insert_header(header);
    }
    response.insert_header(("Request-ID", request_id(0))).finish()
}
