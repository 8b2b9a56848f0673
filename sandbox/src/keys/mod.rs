//! Throwaway keys: made once into a folder, marked as such, readable by their owner only.
//!
//! Invariant: [`generate`] never replaces a file; running it again only fills gaps.
//! Invariant: every file says that it is a throwaway sandbox key, and the API v3 key and the app
//! secret begin with `sandbox`, so that a production configuration can refuse them.

mod files;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::chance;
use crate::crypto::{CheckingKey, CryptoError, Sealer, SignatureKey};
use files::{read_or_create, write_new};

/// Written into every file that [`generate`] makes.
pub const THROWAWAY_MARK: &str =
    "THROWAWAY SANDBOX KEY: made for the onecard sandbox, worthless with any real provider";

pub const CREDENTIALS_FILE: &str = "credentials.json";
pub const MERCHANT_PRIVATE_KEY_FILE: &str = "merchant_private_key.pem";
pub const WECHAT_PAY_PUBLIC_KEY_FILE: &str = "wechat_pay_public_key.pem";
/// Stays with the sandbox: it stands for what only WeChat Pay has.
pub const WECHAT_PAY_PRIVATE_KEY_FILE: &str = "wechat_pay_private_key.pem";

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{path}: {source}", path = path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{path}: {source}", path = path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// What a merchant is told by WeChat and WeChat Pay; the content of `credentials.json`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// Always [`THROWAWAY_MARK`].
    pub throwaway: String,
    pub wechat: WechatCredentials,
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
    /// `PUB_KEY_ID_` and digits.
    pub public_key_id: String,
    pub public_key_file: String,
}

impl Credentials {
    fn invent() -> Self {
        let mch_id = format!("1900{}", chance::digits(6));
        let public_key_id = format!("PUB_KEY_ID_01{mch_id}{}", chance::digits(22));
        Self {
            throwaway: THROWAWAY_MARK.to_owned(),
            wechat: WechatCredentials {
                app_id: format!("wx{}", chance::hex_digits(16)),
                app_secret: format!("sandbox{}", chance::hex_digits(25)),
            },
            wechat_pay: WechatPayCredentials {
                mch_id,
                merchant_serial_no: chance::hex_digits(40).to_uppercase(),
                merchant_private_key_file: MERCHANT_PRIVATE_KEY_FILE.to_owned(),
                api_v3_key: format!("sandbox{}", chance::alphanumeric(25)),
                public_key_id,
                public_key_file: WECHAT_PAY_PUBLIC_KEY_FILE.to_owned(),
            },
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

/// Everything the stand-ins sign, check and seal with.
pub struct Keys {
    pub credentials: Credentials,
    /// What WeChat Pay knows of the merchant: the public half.
    pub(crate) merchant: CheckingKey,
    pub(crate) wechat_pay: SignatureKey,
    pub(crate) api_v3: Sealer,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

impl Keys {
    /// Keys from their texts: the merchant's and WeChat Pay's private keys are PKCS#8 PEM.
    pub fn from_pem(
        credentials: Credentials,
        merchant_private_key: &str,
        wechat_pay_private_key: &str,
    ) -> Result<Self, KeyError> {
        let api_v3 = Sealer::new(credentials.wechat_pay.api_v3_key.as_bytes())?;
        Ok(Self {
            credentials,
            merchant: SignatureKey::from_pem(merchant_private_key)?.checking_half(),
            wechat_pay: SignatureKey::from_pem(wechat_pay_private_key)?,
            api_v3,
        })
    }
}

/// Makes whatever is missing in `dir` and reads the whole of it.
///
/// Takes a second or two the first time: two RSA keys of 2048 bits are made.
pub fn generate(dir: &Path) -> Result<Keys, KeyError> {
    files::create_folder(dir)?;
    let merchant = read_or_create(&dir.join(MERCHANT_PRIVATE_KEY_FILE), new_private_key)?;
    let provider = read_or_create(&dir.join(WECHAT_PAY_PRIVATE_KEY_FILE), new_private_key)?;
    let public = SignatureKey::from_pem(&provider)?.public_pem()?;
    write_new(&dir.join(WECHAT_PAY_PUBLIC_KEY_FILE), &marked(&public))?;
    let path = dir.join(CREDENTIALS_FILE);
    let invent = || Ok(format!("{:#}\n", serde_json::json!(Credentials::invent())));
    let credentials = serde_json::from_str(&read_or_create(&path, invent)?)
        .map_err(|source| KeyError::Json { path, source })?;
    Keys::from_pem(credentials, &merchant, &provider)
}

fn new_private_key() -> Result<String, KeyError> {
    Ok(marked(&SignatureKey::generate()?.private_pem()?))
}

/// RFC 7468 allows text before the first boundary line; parsers skip it.
fn marked(pem: &str) -> String {
    format!("{THROWAWAY_MARK}\n{pem}")
}
