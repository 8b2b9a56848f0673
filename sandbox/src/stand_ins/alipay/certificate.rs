//! Certificates of the certificate mode, and the serial numbers that messages name them by.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use md5::{Digest, Md5};
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

const LIFETIME: TimeDelta = TimeDelta::days(5 * 365);
const SERIAL_BYTES: usize = 16;
const ROOT: &str =
    "CN=THROWAWAY sandbox Alipay Root R1,OU=Certification Authority,O=onecard sandbox,C=CN";

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
/// Object identifiers of the RSA family begin so.
const RSA: &str = "1.2.840.113549.1.1.";

/// Who a certificate is made for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Owner<'a> {
    Root,
    Alipay,
    /// The app of this id.
    App(&'a str),
}

impl Owner<'_> {
    fn subject(self) -> String {
        match self {
            Self::Root => ROOT.to_owned(),
            Self::Alipay => {
                "CN=THROWAWAY sandbox Alipay,OU=Alipay,O=onecard sandbox,C=CN".to_owned()
            }
            Self::App(app_id) => {
                format!("CN=THROWAWAY sandbox app {app_id},OU=Merchant,O=onecard sandbox,C=CN")
            }
        }
    }

    fn profile(self) -> Result<Profile, CryptoError> {
        Ok(match self {
            Self::Root => Profile::Root,
            Self::Alipay | Self::App(_) => Profile::Leaf {
                issuer: Name::from_str(ROOT)?,
                enable_key_agreement: false,
                enable_key_encipherment: true,
            },
        })
    }
}

/// A certificate over `key`, in PEM, issued by the root whose key is given.
pub(super) fn issue(
    owner: Owner<'_>,
    key: &SignatureKey,
    root: &SignatureKey,
    now: DateTime<Utc>,
) -> Result<String, CryptoError> {
    let serial = SerialNumber::new(&chance::serial_bytes::<SERIAL_BYTES>())?;
    let validity = Validity { not_before: time(now)?, not_after: time(now + LIFETIME)? };
    let public = SubjectPublicKeyInfoOwned::from_key(key.signer().verifying_key())?;
    let (profile, subject) = (owner.profile()?, Name::from_str(&owner.subject())?);
    let signer = root.signer();
    let builder = CertificateBuilder::new(profile, serial, validity, subject, public, signer)?;
    Ok(builder.build_with_rng::<Signature>(&mut OsRng)?.to_pem(LineEnding::LF)?)
}

/// The number of the first certificate of a file.
pub(super) fn first_number(pem: &str) -> Result<String, CryptoError> {
    let certificate = certificates(pem).into_iter().next().unwrap_or_default();
    Ok(number(&Certificate::from_pem(certificate)?))
}

/// The numbers of a file's RSA certificates, in their order, joined by `_`.
pub(super) fn root_numbers(pem: &str) -> Result<String, CryptoError> {
    let mut numbers = Vec::new();
    for text in certificates(pem) {
        let certificate = Certificate::from_pem(text)?;
        if certificate.signature_algorithm.oid.to_string().starts_with(RSA) {
            numbers.push(number(&certificate));
        }
    }
    Ok(numbers.join("_"))
}

fn certificates(pem: &str) -> Vec<String> {
    pem.split(BEGIN).skip(1).map(|rest| format!("{BEGIN}{rest}")).collect()
}

/// MD5 of the issuer (RFC 2253) and the serial number in decimal, in hexadecimal.
fn number(certificate: &Certificate) -> String {
    let content = &certificate.tbs_certificate;
    let serial = decimal(content.serial_number.as_bytes());
    hex::encode(Md5::digest(format!("{}{serial}", content.issuer)))
}

/// An unsigned number of any length.
fn decimal(bytes: &[u8]) -> String {
    let mut digits = vec![0_u32];
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            let value = *digit * 256 + carry;
            *digit = value % 10;
            carry = value / 10;
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits.iter().rev().filter_map(|digit| char::from_digit(*digit, 10)).collect()
}

fn time(at: DateTime<Utc>) -> Result<Time, CryptoError> {
    let seconds = u64::try_from(at.timestamp()).unwrap_or_default();
    Ok(Time::UtcTime(UtcTime::from_unix_duration(Duration::from_secs(seconds))?))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn numbers_equal_those_of_another_implementation() {
        let text = include_str!("../../../tests/fixtures/alipay_signatures.json");
        let vectors: Value = serde_json::from_str(text).unwrap();
        let certificates = vectors["cert_sn"].as_array().unwrap();
        assert_eq!(certificates.len(), 3);
        let mut all = String::new();
        for certificate in certificates {
            let pem = certificate["pem"].as_str().unwrap();
            assert_eq!(first_number(pem).unwrap(), certificate["expected_sn"], "{pem}");
            all.push_str(pem);
        }
        let joined = certificates.iter().map(|one| one["expected_sn"].as_str().unwrap());
        assert_eq!(root_numbers(&all).unwrap(), joined.collect::<Vec<_>>().join("_"));
        assert!(first_number("").is_err());
    }

    #[test]
    fn long_serial_numbers_are_written_in_decimal() {
        assert_eq!((decimal(&[0]), decimal(&[1, 0])), ("0".to_owned(), "256".to_owned()));
        assert_eq!(decimal(&[0xFF; 16]), u128::MAX.to_string());
        let beyond = [&[1][..], &[0; 16]].concat();
        assert_eq!(decimal(&beyond), "340282366920938463463374607431768211456");
    }

    #[test]
    fn certificates_are_issued_by_the_root() {
        let now = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        let (root, leaf) = (SignatureKey::generate().unwrap(), SignatureKey::generate().unwrap());
        let root_pem = issue(Owner::Root, &root, &root, now).unwrap();
        let leaf_pem = issue(Owner::App("2021"), &leaf, &root, now).unwrap();
        let issuer = |pem| Certificate::from_pem(pem).unwrap().tbs_certificate.issuer.to_string();
        assert_eq!((issuer(&root_pem), issuer(&leaf_pem)), (ROOT.to_owned(), ROOT.to_owned()));
        assert_eq!(root_numbers(&root_pem).unwrap().len(), 32);
    }
}
