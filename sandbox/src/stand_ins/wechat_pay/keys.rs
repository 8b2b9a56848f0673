//! Credentials and keys of a merchant.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::platform_certificate::PlatformCertificate;
use crate::chance;
use crate::clock::{Clock, SystemClock};
use crate::crypto::{CheckingKey, CryptoError, Sealer, SignatureKey};
use crate::keys::{Folder, KeyError};

pub const MERCHANT_PRIVATE_KEY_FILE: &str = "merchant_private_key.pem";
pub const WECHAT_PAY_PUBLIC_KEY_FILE: &str = "wechat_pay_public_key.pem";
/// Never given to a merchant.
pub const WECHAT_PAY_PRIVATE_KEY_FILE: &str = "wechat_pay_private_key.pem";
pub const PLATFORM_CERTIFICATE_FILE: &str = "platform_certificate.pem";
/// Never given to a merchant.
pub const PLATFORM_CERTIFICATE_PRIVATE_KEY_FILE: &str = "platform_certificate_private_key.pem";

/// What WeChat Pay gives a merchant. File names are relative to the folder of the credentials.
#[derive(Clone, Serialize, Deserialize)]
pub struct WechatPayCredentials {
    pub mch_id: String,
    /// 40 upper-case hexadecimal digits.
    pub merchant_serial_no: String,
    pub merchant_private_key_file: String,
    /// 32 ASCII bytes.
    pub api_v3_key: String,
    /// `PUB_KEY_ID_` and digits; empty in platform certificate mode.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub public_key_id: String,
    /// Empty in platform certificate mode.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub public_key_file: String,
    /// Empty in public key mode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platform_certificate_files: Vec<String>,
}

/// The keys that WeChat Pay signs with for a merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyMode {
    PublicKey,
    Certificate,
    /// Moving from certificates to the public key.
    Both,
}

/// The keys that WeChat Pay holds for one merchant.
#[derive(Debug)]
pub(crate) struct MerchantKeys {
    pub(crate) credentials: WechatPayCredentials,
    /// The public half.
    pub(super) merchant: CheckingKey,
    /// Signs what names `PUB_KEY_ID_…`.
    pub(super) public_key: Option<Arc<SignatureKey>>,
    /// The initial certificates of the merchant.
    pub(super) certificates: Vec<PlatformCertificate>,
    pub(super) api_v3: Sealer,
}

impl KeyMode {
    fn has_public_key(self) -> bool {
        match self {
            Self::PublicKey | Self::Both => true,
            Self::Certificate => false,
        }
    }

    fn has_certificate(self) -> bool {
        match self {
            Self::Certificate | Self::Both => true,
            Self::PublicKey => false,
        }
    }
}

impl WechatPayCredentials {
    pub(crate) fn generate(mode: KeyMode) -> Self {
        let mch_id = format!("1900{}", chance::digits(6));
        let public_key_id = format!("PUB_KEY_ID_01{mch_id}{}", chance::digits(22));
        let public_key = |text: String| if mode.has_public_key() { text } else { String::new() };
        let certificate = mode.has_certificate().then(|| PLATFORM_CERTIFICATE_FILE.to_owned());
        Self {
            merchant_serial_no: chance::hex_digits(40).to_uppercase(),
            merchant_private_key_file: MERCHANT_PRIVATE_KEY_FILE.to_owned(),
            api_v3_key: format!("sandbox{}", chance::alphanumeric(25)),
            public_key_id: public_key(public_key_id),
            public_key_file: public_key(WECHAT_PAY_PUBLIC_KEY_FILE.to_owned()),
            platform_certificate_files: certificate.into_iter().collect(),
            mch_id,
        }
    }
}

impl MerchantKeys {
    /// The keys that the credentials name, generated where they are missing.
    pub(crate) fn generate(
        folder: &Folder,
        credentials: WechatPayCredentials,
    ) -> Result<Self, KeyError> {
        let merchant = folder.private_key(MERCHANT_PRIVATE_KEY_FILE)?;
        let public_key = if credentials.public_key_id.is_empty() {
            None
        } else {
            let provider = folder.private_key(WECHAT_PAY_PRIVATE_KEY_FILE)?;
            folder.write(WECHAT_PAY_PUBLIC_KEY_FILE, &provider.public_pem()?)?;
            Some(Arc::new(provider))
        };
        let certificates = if credentials.platform_certificate_files.is_empty() {
            Vec::new()
        } else {
            vec![certificate(folder)?]
        };
        Ok(Self {
            merchant: merchant.checking_half(),
            public_key,
            certificates,
            api_v3: Sealer::new(credentials.api_v3_key.as_bytes())?,
            credentials,
        })
    }

    /// In public key mode, from the texts of the merchant's and of WeChat Pay's private key,
    /// PKCS#8 PEM.
    pub(crate) fn from_pem(
        credentials: WechatPayCredentials,
        merchant_private_key: &str,
        wechat_pay_private_key: &str,
    ) -> Result<Self, CryptoError> {
        Ok(Self {
            merchant: SignatureKey::from_pem(merchant_private_key)?.checking_half(),
            public_key: Some(Arc::new(SignatureKey::from_pem(wechat_pay_private_key)?)),
            certificates: Vec::new(),
            api_v3: Sealer::new(credentials.api_v3_key.as_bytes())?,
            credentials,
        })
    }
}

fn certificate(folder: &Folder) -> Result<PlatformCertificate, KeyError> {
    let key = folder.private_key(PLATFORM_CERTIFICATE_PRIVATE_KEY_FILE)?.private_pem()?;
    let text = folder.read_or_generate(PLATFORM_CERTIFICATE_FILE, || {
        let made = PlatformCertificate::issue(SignatureKey::from_pem(&key)?, SystemClock.now());
        Ok(made?.pem)
    })?;
    Ok(PlatformCertificate::from_pem(&text, &key)?)
}

impl fmt::Debug for WechatPayCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WechatPayCredentials")
            .field("mch_id", &self.mch_id)
            .field("merchant_serial_no", &self.merchant_serial_no)
            .field("public_key_id", &self.public_key_id)
            .finish_non_exhaustive()
    }
}
