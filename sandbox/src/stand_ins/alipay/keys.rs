//! Credentials and keys of Alipay's apps.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::certificate::{self, Owner};
use super::cipher::ContentKey;
use crate::chance;
use crate::clock::{Clock, SystemClock};
use crate::crypto::{CheckingKey, CryptoError, SignatureKey};
use crate::keys::{Folder, KeyError, THROWAWAY_MARK};

pub const ALIPAY_FILE: &str = "alipay.json";
pub const ALIPAY_APP_PRIVATE_KEY_FILE: &str = "alipay_app_private_key.pem";
pub const ALIPAY_PUBLIC_KEY_FILE: &str = "alipay_public_key.pem";
/// Never given to a merchant.
pub const ALIPAY_PRIVATE_KEY_FILE: &str = "alipay_private_key.pem";
pub const ALIPAY_APP_CERT_FILE: &str = "alipay_app_cert.crt";
pub const ALIPAY_CERT_FILE: &str = "alipay_cert.crt";
pub const ALIPAY_ROOT_CERT_FILE: &str = "alipay_root_cert.crt";
/// Never given to a merchant.
pub const ALIPAY_ROOT_PRIVATE_KEY_FILE: &str = "alipay_root_private_key.pem";

/// What Alipay gives an app, under onecard's own configuration names. File names are relative to
/// the folder of the credentials.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct AlipayCredentials {
    /// 16 digits.
    pub app_id: String,
    /// The account that is paid: `2088` and 12 digits.
    pub seller_id: String,
    pub app_private_key_file: String,
    /// Empty in certificate mode.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alipay_public_key_file: String,
    /// Empty in public key mode, like the two below.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub app_cert_file: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alipay_cert_file: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alipay_root_cert_file: String,
    /// 16 bytes in base64; empty without content encryption.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub encrypt_key: String,
}

/// Which ids of a user an app is told: new apps know open ids alone, older ones user ids, and those
/// on their way from one to the other both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identities {
    #[default]
    Both,
    OpenId,
    UserId,
}

/// The content of `alipay.json`.
#[derive(Serialize, Deserialize)]
struct AlipayFile {
    /// Always [`THROWAWAY_MARK`].
    throwaway: String,
    #[serde(default)]
    identities: Identities,
    alipay: AlipayCredentials,
}

/// How an app and Alipay sign, and whether they encrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppMode {
    PublicKey,
    /// In public key mode, with content encryption.
    Encrypted,
    Certificate,
}

/// What a new app of the sandbox is made like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppPlan {
    pub(crate) mode: AppMode,
    pub(crate) identities: Identities,
}

impl AppPlan {
    pub(crate) const GENERAL: Self =
        Self { mode: AppMode::PublicKey, identities: Identities::Both };
}

/// The apps of Alipay with their credentials.
#[derive(Debug)]
pub struct AlipayApps {
    pub general: AlipayCredentials,
    /// By the code of a school that has an app of its own.
    pub schools: BTreeMap<String, AlipayCredentials>,
    /// The general app first.
    pub(super) apps: Vec<Arc<AppKeys>>,
}

/// What messages name the certificates by.
#[derive(Debug, Clone)]
pub(super) struct CertificateNumbers {
    pub(super) app: String,
    pub(super) alipay: String,
    pub(super) root: String,
}

/// The keys that Alipay holds for one app.
#[derive(Debug)]
pub(crate) struct AppKeys {
    pub(super) credentials: AlipayCredentials,
    /// The school that it belongs to; `None` for the general one.
    pub(super) school: Option<String>,
    pub(super) identities: Identities,
    /// Checks what the app signs.
    pub(super) app: CheckingKey,
    /// Signs what Alipay sends to the app.
    pub(super) alipay: SignatureKey,
    /// `None` in public key mode.
    pub(super) certificates: Option<CertificateNumbers>,
    pub(super) content: Option<ContentKey>,
}

impl AlipayApps {
    pub(crate) fn new(general: AppKeys) -> Self {
        let credentials = general.credentials.clone();
        Self { general: credentials, schools: BTreeMap::new(), apps: vec![Arc::new(general)] }
    }

    /// The general app alone, in public key mode, from the texts of its own and of Alipay's private
    /// key: PKCS#8 PEM.
    pub fn from_pem(
        credentials: AlipayCredentials,
        app_private_key: &str,
        alipay_private_key: &str,
    ) -> Result<Self, CryptoError> {
        let content = content_key(&credentials)?;
        Ok(Self::new(AppKeys {
            credentials,
            school: None,
            identities: Identities::Both,
            app: SignatureKey::from_pem(app_private_key)?.checking_half(),
            alipay: SignatureKey::from_pem(alipay_private_key)?,
            certificates: None,
            content,
        }))
    }

