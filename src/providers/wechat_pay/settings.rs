//! What WeChat Pay needs to know, checked before the first payment.

use super::{
    Merchant, WechatPay, certificate::PlatformCertificate, keys::KeyRing, sealed::ApiV3Key,
    signing::Signer, trust::Trust,
};
use crate::{
    base::crypto::rsa::{PrivateKey, PublicKey},
    providers::settings::{InvalidSetting, base_url, invalid, require},
};
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};

const API_V3_KEY: &str = "api_v3_key";
const PUBLIC_KEY_ID: &str = "public_key_id";
const CERTIFICATES: &str = "platform_certificate_files";

/// Settings of one merchant, as WeChat's merchant console hands them out.
#[derive(Clone, Debug)]
pub struct WechatPaySettings {
    /// Origin of the API: `https://api.mch.weixin.qq.com`.
    pub base_url: String,
    /// The merchant number, digits.
    pub mch_id: String,
    /// The mini-program's app id, bound to the merchant.
    pub app_id: String,
    /// Serial of the merchant's API certificate, hex.
    pub merchant_serial_no: String,
    /// The text of `apiclient_key.pem`.
    pub merchant_key_pem: SecretString,
    /// The API v3 key: 32 characters.
    pub api_v3_key: SecretString,
    /// Public key mode.
    pub public_key: Option<WechatPayPublicKey>,
    /// Platform certificate mode: PEM, one certificate each.
    pub platform_certificates: Vec<String>,
    /// Platform certificate mode: certificates are fetched. One of the three is needed.
    pub fetch_certificates: bool,
}

/// WeChat Pay's public key.
#[derive(Clone, Debug)]
pub struct WechatPayPublicKey {
    /// Its id: `PUB_KEY_ID_…`.
    pub id: String,
    /// The text of `pub_key.pem`.
    pub pem: String,
}

impl WechatPaySettings {
    /// The gateway, or the first setting that cannot work.
    pub(super) fn into_gateway(self, http: Client) -> Result<WechatPay, InvalidSetting> {
        self.check_texts()?;
        let origin = base_url("base_url", &self.base_url)?;
        let key = PrivateKey::from_pkcs8_pem(&self.merchant_key_pem)
            .map_err(|error| invalid("merchant_key_pem", error))?;
        let serial_no = self.merchant_serial_no.clone();
        let signer = Signer { mch_id: self.mch_id.clone(), serial_no, key };
        Ok(WechatPay {
            origin,
            api_v3_key: api_v3_key(&self.api_v3_key)?,
            keys: Trust::new(self.key_ring(&signer)?),
            public_key_id: self.public_key.map(|key| key.id),
            fetches_certificates: self.fetch_certificates,
            signer,
            merchant: Merchant { mch_id: self.mch_id, app_id: self.app_id },
            http,
        })
    }

    /// The keys of both modes, none of which may be the merchant's own.
    fn key_ring(&self, merchant: &Signer) -> Result<KeyRing, InvalidSetting> {
        let mut ring = KeyRing::default();
        if let Some(WechatPayPublicKey { id, pem }) = &self.public_key {
            let key =
                PublicKey::from_spki_pem(pem).map_err(|error| invalid("public_key_pem", error))?;
            let theirs = !merchant.key.belongs_to(&key);
            require(theirs, "public_key_pem", "must be WeChat Pay's key, not the merchant's own")?;
            ring = ring.with_public_key(id, key);
        }
        for pem in &self.platform_certificates {
            let certificate = PlatformCertificate::from_pem(pem.as_bytes())
                .map_err(|error| invalid(CERTIFICATES, error))?;
            let theirs = !merchant.is_own(&certificate);
            require(theirs, CERTIFICATES, "must be WeChat Pay's, not the merchant's own")?;
            ring = ring.with_certificates([certificate]);
        }
        Ok(ring)
    }

