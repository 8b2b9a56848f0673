//! The names of this server, for the `@authority` component.

/// The names of this server, each `host` or `host:port`, as clients write them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities {
    names: Vec<String>,
    default_port: &'static str,
}

impl Authorities {
    /// The names, and whether clients use https, which decides the default port: 443 or else 80.
    pub fn new(names: &[String], https: bool) -> Self {
        let default_port = if https { ":443" } else { ":80" };
        let plain = |name: &String| without(default_port, name).to_ascii_lowercase();
        Self { names: names.iter().map(plain).collect(), default_port }
    }

    /// The normalised authority for a `Host`, if it is one of ours: in lower case, without the
    /// default port (RFC 9421, 2.2.3).
    pub fn accept(&self, host: &str) -> Option<&str> {
        let host = without(self.default_port, host);
        self.names.iter().map(String::as_str).find(|name| name.eq_ignore_ascii_case(host))
    }
}

fn without<'a>(default_port: &str, host: &'a str) -> &'a str {
    host.strip_suffix(default_port).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_accepted_in_every_spelling() {
        let names = ["Card.example.edu.cn".to_owned(), "127.0.0.1:8080".to_owned()];
        let https = Authorities::new(&names, true);
        let cases = [
            ("card.example.edu.cn", Some("card.example.edu.cn")),
            ("CARD.example.EDU.cn:443", Some("card.example.edu.cn")),
            ("card.example.edu.cn:80", None),
            ("card.example.edu.cn:8443", None),
            ("127.0.0.1:8080", Some("127.0.0.1:8080")),
            ("127.0.0.1", None),
            ("card.example.edu.cn.evil.example", None),
            ("", None),
        ];
        for (host, expected) in cases {
            assert_eq!(https.accept(host), expected, "{host}");
        }
        let http = Authorities::new(&names, false);
        assert_eq!(http.accept("card.example.edu.cn:80"), Some("card.example.edu.cn"));
        assert_eq!(http.accept("card.example.edu.cn:443"), None);
        assert_eq!(Authorities::new(&["h:443".to_owned()], true).accept("h"), Some("h"));
    }
}
