//! A response of the server, with checks of the error format.

use serde_json::Value;

/// A complete response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, with lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// Parses a complete response from the wire.
    pub fn parse(wire: &[u8]) -> Self {
        let end = wire.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(wire)));
        let head = std::str::from_utf8(&wire[..end]).unwrap();
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            headers: lines.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
            bytes: wire[end + 4..].to_vec(),
        }
    }

    /// The first value of a header, by lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, for assertion messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body as JSON; `null` if it is empty.
    pub fn json(&self) -> Value {
        if self.bytes.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// Asserts the status and returns the body.
    pub fn body(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// Asserts that this is a well-formed problem document with this status and code, and returns
    /// it.
    pub fn problem(&self, what: &str, status: u16, code: &str) -> Value {
        let text = self.text();
        assert_eq!(self.status, status, "{what}: {text}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{what}: {text}");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{what}: {text}");
        assert_eq!(problem["status"], status, "{what}");
        assert_eq!(problem["type"], format!("urn:onecard:problem:{code}"), "{what}");
        let chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        assert!(problem["title"].as_str().unwrap().contains(chinese), "{what}: {text}");
        let id = self.header("x-request-id").unwrap();
        assert!(!id.is_empty() && problem["request_id"] == id, "{what}: {text}");
        problem
    }
}
