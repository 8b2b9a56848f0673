//! Form parameters as bytes, and the string that is signed over them.
//!
//! Nothing is decoded to text here, so that UTF-8 and GBK are the same case.

/// The parameters in the order of arrival.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form(pub(super) Vec<(Vec<u8>, Vec<u8>)>);

impl Form {
    /// `None` where an escape is broken.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        let parsed = pairs.map(|pair| {
            let (key, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(place) => (pair.get(..place)?, pair.get(place + 1..)?),
                None => (pair, &[][..]),
            };
            Some((decode(key)?, decode(value)?))
        });
        parsed.collect::<Option<_>>().map(Self)
    }

    /// The first value of the parameter.
    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        let mut pairs = self.0.iter();
        pairs.find(|(name, _)| name == key.as_bytes()).map(|(_, value)| value.as_slice())
    }

    pub(super) fn set(&mut self, key: &str, value: Vec<u8>) {
        match self.0.iter_mut().find(|(name, _)| name == key.as_bytes()) {
            Some((_, known)) => *known = value,
            None => self.0.push((key.as_bytes().to_vec(), value)),
        }
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key.as_bytes());
    }

    /// A parameter that comes twice.
    pub(super) fn repeated(&self) -> Option<&[u8]> {
        let mut keys: Vec<_> = self.0.iter().map(|(key, _)| key.as_slice()).collect();
        keys.sort_unstable();
        keys.windows(2).find_map(|pair| match pair {
            [one, other] if one == other => Some(*one),
            _ => None,
        })
    }

    /// What a request's signature is over: all but `sign` and empty values.
    pub(super) fn signed_of_request(&self) -> Vec<u8> {
        joined(self.0.iter().filter(|(key, value)| key != b"sign" && !value.is_empty()))
    }

    /// What a notification's signature is over: all but `sign` and `sign_type`.
    pub(super) fn signed_of_notification(&self) -> Vec<u8> {
        joined(self.0.iter().filter(|(key, _)| key != b"sign" && key != b"sign_type"))
    }

    pub(super) fn encoded(&self) -> String {
        let pair = |(key, value): &(Vec<u8>, Vec<u8>)| format!("{}={}", encode(key), encode(value));
        self.0.iter().map(pair).collect::<Vec<_>>().join("&")
    }
}

/// `key=value` joined by `&`, in the order of the keys' bytes.
fn joined<'a>(pairs: impl Iterator<Item = &'a (Vec<u8>, Vec<u8>)>) -> Vec<u8> {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort();
    let parts: Vec<_> =
        pairs.into_iter().map(|(key, value)| [key.as_slice(), value].join(&b'=')).collect();
    parts.join(&b'&')
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (mut bytes, mut decoded) = (text.iter(), Vec::with_capacity(text.len()));
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(*bytes.next()?)? * 16 + hex_digit(*bytes.next()?)?,
            other => *other,
        });
    }
    Some(decoded)
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b' ' => encoded.push('+'),
            b'-' | b'_' | b'.' => encoded.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            byte => {
                encoded.push('%');
                encoded.push_str(&hex::encode_upper([byte]));
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::Value;

    use super::*;
    use crate::crypto::SignatureKey;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../tests/fixtures/alipay_signatures.json"))
            .unwrap()
    }

    fn key(vectors: &Value, owner: &str) -> SignatureKey {
        let der = vectors["keys"][owner]["private_pkcs8_pem"]["der_base64"].as_str().unwrap();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        let lines: Vec<_> = der.as_bytes().chunks(64).map(|l| str::from_utf8(l).unwrap()).collect();
        SignatureKey::from_pem(&pem.replace(der, &lines.join("\n"))).unwrap()
    }

    /// PKCS#1 v1.5 signatures are deterministic, so that the bytes can be compared.
    #[test]
    fn requests_are_signed_like_those_of_other_implementations() {
        let vectors = vectors();
        let app = key(&vectors, "app");
        for request in vectors["requests"].as_array().unwrap() {
            let pairs = request.get("params").or_else(|| request.get("input_params")).unwrap();
            let pairs = pairs.as_object().unwrap().iter().map(|(key, value)| {
                (key.clone().into_bytes(), value.as_str().unwrap().as_bytes().to_vec())
            });
            let signed = Form(pairs.collect()).signed_of_request();
            let text = request["string_to_sign"].as_str().unwrap();
            assert_eq!(String::from_utf8_lossy(&signed), text);
            assert_eq!(app.sign(&signed), request["sign"].as_str().unwrap());
            if let Some(sent) = request.get("urlencoded") {
                let sent = Form::parse(sent.as_str().unwrap().as_bytes()).unwrap();
                assert_eq!(sent.signed_of_request(), signed);
                assert_eq!(sent.get("sign").unwrap(), request["sign"].as_str().unwrap().as_bytes());
            }
        }
    }

    #[test]
    fn notifications_are_signed_like_those_of_another_implementation() {
        let vectors = vectors();
        let alipay = key(&vectors, "alipay");
        for notification in vectors["notifications"].as_array().unwrap() {
            let name = notification["name"].as_str().unwrap();
            let form = Form::parse(notification["body"].as_str().unwrap().as_bytes()).unwrap();
            let signed = form.signed_of_notification();
            let expected = match notification.get("string_to_sign_gbk_b64") {
                Some(bytes) => STANDARD.decode(bytes.as_str().unwrap()).unwrap(),
                None => notification["string_to_sign"].as_str().unwrap().as_bytes().to_vec(),
            };
            assert_eq!(signed, expected, "{name}");
            let sign = alipay.sign(&signed);
            assert_eq!(sign.as_bytes(), form.get("sign").unwrap(), "{name}");
            assert_eq!(Form::parse(form.encoded().as_bytes()), Some(form), "{name}");
        }
    }

    #[test]
    fn forms_are_read_strictly() {
        let form = Form::parse(b"a=1+%2B%e6&b=&c&&a=2").unwrap();
        let pairs = [("a", &b"1 +\xE6"[..]), ("b", b""), ("c", b""), ("a", b"2")];
        let pairs = pairs.map(|(key, value)| (key.as_bytes().to_vec(), value.to_vec()));
        assert_eq!((form.0.as_slice(), form.repeated()), (&pairs[..], Some(&b"a"[..])));
        assert_eq!(Form::parse(b"a=1&b=2").unwrap().repeated(), None);
        for broken in ["a=%", "a=%2", "a=%zz", "%=1"] {
            assert_eq!(Form::parse(broken.as_bytes()), None, "{broken}");
        }
    }
}
