//! A platform certificate of WeChat Pay: a verifying key, its serial and its validity period.

use crate::base::{
    clock::Timestamp,
    crypto::rsa::{BadKey, PublicKey},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_parser::parse_x509_certificate;

/// The longest serial of an X.509 certificate, in bytes.
const SERIAL_MAX_BYTES: usize = 20;

/// Why a text is not a usable certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCertificate {
    /// Not PEM.
    #[error("must be PEM that begins -----BEGIN CERTIFICATE-----")]
    NotPem,
    /// Not exactly one X.509 certificate.
    #[error("must be one X.509 certificate")]
    NotX509,
    /// The key has the wrong type or is too short.
    #[error(transparent)]
    Key(#[from] BadKey),
}

/// A parsed certificate. The caller is responsible for establishing that it is WeChat's.
#[derive(Clone, Debug)]
pub struct PlatformCertificate {
    serial: String,
    key: PublicKey,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl PlatformCertificate {
    /// Parses PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, BadCertificate> {
        let der = CertificateDer::from_pem_slice(pem).map_err(|_| BadCertificate::NotPem)?;
        let (rest, certificate) =
            parse_x509_certificate(&der).map_err(|_| BadCertificate::NotX509)?;
        let serial = serial_of(certificate.raw_serial());
        if !rest.is_empty() || serial.len() > SERIAL_MAX_BYTES {
            return Err(BadCertificate::NotX509);
        }
        let validity = certificate.validity();
        Ok(Self {
            serial: hex::encode_upper(serial),
            key: PublicKey::from_spki_der(certificate.public_key().raw)?,
            not_before: Timestamp::from_seconds(validity.not_before.timestamp()),
            not_after: Timestamp::from_seconds(validity.not_after.timestamp()),
        })
    }

    /// The serial in upper-case hex, as WeChat writes it.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The public key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// True within the validity period, both ends included.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// A serial without the leading zero byte of a positive DER integer.
fn serial_of(der_integer: &[u8]) -> &[u8] {
    match der_integer {
        [0, rest @ ..] if !rest.is_empty() => rest,
        whole => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::crypto::rsa::testing::text, providers::wechat_pay::testing::certificate};

    fn parse(pem: &str) -> Result<PlatformCertificate, BadCertificate> {
        PlatformCertificate::from_pem(pem.as_bytes())
    }

    #[test]
    fn a_certificate_tells_its_serial_key_and_dates() {
        let certificate = parse(&text("/platform_certificate/certificate_pem")).unwrap();
        assert_eq!(certificate.serial(), text("/platform_certificate/serial_no"));
        let at = |text| Timestamp::parse_rfc3339(text).unwrap();
        for (now, valid) in [
            ("2019-12-31T23:59:59Z", false),
            ("2020-01-01T00:00:00Z", true),
            ("2044-12-31T00:00:00Z", true),
            ("2044-12-31T00:00:01Z", false),
        ] {
            assert_eq!(certificate.is_valid(at(now)), valid, "{now}");
        }
    }

    #[test]
    fn what_is_no_certificate_for_verifying_is_refused_by_name() {
        let wechat_key = text("/wechatpay/public_key_pem");
        let other = wechat_key.replace("PUBLIC KEY", "CERTIFICATE");
        let short = BadCertificate::Key(BadKey::NotRsa2048);
        for (pem, expected) in [
            ("", BadCertificate::NotPem),
            (wechat_key.as_str(), BadCertificate::NotPem),
            (other.as_str(), BadCertificate::NotX509),
            (&certificate("short_key"), short),
            (&certificate("elliptic"), short),
        ] {
            assert_eq!(parse(pem).unwrap_err(), expected, "{pem}");
        }
    }

    #[test]
    fn serials_lose_their_sign_byte_only() {
        for (der, serial) in
            [(&[0x5a, 0][..], &[0x5a, 0][..]), (&[0, 0x80], &[0x80]), (&[0], &[0]), (&[], &[])]
        {
            assert_eq!(serial_of(der), serial);
        }
    }
}
