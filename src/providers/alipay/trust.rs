//! The key that verifies Alipay's messages.

use crate::{
    base::crypto::rsa::{CheckedSignature, PublicKey},
    payments::gateway::NotificationRefused,
};
use base64::{Engine, prelude::BASE64_STANDARD};

/// How requests and answers name certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateNumbers {
    /// Of the application's certificate.
    pub app: String,
    /// Of Alipay's roots.
    pub root: String,
    /// Of Alipay's certificate, whose key verifies.
    pub alipay: String,
}

/// Alipay's key, and in certificate mode the numbers of the certificates.
#[derive(Clone, Debug)]
pub struct AlipayTrust {
    /// Alipay's public key, of either mode.
    pub key: PublicKey,
    /// In certificate mode.
    pub numbers: Option<CertificateNumbers>,
}

impl AlipayTrust {
    /// Verifies `sign`, base64, over `message`: RSA2, whatever the message says of its algorithm.
    pub(super) fn verify(
        &self,
        message: &[u8],
        sign: &str,
    ) -> Result<CheckedSignature, NotificationRefused> {
        let refused = NotificationRefused::Signature;
        let signature = BASE64_STANDARD.decode(sign).map_err(|_| refused)?;
        self.key.verify(message, &signature).map_err(|_| refused)
    }

    /// Checks the number of the certificate that an answer was signed with. The number is not
    /// signed. An unknown one is refused, and an operator installs the new certificate.
    pub(super) fn check_number(&self, named: Option<&str>) -> Result<(), NotificationRefused> {
        let Some(numbers) = &self.numbers else {
            return Ok(());
        };
        if named == Some(numbers.alipay.as_str()) {
            Ok(())
        } else {
            Err(NotificationRefused::UnknownSerial)
        }
    }
}
