//! `[wechat_pay]`: one merchant, with the credentials from WeChat's merchant console.

use super::{
    Merchant, WechatPay, certificate::PlatformCertificate, keys::TrustedKeys, sealed::ApiV3Key,
    signing::Signer, trust::Trust,
};
use crate::{
    base::crypto::rsa::{PrivateKey, PublicKey},
    config::{
        ProviderSection, Section, Setting, address,
        files::{self, Pem},
    },
};
use reqwest::{Client, Url};
use secrecy::{ExposeSecret, SecretString};

const BASE_URL: &str = "https://api.mch.weixin.qq.com";
const BILL_HOST: &str = "api.mch.weixin.qq.com";
/// The prefix of the ids of WeChat Pay's public keys; serial numbers of certificates do not have
/// it.
const PUBLIC_KEY_ID_PREFIX: &str = "PUB_KEY_ID_";
const PUBLIC_KEY_ID: &str = "public_key_id";
const PUBLIC_KEY_FILE: &str = "public_key_file";
const OWN_KEY: &str = "must be WeChat Pay's, not the merchant's own";

/// The settings of a merchant of WeChat Pay, API v3.
#[derive(Clone, Debug)]
pub struct WechatPaySettings {
    /// The origin of the API; in the sandbox it also serves the cashier.
    pub base_url: Url,
    /// The merchant number, digits.
    pub mch_id: String,
    /// The serial of the merchant's API certificate, in hex. Identifies our signing key.
    pub merchant_serial_no: String,
    /// Our signing key: `apiclient_key.pem`.
    pub merchant_key: PrivateKey,
    /// Decrypts callbacks and certificates.
    pub api_v3_key: ApiV3Key,
    /// Public key mode: `PUB_KEY_ID_…`, the key that WeChat is asked to sign its answers with.
    pub public_key_id: Option<String>,
    /// WeChat's trusted keys, of both modes.
    pub keys: TrustedKeys,
    /// Platform certificate mode: certificates are fetched and refreshed.
    pub fetch_certificates: bool,
    /// The only hosts that bills are downloaded from: `host` or `host:port`.
    pub bill_hosts: Vec<String>,
}

impl ProviderSection for WechatPaySettings {
    const NAME: &'static str = "wechat_pay";
    const BY_SCHOOL: bool = true;
    const SHARED: &'static [&'static str] = &["base_url", "bill_hosts"];

    fn read(mut section: Section<'_>) -> Option<Self> {
        let base_url = address::origin(&mut section, "base_url", BASE_URL);
        let mch_id = section.required("mch_id", "the merchant's number, digits", |text| {
            plain(text, 32, u8::is_ascii_digit)
        });
        let serial = "the serial number of the merchant's certificate, hex digits";
        let merchant_serial_no = section
            .required("merchant_serial_no", serial, |text| plain(text, 40, u8::is_ascii_hexdigit));
        let file = "merchant_private_key_file";
        let merchant_key =
            files::pem(&mut section, file, Pem::PrivateKey, PrivateKey::from_pkcs8_pem);
        let merchant_key = merchant_key.map(|key| key.value);
        let api_v3_key = api_v3_key(&mut section);
        let own = Own { key: merchant_key.as_ref(), serial_no: merchant_serial_no.as_deref() };
        let theirs = VerifyingKeys::read(&mut section, &own);
        let unbuilt =
            "must be left out: payments through a partner (service provider) are not built";
        section.parsed("sub_mch_id", unbuilt, |_| None::<()>);
        let bill_hosts = address::hosts(&mut section, "bill_hosts");
        section.finish();
        Some(Self {
            base_url: base_url?,
            mch_id: mch_id?,
            merchant_serial_no: merchant_serial_no?,
            merchant_key: merchant_key?,
            api_v3_key: api_v3_key?,
            public_key_id: theirs.public_key_id,
            keys: theirs.ring,
            fetch_certificates: theirs.fetch_certificates,
            bill_hosts: bill_hosts.unwrap_or_else(|| vec![BILL_HOST.to_owned()]),
        })
    }
}

impl WechatPaySettings {
    /// The gateway for payers of the mini-program `app_id`.
    pub(super) fn into_gateway(self, app_id: &str, http: Client) -> WechatPay {
        let mch_id = self.mch_id.clone();
        WechatPay {
            origin: self.base_url.origin().ascii_serialization(),
            api_v3_key: self.api_v3_key,
            keys: Trust::new(self.keys),
            public_key_id: self.public_key_id,
            fetches_certificates: self.fetch_certificates,
            bill_hosts: self.bill_hosts,
            signer: Signer { mch_id, serial_no: self.merchant_serial_no, key: self.merchant_key },
            merchant: Merchant { mch_id: self.mch_id, app_id: app_id.to_owned() },
            http,
        }
    }
}

