//! Under which names this server is asked.

/// The names of this server, each `host` or `host:port`, as clients write them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities {
    names: Vec<String>,
    default_port: &'static str,
}

impl Authorities {
    /// The names, and whether clients come by https: then `:443` goes without saying, else `:80`.
    pub fn new(names: &[String], https: bool) -> Self {
        let default_port = if https { ":443" } else { ":80" };
        let plain = |name: &String| without(default_port, name).to_ascii_lowercase();
        Self { names: names.iter().map(plain).collect(), default_port }
    }

    /// The `Host` as signatures have it, if it is one of ours: in small letters, without the port
    /// that goes without saying (RFC 9421, 2.2.3).
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
    fn a_name_is_one_of_ours_however_it_is_written() {
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
