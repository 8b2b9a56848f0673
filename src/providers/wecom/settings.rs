//! `[wecom]`: the school's enterprise messenger, with a self-built application that staff sign in by.

use crate::config::{ProviderSection, Section, address, files};
use reqwest::Url;
use secrecy::SecretString;

pub(super) const BASE_URL: &str = "https://qyapi.weixin.qq.com";
const LONGEST: usize = 64;

/// The settings of an organisation and its application.
#[derive(Clone, Debug)]
pub struct WecomSettings {
    /// The origin of the API; in the sandbox it also serves the page to choose a member.
    pub base_url: Url,
    /// The organisation.
    pub corp_id: String,
    /// The application, digits.
    pub agent_id: String,
    /// The application's secret.
    pub secret: SecretString,
}

impl ProviderSection for WecomSettings {
    const NAME: &'static str = "wecom";
    const BY_SCHOOL: bool = true;
    const SHARED: &'static [&'static str] = &["base_url"];

    fn read(mut section: Section<'_>) -> Option<Self> {
        let base_url = address::origin(&mut section, "base_url", BASE_URL);
        let corp_id =
            section.required("corp_id", "the organisation's id, letters and digits", |text| {
                plain(text, u8::is_ascii_alphanumeric)
            });
        let agent_id = section.required("agent_id", "the application's id, digits", |text| {
            plain(text, u8::is_ascii_digit)
        });
        let secret = files::secret(&mut section, "secret", "the application's secret");
        // Fixed by name, and read by nothing so far.
        for name in ["contact_secret", "token", "encoding_aes_key"] {
            if section.has_any(&[name]) {
                files::secret(&mut section, name, "");
            } else {
                section.text(name);
            }
        }
        section.finish();
        Some(Self {
            base_url: base_url?,
            corp_id: corp_id?,
            agent_id: agent_id?,
            secret: secret?.value,
        })
    }
}

fn plain(text: &str, allowed: fn(&u8) -> bool) -> Option<String> {
    let fits = (1..=LONGEST).contains(&text.len()) && text.as_bytes().iter().all(allowed);
    fits.then(|| text.to_owned())
}