/// The merchant's own key and serial number, if they could be read. Neither may verify messages
/// from WeChat.
struct Own<'a> {
    key: Option<&'a PrivateKey>,
    serial_no: Option<&'a str>,
}

impl Own<'_> {
    fn is_key(&self, key: &PublicKey) -> bool {
        self.key.is_some_and(|own| own.belongs_to(key))
    }

    fn is_certificate(&self, certificate: &PlatformCertificate) -> bool {
        let serial = |own: &str| certificate.serial().eq_ignore_ascii_case(own);
        self.is_key(certificate.key()) || self.serial_no.is_some_and(serial)
    }
}

/// The keys of both modes; a merchant that migrates from one to the other has both.
struct VerifyingKeys {
    ring: TrustedKeys,
    public_key_id: Option<String>,
    fetch_certificates: bool,
}

impl VerifyingKeys {
    /// Certificates are refreshed if any are configured, unless the operator disables it.
    fn read(section: &mut Section<'_>, own: &Own<'_>) -> Self {
        let certificates = certificates(section, own);
        let fetch_certificates =
            section.flag("fetch_platform_certificates", !certificates.is_empty());
        let by_certificates = fetch_certificates || !certificates.is_empty();
        let public_key = public_key(section, own, by_certificates);
        let (mut ring, mut public_key_id) = (TrustedKeys::default(), None);
        if let Some((id, key)) = public_key {
            ring = ring.with_public_key(&id, key);
            public_key_id = Some(id);
        }
        let ring = ring.with_certificates(certificates);
        Self { ring, public_key_id, fetch_certificates }
    }
}

fn certificates(section: &mut Section<'_>, own: &Own<'_>) -> Vec<PlatformCertificate> {
    let parse = |pem: &SecretString| PlatformCertificate::from_pem(pem.expose_secret().as_bytes());
    let read = files::pems(section, "platform_certificate_files", Pem::Certificate, parse);
    for Setting { key, value } in &read {
        if own.is_certificate(value) {
            section.report(key, OWN_KEY);
        }
    }
    read.into_iter().map(|certificate| certificate.value).collect()
}

/// The id and the key of public key mode, optional if certificates are used.
fn public_key(
    section: &mut Section<'_>,
    own: &Own<'_>,
    by_certificates: bool,
) -> Option<(String, PublicKey)> {
    if !section.has_any(&[PUBLIC_KEY_ID, PUBLIC_KEY_FILE]) {
        if !by_certificates {
            let wanted = "set with public_key_file, or platform_certificate_files or \
                          fetch_platform_certificates instead";
            section.report_missing(PUBLIC_KEY_ID, wanted);
        }
        // Accepts either setting as an empty string.
        section.text(PUBLIC_KEY_ID);
        section.text(PUBLIC_KEY_FILE);
        return None;
    }
    let wanted = "the key's id: PUB_KEY_ID_, then letters, digits and underscores";
    let id = section.required(PUBLIC_KEY_ID, wanted, |text| {
        let rest = text.strip_prefix(PUBLIC_KEY_ID_PREFIX)?;
        plain(rest, 64, |byte| byte.is_ascii_alphanumeric() || *byte == b'_')?;
        Some(text.to_owned())
    });
    let parse = |pem: &SecretString| PublicKey::from_spki_pem(pem.expose_secret());
    let key = files::pem(section, PUBLIC_KEY_FILE, Pem::PublicKey, parse)?;
    if own.is_key(&key.value) {
        section.report(&key.key, OWN_KEY);
    }
    Some((id?, key.value))
}

fn api_v3_key(section: &mut Section<'_>) -> Option<ApiV3Key> {
    let secret = files::secret(section, "api_v3_key", "the merchant's APIv3 key, 32 bytes")?;
    let bytes = secret.value.expose_secret().as_bytes();
    let key = ApiV3Key::new(bytes);
    if key.is_none() {
        section.report(&secret.key, format!("must be exactly 32 bytes, not {}", bytes.len()));
    }
    key
}

/// A text that is used verbatim in headers, URLs and signed lines.
fn plain(text: &str, max_bytes: usize, allowed: fn(&u8) -> bool) -> Option<String> {
    let fits = (1..=max_bytes).contains(&text.len()) && text.bytes().all(|byte| allowed(&byte));
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::providers::wechat_pay::testing;

    #[test]
    fn settings_and_gateway_print_no_secret() {
        let shown = format!("{:?}", testing::gateway("http://127.0.0.1:1"));
        assert!(shown.contains("1000000001"), "{shown}");
        assert!(!shown.contains("TESTONLY"), "{shown}");
        let shown = format!("{:?}", testing::settings("http://127.0.0.1:1"));
        assert!(!shown.contains("TESTONLY") && !shown.contains("BEGIN PRIVATE"), "{shown}");
    }
}
