//! The certificates that WeChat Pay signs with for merchants in platform certificate mode.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rsa::pkcs1v15::Signature;
use rsa::rand_core::OsRng;
use rsa::signature::Keypair;
use x509_cert::Certificate;
use x509_cert::builder::{Builder, CertificateBuilder, Profile};
use x509_cert::der::asn1::UtcTime;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{DecodePem, EncodePem};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::{Time, Validity};

use crate::chance;
use crate::crypto::{CryptoError, SignatureKey};

/// Platform certificates of WeChat Pay are valid for about five years.
const LIFETIME: TimeDelta = TimeDelta::days(5 * 365);
const SERIAL_BYTES: usize = 20;
const SUBJECT: &str = "CN=THROWAWAY sandbox Tenpay.com sign,O=onecard sandbox,C=CN";
const ISSUER: &str = "CN=THROWAWAY sandbox Tenpay.com Root CA,O=onecard sandbox,C=CN";

/// A platform certificate with its private key.
#[derive(Debug, Clone)]
pub(super) struct PlatformCertificate {
    /// 40 upper-case hexadecimal digits.
    pub(super) serial_no: String,
    pub(super) effective_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) pem: String,
    pub(super) key: Arc<SignatureKey>,
}

impl PlatformCertificate {
    /// A new certificate over `key`, valid from `now`.
    pub(super) fn issue(key: SignatureKey, now: DateTime<Utc>) -> Result<Self, CryptoError> {
        let serial = SerialNumber::new(&chance::serial_bytes::<SERIAL_BYTES>())?;
        let validity = Validity { not_before: time(now)?, not_after: time(now + LIFETIME)? };
        let public = SubjectPublicKeyInfoOwned::from_key(key.signer().verifying_key())?;
        let profile = Profile::Leaf {
            issuer: Name::from_str(ISSUER)?,
            enable_key_agreement: false,
            enable_key_encipherment: true,
        };
        let subject = Name::from_str(SUBJECT)?;
        let signer = key.signer();
        let builder = CertificateBuilder::new(profile, serial, validity, subject, public, signer)?;
        let certificate = builder.build_with_rng::<Signature>(&mut OsRng)?;
        Self::of(&certificate, key)
    }

    /// From the texts of the certificate and of its private key, PKCS#8.
    pub(super) fn from_pem(certificate: &str, key: &str) -> Result<Self, CryptoError> {
        Self::of(&Certificate::from_pem(certificate)?, SignatureKey::from_pem(key)?)
    }

    fn of(certificate: &Certificate, key: SignatureKey) -> Result<Self, CryptoError> {
        let content = &certificate.tbs_certificate;
        Ok(Self {
            serial_no: hex::encode_upper(content.serial_number.as_bytes()),
            effective_at: moment(&content.validity.not_before),
            expires_at: moment(&content.validity.not_after),
            pem: certificate.to_pem(LineEnding::LF)?,
            key: Arc::new(key),
        })
    }
}

fn time(at: DateTime<Utc>) -> Result<Time, CryptoError> {
    let seconds = u64::try_from(at.timestamp()).unwrap_or_default();
    Ok(Time::UtcTime(UtcTime::from_unix_duration(Duration::from_secs(seconds))?))
}

fn moment(time: &Time) -> DateTime<Utc> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_survives_its_text() {
        let now = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        let key = SignatureKey::generate().unwrap();
        let private = key.private_pem().unwrap();
        let made = PlatformCertificate::issue(key, now).unwrap();
        let read = PlatformCertificate::from_pem(&made.pem, &private).unwrap();
        assert_eq!((read.serial_no.len(), &read.serial_no), (40, &made.serial_no));
        assert_eq!((read.effective_at, read.expires_at), (now, now + LIFETIME));
    }
}
