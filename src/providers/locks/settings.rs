//! `[locks]`: the adapter of door locks, and the key that it shares with us.

use crate::config::{ProviderSection, Section, address, files};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

/// As many characters as 16 bytes have in hex.
const LEAST_SECRET_CHARS: usize = 32;
const MOST_SECRET_CHARS: usize = 256;

/// The settings of an adapter.
#[derive(Clone, Debug)]
pub struct LockSettings {
    /// The address that the paths of the protocol are appended to.
    pub base_url: Url,
    /// The name of the key.
    pub key_id: String,
    /// The key: its UTF-8 bytes.
    pub key_secret: SecretString,
}

impl ProviderSection for LockSettings {
    const NAME: &'static str = "locks";
    const BY_SCHOOL: bool = true;
    const SHARED: &'static [&'static str] = &["base_url"];

    fn read(mut section: Section<'_>) -> Option<Self> {
        let wanted = "the address of the locks' adapter";
        if !section.has_any(&["base_url"]) {
            section.report_missing("base_url", wanted);
        }
        let base_url = address::url(&mut section, "base_url", "");
        let wanted = "the name of the key, 1 to 64 of A-Z a-z 0-9 . _ -";
        let key_id = section.required("key_id", wanted, |text| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            let fits = (1..=64).contains(&text.len()) && text.bytes().all(plain);
            fits.then(|| text.to_owned())
        });
        let secret = files::secret(&mut section, "key_secret", "the key, at least 32 characters");
        if let Some(secret) = &secret {
            let chars = secret.value.expose_secret().chars().count();
            if !(LEAST_SECRET_CHARS..=MOST_SECRET_CHARS).contains(&chars) {
                section.report(&secret.key, "must have 32 to 256 characters");
            }
        }
        section.finish();
        Some(Self { base_url: base_url?, key_id: key_id?, key_secret: secret?.value })
    }
}
