//! What a merchant is told by WeChat and WeChat Pay; none of it prints a secret.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    MERCHANT_PRIVATE_KEY_FILE, PLATFORM_CERTIFICATE_FILE, THROWAWAY_MARK,
    WECHAT_PAY_PUBLIC_KEY_FILE,
};
use crate::chance;

/// The general app and merchant; the content of `credentials.json`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// Always [`THROWAWAY_MARK`].
    pub throwaway: String,
    pub wechat: WechatCredentials,
    pub wechat_pay: WechatPayCredentials,
}

/// What a school has for itself; the content of `{code}/credentials.json`.
#[derive(Clone, Serialize, Deserialize)]
pub struct SchoolCredentials {
    /// Always [`THROWAWAY_MARK`].
    pub throwaway: String,
    /// Absent: the general app is this school's too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wechat: Option<WechatCredentials>,
    pub wechat_pay: WechatPayCredentials,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct WechatCredentials {
    pub app_id: String,
    pub app_secret: String,
}

/// File names are relative to the folder of `credentials.json`.
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

/// With which keys WeChat Pay signs for a merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyMode {
    PublicKey,
    Certificate,
    /// On its way from certificates to the public key.
    Both,
}

impl KeyMode {
    pub(super) fn has_public_key(self) -> bool {
        match self {
            Self::PublicKey | Self::Both => true,
            Self::Certificate => false,
        }
    }

    pub(super) fn has_certificate(self) -> bool {
        match self {
            Self::Certificate | Self::Both => true,
            Self::PublicKey => false,
        }
    }
}

impl Credentials {
    pub(super) fn invent() -> Self {
        Self {
            throwaway: THROWAWAY_MARK.to_owned(),
            wechat: WechatCredentials::invent(),
            wechat_pay: WechatPayCredentials::invent(KeyMode::PublicKey),
        }
    }
}

impl SchoolCredentials {
    pub(super) fn invent(own_app: bool, mode: KeyMode) -> Self {
        Self {
            throwaway: THROWAWAY_MARK.to_owned(),
            wechat: own_app.then(WechatCredentials::invent),
            wechat_pay: WechatPayCredentials::invent(mode),
        }
    }
}

impl WechatCredentials {
    fn invent() -> Self {
        Self {
            app_id: format!("wx{}", chance::hex_digits(16)),
            app_secret: format!("sandbox{}", chance::hex_digits(25)),
        }
    }
}

impl WechatPayCredentials {
    fn invent(mode: KeyMode) -> Self {
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

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("wechat", &self.wechat)
            .field("wechat_pay", &self.wechat_pay)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SchoolCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchoolCredentials")
            .field("wechat", &self.wechat)
            .field("wechat_pay", &self.wechat_pay)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WechatCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WechatCredentials").field("app_id", &self.app_id).finish_non_exhaustive()
    }
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