    pub(crate) fn add(&mut self, school: &str, mut app: AppKeys) {
        app.school = Some(school.to_owned());
        self.schools.insert(school.to_owned(), app.credentials.clone());
        self.apps.push(Arc::new(app));
    }
}

impl AlipayCredentials {
    fn generate(mode: AppMode) -> Self {
        let text = |wanted: bool, name: &str| if wanted { name.to_owned() } else { String::new() };
        let certificates = mode == AppMode::Certificate;
        Self {
            app_id: format!("2021{}", chance::digits(12)),
            seller_id: format!("2088{}", chance::digits(12)),
            app_private_key_file: ALIPAY_APP_PRIVATE_KEY_FILE.to_owned(),
            alipay_public_key_file: text(!certificates, ALIPAY_PUBLIC_KEY_FILE),
            app_cert_file: text(certificates, ALIPAY_APP_CERT_FILE),
            alipay_cert_file: text(certificates, ALIPAY_CERT_FILE),
            alipay_root_cert_file: text(certificates, ALIPAY_ROOT_CERT_FILE),
            encrypt_key: text(mode == AppMode::Encrypted, &new_content_key()),
        }
    }
}

/// 16 bytes in base64 that begins with `sandbox`: 21 characters, one for the last two bits, padding.
fn new_content_key() -> String {
    let last = chance::digits(1).bytes().map(usize::from).sum::<usize>() % 4;
    let last = ["A", "Q", "g", "w"].get(last).copied().unwrap_or_default();
    format!("sandbox{}{last}==", chance::alphanumeric(14))
}

fn content_key(credentials: &AlipayCredentials) -> Result<Option<ContentKey>, CryptoError> {
    let key = Some(credentials.encrypt_key.as_str()).filter(|key| !key.is_empty());
    key.map(ContentKey::new).transpose()
}

impl AppKeys {
    /// Of the folder; what is missing there is first generated as planned.
    pub(crate) fn generate(folder: &Folder, plan: AppPlan) -> Result<Self, KeyError> {
        let file = folder.credentials(ALIPAY_FILE, || AlipayFile {
            throwaway: THROWAWAY_MARK.to_owned(),
            identities: plan.identities,
            alipay: AlipayCredentials::generate(plan.mode),
        })?;
        let credentials = file.alipay;
        let app = folder.private_key(ALIPAY_APP_PRIVATE_KEY_FILE)?;
        let alipay = folder.private_key(ALIPAY_PRIVATE_KEY_FILE)?;
        let certificates = if credentials.alipay_root_cert_file.is_empty() {
            folder.write(ALIPAY_PUBLIC_KEY_FILE, &alipay.public_pem()?)?;
            None
        } else {
            Some(numbers(folder, &credentials.app_id, &app, &alipay)?)
        };
        Ok(Self {
            school: None,
            identities: file.identities,
            app: app.checking_half(),
            alipay,
            certificates,
            content: content_key(&credentials)?,
            credentials,
        })
    }
}

/// The numbers of the certificates in the folder, which are first issued where they are missing.
fn numbers(
    folder: &Folder,
    app_id: &str,
    app: &SignatureKey,
    alipay: &SignatureKey,
) -> Result<CertificateNumbers, KeyError> {
    let root = folder.private_key(ALIPAY_ROOT_PRIVATE_KEY_FILE)?;
    let now = SystemClock.now();
    let read = |name: &str, owner: Owner<'_>, key: &SignatureKey| {
        folder.read_or_generate(name, || Ok(certificate::issue(owner, key, &root, now)?))
    };
    let root_pem = read(ALIPAY_ROOT_CERT_FILE, Owner::Root, &root)?;
    let app_pem = read(ALIPAY_APP_CERT_FILE, Owner::App(app_id), app)?;
    let alipay_pem = read(ALIPAY_CERT_FILE, Owner::Alipay, alipay)?;
    Ok(CertificateNumbers {
        app: certificate::first_number(&app_pem)?,
        alipay: certificate::first_number(&alipay_pem)?,
        root: certificate::root_numbers(&root_pem)?,
    })
}

impl fmt::Debug for AlipayCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlipayCredentials")
            .field("app_id", &self.app_id)
            .field("seller_id", &self.seller_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_content_key_says_what_it_is_and_is_16_bytes() {
        for _ in 0..20 {
            let key = new_content_key();
            assert!(key.starts_with("sandbox") && ContentKey::new(&key).is_ok(), "{key}");
        }
    }
}
