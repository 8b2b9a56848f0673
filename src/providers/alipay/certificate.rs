//! The serial numbers (SN) by which certificates are named in requests and answers: MD5 over the
//! issuer's name and the serial number.
//!
//! Certificates are only read. No chain is checked: the operator says which ones hold.

use crate::base::crypto::rsa::{BadKey, PublicKey};
use md5::{Digest, Md5};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_parser::{
    certificate::X509Certificate,
    parse_x509_certificate,
    x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name},
};

/// The signature algorithms of RSA begin with this. Others, such as SM2 and ECDSA, are not part of
/// the number of the roots.
const RSA_ALGORITHMS: &str = "1.2.840.113549.1.1.";

/// Why a text is no usable certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAlipayCertificate {
    /// Not PEM.
    #[error("must be PEM that begins -----BEGIN CERTIFICATE-----")]
    NotPem,
    /// Something in it is no X.509 certificate.
    #[error("must hold X.509 certificates alone")]
    NotX509,
    /// The issuer's name has parts that are not in use.
    #[error("has an issuer whose name cannot be written")]
    Issuer,
    /// No root is signed with RSA.
    #[error("must hold a root certificate that is signed with RSA")]
    NoRsaRoot,
    /// The key has the wrong type or is too short.
    #[error(transparent)]
    Key(#[from] BadKey),
}

/// A certificate's number and key.
#[derive(Clone, Debug)]
pub struct NumberedKey {
    /// 32 hex digits in lower case.
    pub sn: String,
    /// The public key.
    pub key: PublicKey,
}

impl NumberedKey {
    /// The first certificate of a PEM file, which may go on with those that issued it.
    pub fn from_pem(pem: &str) -> Result<Self, BadAlipayCertificate> {
        let first = CertificateDer::pem_slice_iter(pem.as_bytes()).next();
        let der = first.ok_or(BadAlipayCertificate::NotPem)?;
        let der = der.map_err(|_| BadAlipayCertificate::NotPem)?;
        let certificate = parse(&der)?;
        let key = PublicKey::from_spki_der(certificate.public_key().raw)?;
        Ok(Self { sn: sn_of(&certificate)?, key })
    }
}

/// The number of a file of roots: those of its RSA certificates, in its order, joined with `_`.
pub fn root_sn(pem: &str) -> Result<String, BadAlipayCertificate> {
    let mut numbers = Vec::new();
    for der in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let der = der.map_err(|_| BadAlipayCertificate::NotPem)?;
        let certificate = parse(&der)?;
        let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
        if algorithm.starts_with(RSA_ALGORITHMS) {
            numbers.push(sn_of(&certificate)?);
        }
    }
    if numbers.is_empty() { Err(BadAlipayCertificate::NoRsaRoot) } else { Ok(numbers.join("_")) }
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, BadAlipayCertificate> {
    let parsed = parse_x509_certificate(der);
    let (rest, certificate) = parsed.map_err(|_| BadAlipayCertificate::NotX509)?;
    if rest.is_empty() { Ok(certificate) } else { Err(BadAlipayCertificate::NotX509) }
}

/// The serial number is written in decimal, whatever its length.
fn sn_of(certificate: &X509Certificate<'_>) -> Result<String, BadAlipayCertificate> {
    let issuer = rfc2253(certificate.issuer()).ok_or(BadAlipayCertificate::Issuer)?;
    let digest = Md5::digest(format!("{issuer}{}", certificate.tbs_certificate.serial));
    Ok(hex::encode(digest))
}

/// A name as RFC 2253 writes it: the last part first, joined with commas without blanks.
fn rfc2253(name: &X509Name<'_>) -> Option<String> {
    let parts: Option<Vec<String>> = name.iter_rdn().map(part).collect();
    let mut parts = parts?;
    parts.reverse();
    Some(parts.join(","))
}

fn part(part: &RelativeDistinguishedName<'_>) -> Option<String> {
    let attributes: Option<Vec<String>> = part.iter().map(attribute).collect();
    Some(attributes?.join("+"))
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let keyword = match attribute.attr_type().to_id_string().as_str() {
        "2.5.4.3" => "CN",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        _ => return None,
    };
    Some(format!("{keyword}={}", escaped(attribute.as_str().ok()?)))
}

fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let escape = |(at, c): (usize, char)| {
        let at_an_end = (c == ' ' && (at == 0 || at == last)) || (c == '#' && at == 0);
        let special = matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';');
        if special || at_an_end { format!("\\{c}") } else { c.to_string() }
    };
    value.chars().enumerate().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused_by_name() {
        let none = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        let one = |pem| NumberedKey::from_pem(pem).unwrap_err();
        let root = |pem| root_sn(pem).unwrap_err();
        assert_eq!(
            (one(""), root("")),
            (BadAlipayCertificate::NotPem, BadAlipayCertificate::NoRsaRoot)
        );
        assert_eq!(
            (one(none), root(none)),
            (BadAlipayCertificate::NotX509, BadAlipayCertificate::NotX509)
        );
        assert_eq!(one(cut), BadAlipayCertificate::NotPem);
    }
}