    /// These texts go into headers, addresses and signed lines as they are.
    fn check_texts(&self) -> Result<(), InvalidSetting> {
        let made_of = |text: &str, allowed: fn(&u8) -> bool, max_chars: usize| {
            (1..=max_chars).contains(&text.len()) && text.bytes().all(|byte| allowed(&byte))
        };
        let digits = made_of(&self.mch_id, u8::is_ascii_digit, 32);
        require(digits, "mch_id", "must be digits")?;
        let plain = made_of(&self.app_id, u8::is_ascii_alphanumeric, 32);
        require(plain, "app_id", "must be letters and digits")?;
        let hex = made_of(&self.merchant_serial_no, u8::is_ascii_hexdigit, 40);
        require(hex, "merchant_serial_no", "must be hex digits, at most 40")?;
        let Some(key) = &self.public_key else {
            let other = self.fetch_certificates || !self.platform_certificates.is_empty();
            return require(other, PUBLIC_KEY_ID, "is missing, and no platform certificate is set");
        };
        let id = made_of(&key.id, |b| b.is_ascii_alphanumeric() || *b == b'_', 64);
        require(id, PUBLIC_KEY_ID, "must be letters, digits and underscores")?;
        let other = !key.id.eq_ignore_ascii_case(&self.merchant_serial_no);
        require(other, PUBLIC_KEY_ID, "must not be the merchant's own serial")
    }
}

fn api_v3_key(text: &SecretString) -> Result<ApiV3Key, InvalidSetting> {
    let key = ApiV3Key::new(text.expose_secret().as_bytes());
    key.ok_or_else(|| invalid(API_V3_KEY, "must be 32 bytes"))
}

#[cfg(test)]
mod tests {
    use crate::providers::wechat_pay::{WechatPay, WechatPayPublicKey, WechatPaySettings, testing};

    type Change = fn(&mut WechatPaySettings);

    fn key(settings: &mut WechatPaySettings) -> &mut WechatPayPublicKey {
        settings.public_key.as_mut().unwrap()
    }

    #[test]
    fn a_setting_that_cannot_work_is_named() {
        let cases: [(&str, Change); 18] = [
            ("base_url", |s| {
                s.base_url = "http://api.mch.weixin.qq.com".into();
            }),
            ("mch_id", |s| s.mch_id = String::new()),
            ("mch_id", |s| s.mch_id = "1000000001\n".into()),
            ("app_id", |s| s.app_id = "wx 1".into()),
            ("merchant_serial_no", |s| {
                s.merchant_serial_no = "PUB_KEY_ID_1".into();
            }),
            ("merchant_key_pem", |s| s.merchant_key_pem = "secret".into()),
            ("api_v3_key", |s| s.api_v3_key = "too short".into()),
            ("api_v3_key", |s| s.api_v3_key = "x".repeat(33).into()),
            ("public_key_id", |s| s.public_key = None),
            ("public_key_id", |s| key(s).id = String::new()),
            ("public_key_id", |s| key(s).id = "PUB KEY".into()),
            ("public_key_id", |s| key(s).id = s.merchant_serial_no.to_lowercase()),
            ("public_key_pem", |s| key(s).pem = String::new()),
            ("public_key_pem", |s| key(s).pem = testing::keys().merchant_certificate_pem),
            ("public_key_pem", |s| key(s).pem = testing::keys().merchant_public_pem),
            ("platform_certificate_files", |s| s.platform_certificates = vec![String::new()]),
            ("platform_certificate_files", |s| {
                s.platform_certificates = vec![testing::keys().wechat_public_pem];
            }),
            ("platform_certificate_files", |s| {
                s.platform_certificates = vec![testing::keys().merchant_certificate_pem];
            }),
        ];
        for (field, change) in cases {
            let mut settings = testing::settings("http://127.0.0.1:1");
            change(&mut settings);
            let error = WechatPay::new(settings, testing::http()).unwrap_err();
            assert_eq!(error.field, field, "{error}");
            assert!(!error.to_string().contains("too short"), "{error}");
        }
    }

    #[test]
    fn the_gateway_prints_no_secret() {
        let shown = format!("{:?}", testing::gateway("http://127.0.0.1:1"));
        assert!(shown.contains("1000000001"), "{shown}");
        assert!(!shown.contains("TESTONLY"), "{shown}");
        let shown = format!("{:?}", testing::settings("http://127.0.0.1:1"));
        assert!(!shown.contains("TESTONLY") && !shown.contains("BEGIN PRIVATE"), "{shown}");
    }
}
