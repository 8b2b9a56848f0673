//! `GET /v3/certificates`: the certificates that verify what WeChat Pay signs.

use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::merchants::Merchant;
use super::platform_certificate::PlatformCertificate;
use super::refusal::{BadValue, Location, Refusal};
use super::{WechatPay, answer};
use crate::chance;
use crate::clock::rfc3339;
use crate::crypto::CryptoError;
use crate::state::lock;

const ASSOCIATED_DATA: &str = "certificate";
const NONCE_LENGTH: usize = 12;

#[derive(Default, Deserialize)]
#[serde(default)]
struct CertificatesQuery {
    algorithm_type: Option<String>,
}

pub(super) async fn certificates(
    request: HttpRequest,
    body: Bytes,
    pay: Data<WechatPay>,
) -> Result<HttpResponse, Refusal> {
    let caller = pay.authorize(&request, &body)?;
    check_algorithm(&request)?;
    let now = pay.clock.now();
    let data = caller.merchant.handed_out(now).map_err(|_| Refusal::system_error())?;
    if data.is_empty() {
        return Err(Refusal::not_found("无可用的平台证书，请在商户平台申请使用微信支付公钥"));
    }
    Ok(answer::ok(&caller, now, &json!({ "data": data })))
}

/// All certificates are RSA, so `RSA`, `ALL` and an absent parameter get the same list.
fn check_algorithm(request: &HttpRequest) -> Result<(), Refusal> {
    let wanted = web::Query::<CertificatesQuery>::from_query(request.query_string());
    let wanted = wanted.map(web::Query::into_inner).unwrap_or_default();
    match wanted.algorithm_type.as_deref() {
        None | Some("RSA" | "ALL") => Ok(()),
        Some("SM2") => Err(Refusal::not_found("无可用的国密平台证书")),
        Some(other) => {
            let (field, value) = ("algorithm_type".to_owned(), other.to_owned());
            let issue = "应为RSA、SM2或ALL";
            Err(BadValue { field, value, issue, location: Location::Query }.into())
        }
    }
}

impl Merchant {
    fn handed_out(&self, now: DateTime<Utc>) -> Result<Vec<Value>, CryptoError> {
        lock(&self.signing).live(now).map(|certificate| self.sealed(certificate)).collect()
    }

    fn sealed(&self, certificate: &PlatformCertificate) -> Result<Value, CryptoError> {
        let nonce = chance::alphanumeric(NONCE_LENGTH);
        let pem = certificate.pem.as_bytes();
        Ok(json!({
            "serial_no": certificate.serial_no,
            "effective_time": rfc3339(certificate.effective_at),
            "expire_time": rfc3339(certificate.expires_at),
            "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": nonce,
                "associated_data": ASSOCIATED_DATA,
                "ciphertext": self.keys.api_v3.seal(&nonce, ASSOCIATED_DATA, pem)?,
            },
        }))
    }
}
