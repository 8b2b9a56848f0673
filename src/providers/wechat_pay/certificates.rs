//! `GET /v3/certificates`: the platform certificates, each sealed with the API v3 key.

use super::{
    certificate::{BadCertificate, PlatformCertificate},
    sealed::{ApiV3Key, NotOpened, Sealed},
    signing::Signer,
};
use serde::Deserialize;

/// Where they are.
pub(super) const PATH: &str = "/v3/certificates";

/// The most certificates of an answer: one, and two while one follows the other.
const MAX_CERTIFICATES: usize = 16;

/// Why no certificate of an answer is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadAnswer {
    #[error("not a list of certificates")]
    Form,
    #[error("no certificate, or more than {MAX_CERTIFICATES}")]
    Count,
    #[error("a certificate does not open: {0}")]
    Sealed(#[from] NotOpened),
    #[error("a certificate is none: {0}")]
    Certificate(#[from] BadCertificate),
    #[error("a certificate has another serial than the answer says")]
    Serial,
    #[error("a certificate is the merchant's own")]
    Own,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    serial_no: String,
    encrypt_certificate: Encrypted,
}

#[derive(Deserialize)]
struct Encrypted {
    algorithm: String,
    nonce: String,
    associated_data: Option<String>,
    ciphertext: String,
}

/// Opens every certificate of an answer; one that is not as it should be spoils all. The dates
/// inside the certificates count, at each use; those beside them are not read.
pub(super) fn open(
    body: &[u8],
    api_v3_key: &ApiV3Key,
    merchant: &Signer,
) -> Result<Vec<PlatformCertificate>, BadAnswer> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| BadAnswer::Form)?;
    if !(1..=MAX_CERTIFICATES).contains(&answer.data.len()) {
        return Err(BadAnswer::Count);
    }
    let open = |entry: &Entry| open_entry(entry, api_v3_key, merchant);
    answer.data.iter().map(open).collect()
}

fn open_entry(
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
