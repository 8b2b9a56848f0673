//! Checks that the settings of every provider share.

use reqwest::Url;
use std::net::IpAddr;

/// A setting that cannot work, found when the server starts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidSetting {
    /// The name of the setting.
    pub field: &'static str,
    /// What is wrong with it; never its value.
    pub problem: String,
}

/// An [`InvalidSetting`] of `field`.
pub(super) fn invalid(field: &'static str, problem: impl std::fmt::Display) -> InvalidSetting {
    InvalidSetting { field, problem: problem.to_string() }
}

/// Refuses `field` with `problem` unless `holds`.
pub(super) fn require(
    holds: bool,
    field: &'static str,
    problem: &'static str,
) -> Result<(), InvalidSetting> {
    if holds { Ok(()) } else { Err(invalid(field, problem)) }
}

/// The origin of a provider, without a slash at the end. It is `https`, or `http` to this very
/// machine, where the sandbox listens; secrets never cross a network unencrypted.
pub(super) fn base_url(field: &'static str, text: &str) -> Result<String, InvalidSetting> {
    let url = Url::parse(text).map_err(|error| invalid(field, error))?;
    let encrypted_or_local =
        url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(&url));
    require(encrypted_or_local, field, "must be https (http only to this machine)")?;
    let origin = url.origin().ascii_serialization();
    let bare = text == origin || text.strip_suffix('/') == Some(origin.as_str());
    require(bare, field, "must be scheme, lower-case host and port, nothing else")?;
    Ok(origin)
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_bare_origins_and_encrypted_or_local() {
        let good = [
            ("https://api.mch.weixin.qq.com", "https://api.mch.weixin.qq.com"),
            ("https://api.mch.weixin.qq.com/", "https://api.mch.weixin.qq.com"),
            ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
            ("http://localhost:8090/", "http://localhost:8090"),
            ("http://[::1]:8090", "http://[::1]:8090"),
        ];
        for (text, origin) in good {
            assert_eq!(base_url("base_url", text).as_deref(), Ok(origin), "{text}");
        }
        let bad = [
            "http://api.mch.weixin.qq.com",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "https://user:pass@api.mch.weixin.qq.com",
            "https://api.mch.weixin.qq.com/v3",
            "https://api.mch.weixin.qq.com?x=1",
            "api.mch.weixin.qq.com",
            "",
        ];
        for text in bad {
            assert!(base_url("base_url", text).is_err(), "{text}");
        }
    }
}
