//! The keys that WeChat Pay signs with for a merchant, and how it moves from one to another.
//!
//! Invariant: a certificate that expired signs nothing and is not handed out.
//! Invariant: a merchant always has a key that signs: the last one cannot be made to expire.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::keys::MerchantKeys;
use super::platform_certificate::PlatformCertificate;
use crate::crypto::SignatureKey;

/// One hundred percent.
pub const WHOLE: u32 = 100;

/// The maximum number of certificates of a merchant.
const MOST_CERTIFICATES: usize = 32;

/// A key that signs one message, with the name that the message gives it.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    /// `PUB_KEY_ID_…`, or the serial number of a platform certificate.
    pub(super) serial: String,
    pub(super) key: Arc<SignatureKey>,
}

/// The state of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateState {
    /// Handed out, and what WeChat Pay signs with in certificate mode.
    Signing,
    /// Handed out, so that merchants have it in time.
    Listed,
    /// Neither handed out nor used.
    Expired,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateView {
    pub serial_no: String,
    pub effective_time: DateTime<Utc>,
    pub expire_time: DateTime<Utc>,
    pub state: CertificateState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefusal {
    #[error("没有这张平台证书，或已过期")]
    NoSuchCertificate,
    #[error("这是商户唯一的验签密钥，不能过期")]
    LastKey,
    #[error("商户没有微信支付公钥")]
    NoPublicKey,
    #[error("商户没有平台证书")]
    NoCertificate,
    #[error("比例应为 0 到 100")]
    Percent,
    #[error("平台证书过多")]
    TooMany,
}

#[derive(Debug)]
pub(super) struct Signing {
    public_key: Option<Signer>,
    certificates: Vec<PlatformCertificate>,
    /// Serial number of the certificate that signs.
    current: Option<String>,
    /// How many of a hundred callbacks are signed with the public key.
    public_key_percent: u32,
    /// Spreads that share evenly, without chance.
    carried: u32,
}

impl Signing {
    pub(super) fn new(keys: &MerchantKeys) -> Self {
        let serial = &keys.credentials.public_key_id;
        let signer = |key: &Arc<SignatureKey>| Signer { serial: serial.clone(), key: key.clone() };
        let certificates = keys.certificates.clone();
        Self {
            public_key: keys.public_key.as_ref().map(signer),
            current: certificates.first().map(|certificate| certificate.serial_no.clone()),
            certificates,
            public_key_percent: if keys.public_key.is_some() { WHOLE } else { 0 },
            carried: 0,
        }
    }

    /// The key of an answer to a request that named `asked` in `Wechatpay-Serial`, or nothing.
    ///
    /// The name of a certificate requests certificate mode; WeChat Pay then chooses the certificate
    /// that signs. `None` if there is no such key.
    pub(super) fn for_answer(&self, asked: &str, now: DateTime<Utc>) -> Option<Signer> {
        if asked.is_empty() {
            return self.certificate(now).or_else(|| self.public_key.clone());
        }
        if let Some(signer) = self.public_key.as_ref().filter(|signer| signer.serial == asked) {
            return Some(signer.clone());
        }
        self.live(now).find(|known| known.serial_no.eq_ignore_ascii_case(asked))?;
        self.certificate(now)
    }

    /// The key of the next callback.
    pub(super) fn for_callback(&mut self, now: DateTime<Utc>) -> Option<Signer> {
        self.carried += self.public_key_percent;
        let by_public_key = self.carried >= WHOLE;
        if by_public_key {
            self.carried -= WHOLE;
            return self.public_key.clone().or_else(|| self.certificate(now));
        }
        self.certificate(now).or_else(|| self.public_key.clone())
    }

    /// What `/v3/certificates` hands out.
    pub(super) fn live(&self, now: DateTime<Utc>) -> impl Iterator<Item = &PlatformCertificate> {
        self.certificates.iter().filter(move |certificate| certificate.expires_at > now)
    }

    pub(super) fn views(&self, now: DateTime<Utc>) -> Vec<CertificateView> {
        let signing = self.certificate(now).map(|signer| signer.serial);
        let view = |certificate: &PlatformCertificate| CertificateView {
            serial_no: certificate.serial_no.clone(),
            effective_time: certificate.effective_at,
            expire_time: certificate.expires_at,
            state: if certificate.expires_at <= now {
                CertificateState::Expired
            } else if signing.as_ref() == Some(&certificate.serial_no) {
                CertificateState::Signing
            } else {
                CertificateState::Listed
            },
        };
        self.certificates.iter().map(view).collect()
    }

    pub(super) fn public_key_percent(&self) -> u32 {
        self.public_key_percent
    }

    /// Hands the certificate out from now on. The first one also signs.
    pub(super) fn add(&mut self, added: PlatformCertificate) -> Result<(), CertificateRefusal> {
        if self.certificates.len() >= MOST_CERTIFICATES {
            return Err(CertificateRefusal::TooMany);
        }
        self.current.get_or_insert_with(|| added.serial_no.clone());
        self.certificates.push(added);
        Ok(())
    }

    /// Certificate mode signs with this one from now on.
    pub(super) fn sign_with(
        &mut self,
        serial_no: &str,
        now: DateTime<Utc>,
    ) -> Result<(), CertificateRefusal> {
        let found = self.live(now).find(|certificate| certificate.serial_no == serial_no);
        let serial_no = found.ok_or(CertificateRefusal::NoSuchCertificate)?.serial_no.clone();
        self.current = Some(serial_no);
        Ok(())
    }

    /// Expires the certificate; if it was signing, the newest of the others signs from now on.
    pub(super) fn expire(
        &mut self,
        serial_no: &str,
        now: DateTime<Utc>,
    ) -> Result<(), CertificateRefusal> {
        if self.public_key.is_none() && self.live(now).count() <= 1 {
            return Err(CertificateRefusal::LastKey);
        }
        let mut live = self.certificates.iter_mut().filter(|known| known.expires_at > now);
        let found = live.find(|certificate| certificate.serial_no == serial_no);
        found.ok_or(CertificateRefusal::NoSuchCertificate)?.expires_at = now;
        Ok(())
    }

    /// How many of a hundred callbacks are signed with the public key; the others with the
    /// certificate.
    pub(super) fn set_public_key_percent(
        &mut self,
        percent: u32,
        now: DateTime<Utc>,
    ) -> Result<(), CertificateRefusal> {
        if percent > WHOLE {
            return Err(CertificateRefusal::Percent);
        }
        if percent > 0 && self.public_key.is_none() {
            return Err(CertificateRefusal::NoPublicKey);
        }
        if percent < WHOLE && self.certificate(now).is_none() {
            return Err(CertificateRefusal::NoCertificate);
        }
        self.public_key_percent = percent;
        self.carried = 0;
        Ok(())
    }

    /// The certificate that signs: the chosen one, or the newest if that one expired.
    fn certificate(&self, now: DateTime<Utc>) -> Option<Signer> {
        let chosen = self.live(now).find(|known| self.current.as_ref() == Some(&known.serial_no));
        let certificate = chosen.or_else(|| self.live(now).last())?;
        let (serial, key) = (certificate.serial_no.clone(), certificate.key.clone());
        Some(Signer { serial, key })
    }
}
