//! `[alipay]`: one application and the seller's account, with the credentials from Alipay's console.

use super::{
    Alipay, Shop,
    certificate::{self, BadAlipayCertificate, NumberedKey},
    client::OpenApi,
    content_key::ContentKey,
    message,
    trust::{AlipayTrust, CertificateNumbers},
    wire,
};
use crate::providers::templates::Templates;
use crate::{
    base::crypto::rsa::{PrivateKey, PublicKey},
    config::{
        ProviderSection, Section, Setting, address,
        files::{self, Pem},
    },
};
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

const GATEWAY_URL: &str = "https://openapi.alipay.com/gateway.do";
const BILL_HOST: &str = "dwbillcenter.alipay.com";
const APP_KEY_FILE: &str = "app_private_key_file";
const PUBLIC_KEY_FILE: &str = "alipay_public_key_file";
const APP_CERT_FILE: &str = "app_cert_file";
const CERT_FILE: &str = "alipay_cert_file";
const ROOT_CERT_FILE: &str = "alipay_root_cert_file";
const OWN_KEY: &str = "is the application's own public key, pasted in place of Alipay's";
/// Any text will do: it is signed to see which key verifies it.
const PROBE: &[u8] = b"onecard: whose key is this?";

/// The settings of an application, OpenAPI v2.
#[derive(Clone, Debug)]
pub struct AlipaySettings {
    /// The whole address of the gateway.
    pub gateway_url: Url,
    /// The application's id, 16 digits: the mini-program that payers sign in to.
    pub app_id: String,
    /// The account that receives payments: 2088 and 12 digits.
    pub seller_id: String,
    /// Our signing key.
    pub app_key: PrivateKey,
    /// Alipay's key, of either mode.
    pub trust: AlipayTrust,
    /// Content encryption, where it is turned on in the console.
    pub content_key: Option<ContentKey>,
    /// Acting for the account of another merchant.
    pub app_auth_token: Option<SecretString>,
    /// The templates of messages to payers.
    pub templates: Templates,
    /// The only hosts that bills are downloaded from: `host` or `host:port`.
    pub bill_hosts: Vec<String>,
}

impl ProviderSection for AlipaySettings {
    const NAME: &'static str = "alipay";
    const BY_SCHOOL: bool = true;
    const SHARED: &'static [&'static str] = &["gateway_url", "bill_hosts"];

    fn read(mut section: Section<'_>) -> Option<Self> {
        let gateway_url = address::endpoint(&mut section, "gateway_url", GATEWAY_URL);
        let app_id = section.required("app_id", "the application's id, 16 digits", |text| {
            let fits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit());
            fits.then(|| text.to_owned())
        });
        let wanted = "the account that receives payments, 2088 and 12 digits";
        let seller_id = section
            .required("seller_id", wanted, |text| wire::is_user_id(text).then(|| text.to_owned()));
        let app_key =
            files::pem(&mut section, APP_KEY_FILE, Pem::AnyPrivateKey, PrivateKey::from_any_form);
        let app_key = app_key.map(|key| key.value);
        let trust = trust(&mut section, app_key.as_ref());
        let content_key = content_key(&mut section);
        let app_auth_token = optional_secret(&mut section, "app_auth_token");
        let bill_hosts = address::hosts(&mut section, "bill_hosts");
        let templates = Templates::read(&mut section, message::fits);
        section.finish();
        Some(Self {
            gateway_url: gateway_url?,
            app_id: app_id?,
            seller_id: seller_id?,
            app_key: app_key?,
            trust: trust?,
            content_key: content_key.ok()?,
            app_auth_token: app_auth_token.map(|token| token.value),
            templates: templates?,
            bill_hosts: bill_hosts.unwrap_or_else(|| vec![BILL_HOST.to_owned()]),
        })
    }
}

impl AlipaySettings {
    /// The payment gateway and the login of this application, which share everything.
    pub(super) fn build(self, http: Client) -> Alipay {
        let shop = Shop { app_id: self.app_id.clone(), seller_id: self.seller_id };
        let api = OpenApi {
            gateway_url: self.gateway_url,
            app_id: self.app_id,
            app_key: self.app_key,
            trust: self.trust,
            content_key: self.content_key,
            app_auth_token: self.app_auth_token,
            http,
        };
        let Self { templates, bill_hosts, .. } = self;
        Alipay { api: Arc::new(api), shop, templates, bill_hosts }
    }
}

