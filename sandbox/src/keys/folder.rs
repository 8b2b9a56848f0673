//! The folder of one merchant: its credentials beside the keys that they name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::credentials::WechatPayCredentials;
use super::files::{self, read_or_create, write_new};
use super::{
    CREDENTIALS_FILE, KeyError, MERCHANT_PRIVATE_KEY_FILE, MerchantKeys, PLATFORM_CERTIFICATE_FILE,
    PLATFORM_CERTIFICATE_PRIVATE_KEY_FILE, THROWAWAY_MARK, WECHAT_PAY_PRIVATE_KEY_FILE,
    WECHAT_PAY_PUBLIC_KEY_FILE,
};
use crate::certificate::PlatformCertificate;
use crate::clock::{Clock, SystemClock};
use crate::crypto::{Sealer, SignatureKey};

pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn open(path: PathBuf) -> Result<Self, KeyError> {
        files::create_folder(&path)?;
        Ok(Self(path))
    }

    /// The credentials; first written as `invent` makes them where they are missing.
    pub(super) fn credentials<T: Serialize + DeserializeOwned>(
        &self,
        invent: impl FnOnce() -> T,
    ) -> Result<T, KeyError> {
        let path = self.at(CREDENTIALS_FILE);
        let text = read_or_create(&path, || Ok(format!("{:#}\n", serde_json::json!(invent()))))?;
        serde_json::from_str(&text).map_err(|source| KeyError::Json { path, source })
    }

    /// The keys that the credentials speak of, made where they are missing.
    pub(super) fn keys(&self, credentials: WechatPayCredentials) -> Result<MerchantKeys, KeyError> {
        let merchant = self.private_key(MERCHANT_PRIVATE_KEY_FILE)?;
        let public_key = if credentials.public_key_id.is_empty() {
            None
        } else {
            let provider = self.private_key(WECHAT_PAY_PRIVATE_KEY_FILE)?;
            let public = marked(&provider.public_pem()?);
            write_new(&self.at(WECHAT_PAY_PUBLIC_KEY_FILE), &public)?;
            Some(Arc::new(provider))
        };
        let certificates = if credentials.platform_certificate_files.is_empty() {
            Vec::new()
        } else {
            vec![self.certificate()?]
        };
        Ok(MerchantKeys {
            merchant: merchant.checking_half(),
            public_key,
            certificates,
            api_v3: Sealer::new(credentials.api_v3_key.as_bytes())?,
            credentials,
        })
    }

    fn private_key(&self, name: &str) -> Result<SignatureKey, KeyError> {
        let make = || Ok(marked(&SignatureKey::generate()?.private_pem()?));
        Ok(SignatureKey::from_pem(&read_or_create(&self.at(name), make)?)?)
    }

    fn certificate(&self) -> Result<PlatformCertificate, KeyError> {
        let key = self.private_key(PLATFORM_CERTIFICATE_PRIVATE_KEY_FILE)?.private_pem()?;
        let text = read_or_create(&self.at(PLATFORM_CERTIFICATE_FILE), || {
            let made = PlatformCertificate::issue(SignatureKey::from_pem(&key)?, SystemClock.now());
            Ok(marked(&made?.pem))
        })?;
        Ok(PlatformCertificate::from_pem(&text, &key)?)
    }

    fn at(&self, name: &str) -> PathBuf {
        Path::join(&self.0, name)
    }
}

/// RFC 7468 allows text before the first boundary line; parsers skip it.
fn marked(pem: &str) -> String {
    format!("{THROWAWAY_MARK}\n{pem}")
}
