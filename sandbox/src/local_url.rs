//! Redirect targets: the sandbox redirects browsers only to this machine.

use reqwest::Url;

/// An `http` address on 127.0.0.1 or localhost.
#[derive(Debug, Clone)]
pub(crate) struct LocalUrl(Url);

#[derive(Debug, thiserror::Error)]
#[error("redirect_uri 只能是 http://127.0.0.1 或 http://localhost 的地址")]
pub(crate) struct NotLocal;

impl LocalUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, NotLocal> {
        let url = Url::parse(text).map_err(|_| NotLocal)?;
        let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost"));
        let plain = url.scheme() == "http" && url.username().is_empty() && url.password().is_none();
        if here && plain { Ok(Self(url)) } else { Err(NotLocal) }
    }

    /// The address with one more pair in its query, before any fragment.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut url = self.0.clone();
        url.query_pairs_mut().append_pair(name, value);
        Self(url)
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_local() {
        let table = [
            ("http://127.0.0.1:8080/", true),
            ("http://localhost:5173/#/pages/login", true),
            ("https://127.0.0.1/", false),
            ("http://127.0.0.1.example.com/", false),
            ("http://127.0.0.1@example.com/", false),
            ("http://user@127.0.0.1/", false),
            ("//example.com/", false),
            ("javascript:alert(1)", false),
            ("", false),
        ];
        for (text, local) in table {
            assert_eq!(LocalUrl::parse(text).is_ok(), local, "{text}");
        }
    }

    #[test]
    fn the_pair_goes_before_the_fragment() {
        let url = LocalUrl::parse("http://127.0.0.1:8080/?a=1#/pages/login").unwrap();
        let url = url.with("code", "x y");
        assert_eq!(url.as_str(), "http://127.0.0.1:8080/?a=1&code=x+y#/pages/login");
    }
}