/// Alipay's key: alone, or with certificates.
fn trust(section: &mut Section<'_>, own: Option<&PrivateKey>) -> Option<AlipayTrust> {
    let by_certificates = section.has_any(&[APP_CERT_FILE, CERT_FILE, ROOT_CERT_FILE]);
    if !by_certificates {
        // Accepts each as an empty text.
        for name in [APP_CERT_FILE, CERT_FILE, ROOT_CERT_FILE] {
            section.text(name);
        }
        return public_key(section, own);
    }
    if let Some(path) = section.text(PUBLIC_KEY_FILE) {
        let message = "must be left out, or empty, where certificates are configured";
        section.report(&path.key, message);
    }
    certificates(section, own)
}

fn public_key(section: &mut Section<'_>, own: Option<&PrivateKey>) -> Option<AlipayTrust> {
    if !section.has_any(&[PUBLIC_KEY_FILE]) {
        let wanted = "Alipay's public key, or app_cert_file, alipay_cert_file and \
                      alipay_root_cert_file instead";
        section.report_missing(PUBLIC_KEY_FILE, wanted);
        section.text(PUBLIC_KEY_FILE);
        return None;
    }
    let parse = |text: &SecretString| PublicKey::from_any_form(text.expose_secret());
    let key = files::pem(section, PUBLIC_KEY_FILE, Pem::AnyPublicKey, parse)?;
    refuse_own(section, &key.key, &key.value, own);
    Some(AlipayTrust { key: key.value, numbers: None })
}

fn certificates(section: &mut Section<'_>, own: Option<&PrivateKey>) -> Option<AlipayTrust> {
    let parse = |text: &SecretString| NumberedKey::from_pem(text.expose_secret());
    let app = files::pem(section, APP_CERT_FILE, Pem::Certificate, parse);
    if let (Some(app), Some(own)) = (&app, own)
        && !own.belongs_to(&app.value.key)
    {
        section.report(&app.key, "must be the certificate of the key in app_private_key_file");
    }
    let alipay = files::pem(section, CERT_FILE, Pem::Certificate, parse);
    if let Some(alipay) = &alipay {
        refuse_own(section, &alipay.key, &alipay.value.key, own);
    }
    let roots = |text: &SecretString| -> Result<String, BadAlipayCertificate> {
        certificate::root_sn(text.expose_secret())
    };
    let root = files::pem(section, ROOT_CERT_FILE, Pem::Certificate, roots);
    let (app, NumberedKey { sn, key }, root) = (app?.value.sn, alipay?.value, root?.value);
    Some(AlipayTrust { key, numbers: Some(CertificateNumbers { app, root, alipay: sn }) })
}

/// The most frequent mistake in the settings: no true answer would verify.
fn refuse_own(section: &Section<'_>, name: &str, theirs: &PublicKey, own: Option<&PrivateKey>) {
    let trust = |own: &PrivateKey| {
        let probe = own.sign(PROBE).ok()?;
        let trust = AlipayTrust { key: theirs.clone(), numbers: None };
        trust.verify(PROBE, &probe).ok()
    };
    if own.and_then(trust).is_some() {
        section.report(name, OWN_KEY);
    }
}

/// `Err` where a mistake was reported.
fn content_key(section: &mut Section<'_>) -> Result<Option<ContentKey>, ()> {
    let Some(text) = optional_secret(section, "encrypt_key") else {
        return Ok(None);
    };
    let key = ContentKey::from_base64(text.value.expose_secret());
    if key.is_none() {
        section.report(&text.key, "must be the content encryption key, base64 of 16 bytes");
    }
    key.ok_or(()).map(Some)
}

fn optional_secret(section: &mut Section<'_>, name: &str) -> Option<Setting<SecretString>> {
    if section.has_any(&[name]) {
        return files::secret(section, name, "");
    }
    // Accepts an empty text.
    section.text(name);
    None
}

#[cfg(test)]
mod tests {
    use crate::providers::alipay::testing;

    #[test]
    fn settings_and_gateway_print_no_secret() {
        let settings = testing::settings("http://127.0.0.1:1/gateway.do");
        let secrets = ["token-hush", "AAEC", "BEGIN", "MII"];
        for shown in [format!("{settings:?}"), format!("{:?}", testing::gateway("http://a.cn/g"))] {
            assert!(shown.contains(testing::APP_ID), "{shown}");
            assert!(!secrets.iter().any(|secret| shown.contains(secret)), "{shown}");
        }
    }
}
