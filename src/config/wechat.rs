//! `[wechat]` and `[wechat_pay]`.

use super::{
    address,
    files::{self, Pem},
    section::Section,
};
use crate::base::crypto::keyring::Key32;
use reqwest::Url;
use secrecy::SecretString;

const WECHAT_BASE: &str = "https://api.weixin.qq.com";
const PAY_BASE: &str = "https://api.mch.weixin.qq.com";
const BILL_HOST: &str = "api.mch.weixin.qq.com";
/// How WeChat Pay marks its public keys among the serial numbers of certificates.
const PUBLIC_KEY_ID_PREFIX: &str = "PUB_KEY_ID_";

/// What makes a section more than a shared address.
pub(super) const WECHAT_IDENTITY: &[&str] = &["app_id", "app_secret"];
/// As [`WECHAT_IDENTITY`], for WeChat Pay.
pub(super) const PAY_IDENTITY: &[&str] = &[
    "mch_id",
    "merchant_serial_no",
    "merchant_private_key_file",
    "api_v3_key",
    "public_key_id",
    "public_key_file",
    "platform_certificate_files",
    "fetch_platform_certificates",
    "sub_mch_id",
];

/// The mini-program.
#[derive(Clone, Debug)]
pub struct WeChat {
    /// Where its server interface stands; in the sandbox also the sign-in page.
    pub api_base_url: Url,
    /// The mini-program's app id.
    pub app_id: String,
    /// Its secret.
    pub app_secret: SecretString,
}

/// A WeChat Pay merchant, API v3.
#[derive(Clone, Debug)]
pub struct WeChatPay {
    /// Where the API stands; in the sandbox also the cashier.
    pub base_url: Url,
    /// The merchant's number.
    pub mch_id: String,
    /// The serial number of the merchant's certificate, which names its signing key.
    pub merchant_serial_no: String,
    /// The merchant's private key, PEM.
    pub merchant_private_key: SecretString,
    /// Opens callbacks and certificates: AES-256-GCM.
    pub api_v3_key: Key32,
    /// Public key mode: WeChat Pay's key for answers and callbacks.
    pub public_key: Option<WeChatPayPublicKey>,
    /// Platform certificate mode: certificates, PEM.
    pub platform_certificates: Vec<String>,
    /// Platform certificate mode: certificates are fetched and kept fresh. One of both modes is
    /// always configured.
    pub fetch_platform_certificates: bool,
    /// The only hosts that bills are downloaded from: `host` or `host:port`.
    pub bill_hosts: Vec<String>,
}

/// WeChat Pay's public key.
#[derive(Clone, Debug)]
pub struct WeChatPayPublicKey {
    /// `PUB_KEY_ID_…`, what the `Wechatpay-Serial` header names.
    pub id: String,
    /// PEM (SPKI).
    pub pem: String,
}

pub(super) fn read_wechat(mut section: Section<'_>) -> Option<WeChat> {
    let api_base_url = address::url(&mut section, "api_base_url", WECHAT_BASE);
    let app_id = section.required_text("app_id", "the mini-program's app id");
    let app_secret = secret(&mut section, "app_secret", "the mini-program's secret");
    section.finish();
    Some(WeChat { api_base_url: api_base_url?, app_id: app_id?.1, app_secret: app_secret? })
}

pub(super) fn read_wechat_pay(mut section: Section<'_>) -> Option<WeChatPay> {
    let base_url = address::url(&mut section, "base_url", PAY_BASE);
    let mch_id = section.required("mch_id", "the merchant's number", number);
    let serial = "the serial number of the merchant's certificate";
    let merchant_serial_no = section.required_text("merchant_serial_no", serial);
    let private_key = files::pem(&mut section, "merchant_private_key_file", Pem::PrivateKey);
    let api_v3_key = api_v3_key(&mut section);
    let (public_key, platform_certificates, fetch_platform_certificates) =
        read_verifying_keys(&mut section);
    let unbuilt = "must be left out: payments through a partner (service provider) are not built";
    section.parsed("sub_mch_id", unbuilt, |_| None::<()>);
    let bill_hosts = address::hosts(&mut section, "bill_hosts");
    section.finish();
    Some(WeChatPay {
        base_url: base_url?,
        mch_id: mch_id?,
        merchant_serial_no: merchant_serial_no?.1,
        merchant_private_key: private_key?.into(),
        api_v3_key: api_v3_key?,
        public_key,
        platform_certificates,
        fetch_platform_certificates,
        bill_hosts: bill_hosts.unwrap_or_else(|| vec![BILL_HOST.to_owned()]),
    })
}

/// The two modes may stand side by side while a merchant moves from one to the other. Whoever has
/// certificates has them kept fresh, unless told otherwise.
fn read_verifying_keys(
    section: &mut Section<'_>,
) -> (Option<WeChatPayPublicKey>, Vec<String>, bool) {
    let certificates = files::pems(section, "platform_certificate_files", Pem::Certificate);
    let fetch = section.flag("fetch_platform_certificates", !certificates.is_empty());
    if !section.has_any(&["public_key_id", "public_key_file"]) {
        if certificates.is_empty() && !fetch {
            let wanted = "set with public_key_file, or platform_certificate_files or \
                          fetch_platform_certificates instead";
            section.report_missing("public_key_id", wanted);
        }
        section.take("public_key_id");
        section.take("public_key_file");
        return (None, certificates, fetch);
    }
    let wanted = "the key's id, which begins with PUB_KEY_ID_";
    let id = section.required("public_key_id", wanted, |text| {
        text.starts_with(PUBLIC_KEY_ID_PREFIX).then(|| text.to_owned())
    });
    let pem = files::pem(section, "public_key_file", Pem::PublicKey);
    let public_key = id.zip(pem).map(|(id, pem)| WeChatPayPublicKey { id, pem });
    (public_key, certificates, fetch)
}

fn secret(section: &mut Section<'_>, name: &str, wanted: &str) -> Option<SecretString> {
    let (key, text) = section.required_text(name, wanted)?;
    files::refuse_throwaway(section, &key, &text);
    Some(text.into())
}

fn api_v3_key(section: &mut Section<'_>) -> Option<Key32> {
    let (key, text) = section.required_text("api_v3_key", "the merchant's APIv3 key, 32 bytes")?;
    files::refuse_throwaway(section, &key, &text);
    Key32::from_slice(text.as_bytes()).map_err(|error| section.report(&key, error.to_string())).ok()
}

fn number(text: &str) -> Option<String> {
    let digits = text.len() <= 32 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.to_owned())
}
