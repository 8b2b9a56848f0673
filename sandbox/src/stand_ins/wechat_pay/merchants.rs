//! The merchants, each with its apps, keys, certificates and nonces.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::authorization::Nonces;
use super::keys::MerchantKeys;
use super::platform_certificate::PlatformCertificate;
use super::signing::{CertificateRefusal, CertificateView, Signer, Signing};
use super::{ActRefusal, WechatPay};
use crate::crypto::SignatureKey;
use crate::keys::Keys;
use crate::state::lock;

#[derive(Debug)]
pub(super) struct Merchant {
    /// The school that it belongs to; `None` for the general one.
    school: Option<String>,
    /// The apps that are bound to it.
    pub(super) app_ids: Vec<String>,
    pub(super) keys: Arc<MerchantKeys>,
    pub(super) signing: Mutex<Signing>,
    pub(super) nonces: Mutex<Nonces>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MerchantView {
    pub mch_id: String,
    /// The code of the school that it belongs to; `None` for the general one.
    pub school: Option<String>,
    /// The apps that it may take payments in.
    pub app_ids: Vec<String>,
    pub public_key_id: Option<String>,
    /// How many of a hundred callbacks are signed with the public key.
    pub public_key_percent: u32,
    pub certificates: Vec<CertificateView>,
}

impl Merchant {
    pub(super) fn all(keys: &Keys) -> Vec<Arc<Self>> {
        let merchant = |merchant: &Arc<MerchantKeys>| {
            let mch_id = &merchant.credentials.mch_id;
            Arc::new(Self {
                school: school_of(keys, mch_id).map(str::to_owned),
                app_ids: apps_of(keys, mch_id),
                signing: Mutex::new(Signing::new(merchant)),
                keys: merchant.clone(),
                nonces: Mutex::default(),
            })
        };
        keys.merchants.iter().map(merchant).collect()
    }

    pub(super) fn mch_id(&self) -> &str {
        &self.keys.credentials.mch_id
    }

    /// The key of the next callback.
    pub(super) fn callback_signer(&self, now: DateTime<Utc>) -> Result<Signer, CertificateRefusal> {
        lock(&self.signing).for_callback(now).ok_or(CertificateRefusal::NoCertificate)
    }

    fn view(&self, now: DateTime<Utc>) -> MerchantView {
        let signing = lock(&self.signing);
        let id = &self.keys.credentials.public_key_id;
        MerchantView {
            mch_id: self.mch_id().to_owned(),
            school: self.school.clone(),
            app_ids: self.app_ids.clone(),
            public_key_id: (!id.is_empty()).then(|| id.clone()),
            public_key_percent: signing.public_key_percent(),
            certificates: signing.views(now),
        }
    }
}

/// The apps that are bound to the merchant: the general one, and its school's own.
fn apps_of(keys: &Keys, mch_id: &str) -> Vec<String> {
    let mut schools = keys.schools.values();
    let school = schools.find(|school| school.wechat_pay.mch_id == mch_id);
    let own = school.and_then(|school| school.wechat.as_ref());
    let apps = std::iter::once(&keys.credentials.wechat).chain(own);
    apps.map(|app| app.app_id.clone()).collect()
}

/// The code of the school that the merchant belongs to; `None` for the general one.
fn school_of<'a>(keys: &'a Keys, mch_id: &str) -> Option<&'a str> {
    let mut schools = keys.schools.iter();
    let own = schools.find(|(_, school)| school.wechat_pay.mch_id == mch_id)?;
    Some(own.0)
}

impl WechatPay {
    /// All merchants, the general one first.
    pub fn merchants(&self) -> Vec<MerchantView> {
        let now = self.clock.now();
        self.merchants.iter().map(|merchant| merchant.view(now)).collect()
    }

    pub fn merchant(&self, mch_id: &str) -> Option<MerchantView> {
        Some(self.merchant_of(mch_id)?.view(self.clock.now()))
    }

    /// Issues one more platform certificate, which is handed out from now on and signs only when
    /// chosen. The first one of a merchant also signs. Takes a second: an RSA key is generated.
    pub fn add_certificate(&self, mch_id: &str) -> Result<CertificateView, ActRefusal> {
        let now = self.clock.now();
        let made = PlatformCertificate::issue(SignatureKey::generate()?, now)?;
        let serial_no = made.serial_no.clone();
        let merchant = self.change_signing(mch_id, |signing, _| signing.add(made))?;
        let mut certificates = merchant.certificates.into_iter();
        let added = certificates.find(|certificate| certificate.serial_no == serial_no);
        added.ok_or(CertificateRefusal::NoSuchCertificate.into())
    }

    /// In certificate mode this certificate signs from now on, whether the merchant has it or not.
    pub fn sign_with_certificate(
        &self,
        mch_id: &str,
        serial_no: &str,
    ) -> Result<MerchantView, ActRefusal> {
        self.change_signing(mch_id, |signing, now| signing.sign_with(serial_no, now))
    }

    /// Expires the certificate; if it was signing, the newest of the others signs from now on.
    pub fn expire_certificate(
        &self,
        mch_id: &str,
        serial_no: &str,
    ) -> Result<MerchantView, ActRefusal> {
        self.change_signing(mch_id, |signing, now| signing.expire(serial_no, now))
    }

    /// How many of a hundred callbacks are signed with the public key, the others with the
    /// certificate: WeChat Pay moves a merchant from one to the other by shares. They are spread
    /// evenly: at 50 every other callback.
    pub fn set_public_key_percent(
        &self,
        mch_id: &str,
        percent: u32,
    ) -> Result<MerchantView, ActRefusal> {
        self.change_signing(mch_id, |signing, now| signing.set_public_key_percent(percent, now))
    }

    pub(super) fn merchant_of(&self, mch_id: &str) -> Option<&Arc<Merchant>> {
        self.merchants.iter().find(|merchant| merchant.mch_id() == mch_id)
    }

    fn change_signing(
        &self,
        mch_id: &str,
        change: impl FnOnce(&mut Signing, DateTime<Utc>) -> Result<(), CertificateRefusal>,
    ) -> Result<MerchantView, ActRefusal> {
        let now = self.clock.now();
        let merchant = self.merchant_of(mch_id).ok_or(ActRefusal::NoSuchMerchant)?;
        change(&mut lock(&merchant.signing), now)?;
        Ok(merchant.view(now))
    }
}
