//! The form-encoded body of a notification, decoded once and to bytes: what is signed are bytes,
//! whatever their character set.

use std::collections::BTreeMap;

/// The most parameters of a body; real ones have about thirty.
const PARAMETERS_MAX: usize = 128;

/// The parameters of a body, each once, in the order of their names.
#[derive(Debug)]
pub(super) struct Form(BTreeMap<Vec<u8>, Vec<u8>>);

impl Form {
    /// Decodes a body. `None` where it is malformed or has a parameter twice.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut parameters = BTreeMap::new();
        for pair in body.split(|byte| *byte == b'&') {
            let at = pair.iter().position(|byte| *byte == b'=')?;
            let (name, value) = pair.split_at_checked(at)?;
            let (name, value) = (decode(name)?, decode(value.get(1..)?)?);
            let twice = parameters.insert(name, value).is_some();
            if twice || parameters.len() > PARAMETERS_MAX {
                return None;
            }
        }
        Some(Self(parameters))
    }

    /// Takes a parameter out.
    pub(super) fn take(&mut self, name: &str) -> Option<Vec<u8>> {
        self.0.remove(name.as_bytes())
    }

    /// The bytes that are signed: all parameters that are left, empty ones included, in their order.
    pub(super) fn bytes_to_sign(&self) -> Vec<u8> {
        let pairs = self.0.iter().map(|(name, value)| [name.as_slice(), value].join(&b'='));
        pairs.collect::<Vec<_>>().join(&b'&')
    }

    /// A parameter.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name.as_bytes()).map(Vec::as_slice)
    }
}

/// `+` is a space, `%XX` a byte.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let [high, low, after @ ..] = after else {
                    return None;
                };
                rest = after;
                (hex_digit(*high)? << 4) | hex_digit(*low)?
            }
            byte => *byte,
        });
    }
    Some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(body: &str) -> Option<Vec<u8>> {
        Some(Form::parse(body.as_bytes())?.bytes_to_sign())
    }

    #[test]
    fn parameters_are_decoded_once_and_sorted() {
        let cases: [(&str, &[u8]); 6] = [
            ("b=2&a=1", b"a=1&b=2"),
            ("a=1+2%2B3%3D4%26&B=", b"B=&a=1 2+3=4&"),
            ("a=100%2525", b"a=100%25"),
            ("a=%D0%a3", b"a=\xd0\xa3"),
            ("a=x=y", b"a=x=y"),
            ("%61b=1&aa=2", b"aa=2&ab=1"),
        ];
        for (body, expected) in cases {
            assert_eq!(signed(body).unwrap(), expected, "{body}");
        }
    }

    #[test]
    fn what_is_malformed_or_twice_is_refused() {
        let many: Vec<String> = (0..129).map(|n| format!("p{n}=")).collect();
        let bodies = ["", "a", "a=1&", "&a=1", "a=1&a=1", "a=1&%61=2", "a=%", "a=%4", "a=%4g"];
        for body in bodies.into_iter().chain([many.join("&").as_str()]) {
            assert_eq!(signed(body), None, "{body:.40}");
        }
    }
}
