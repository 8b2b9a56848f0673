//! `GET /v3/certificates`: the platform certificates, each sealed with the API v3 key.

use super::{
    certificate::{BadCertificate, PlatformCertificate},
    sealed::{ApiV3Key, NotOpened, Sealed},
    signing::Signer,
};
use serde::{Deserialize, Serialize};

/// The path of the endpoint.
pub(super) const PATH: &str = "/v3/certificates";

/// The maximum number of certificates in an answer. WeChat sends one, or two during a rotation.
const MAX_CERTIFICATES: usize = 16;

/// Why an answer with certificates is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadAnswer {
    #[error("not a list of certificates")]
    Form,
    #[error("no certificate, or more than {MAX_CERTIFICATES}")]
    Count,
    #[error("a certificate cannot be decrypted: {0}")]
    Sealed(#[from] NotOpened),
    #[error("a certificate is invalid: {0}")]
    Certificate(#[from] BadCertificate),
    #[error("the serial of a certificate differs from the one in the answer")]
    Serial,
    #[error("the merchant's own certificate is among them")]
    Own,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Entry>,
}

/// A certificate as it came. Only who has the API v3 key can make one, so it may be kept anywhere.
#[derive(Deserialize, Serialize)]
pub(super) struct Entry {
    serial_no: String,
    encrypt_certificate: Encrypted,
}

#[derive(Deserialize, Serialize)]
struct Encrypted {
    algorithm: String,
    nonce: String,
    associated_data: Option<String>,
    ciphertext: String,
}

impl Entry {
    /// As JSON.
    pub(super) fn to_text(&self) -> String {
        // Strings always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Entry::to_text`] wrote; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// A certificate that was decrypted, and the entry that it came in.
pub(super) struct Fetched {
    pub(super) certificate: PlatformCertificate,
    pub(super) entry: Entry,
}

/// Decrypts every certificate of an answer; a single invalid one rejects the answer. Validity is
/// checked at each use by the dates inside the certificates; the dates next to them in the answer
/// are not read.
pub(super) fn open(
    body: &[u8],
    api_v3_key: &ApiV3Key,
    merchant: &Signer,
) -> Result<Vec<Fetched>, BadAnswer> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| BadAnswer::Form)?;
    if !(1..=MAX_CERTIFICATES).contains(&answer.data.len()) {
        return Err(BadAnswer::Count);
    }
    let open = |entry: Entry| {
        Ok(Fetched { certificate: open_entry(&entry, api_v3_key, merchant)?, entry })
    };
    answer.data.into_iter().map(open).collect()
}

/// Decrypts one certificate.
pub(super) fn open_entry(
    entry: &Entry,
    api_v3_key: &ApiV3Key,
    merchant: &Signer,
) -> Result<PlatformCertificate, BadAnswer> {
    let encrypted = &entry.encrypt_certificate;
    let sealed = Sealed {
        algorithm: &encrypted.algorithm,
        nonce: &encrypted.nonce,
        associated_data: encrypted.associated_data.as_deref(),
        ciphertext: &encrypted.ciphertext,
    };
    let certificate = PlatformCertificate::from_pem(&sealed.open(api_v3_key)?)?;
    if !certificate.serial().eq_ignore_ascii_case(&entry.serial_no) {
        return Err(BadAnswer::Serial);
    }
    if merchant.is_own(&certificate) {
        return Err(BadAnswer::Own);
    }
    Ok(certificate)
}
