//! The outer object of an answer, read by a JSON tokenizer for the bytes of its values: the
//! signature covers the bytes of one of them as they came, not what they mean.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt, ops::Range};

/// The most members of an answer; real ones have two or three.
const MEMBERS_MAX: usize = 16;

/// The members of an answer, each once, by their names.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    body: &'a [u8],
    members: Vec<(String, Range<usize>)>,
}

/// The members in their order, before their places are known.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Envelope<'a> {
    /// Reads an answer in UTF-8 or GBK. `None` if it is no object, or has a member twice.
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let text = tokenizable(body)?;
        let Members(members) = serde_json::from_str(&text).ok()?;
        let start = text.as_ptr().addr();
        let place = |(name, value): (String, &RawValue)| {
            let from = value.get().as_ptr().addr().checked_sub(start)?;
            Some((name, from..from.checked_add(value.get().len())?))
        };
        let members: Option<Vec<_>> = members.into_iter().map(place).collect();
        Some(Self { body, members: members? })
    }

    /// The bytes of a member exactly as they came, with the quotes of a text.
    pub(super) fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        let (_, range) = self.members.iter().find(|(member, _)| member == name)?;
        self.body.get(range.clone())
    }

    /// A member that is a text: `Ok(None)` where it is absent or empty, `Err` where it is something
    /// else.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, NotText> {
        let Some(bytes) = self.bytes(name) else {
            return Ok(None);
        };
        let text: String = serde_json::from_slice(bytes).map_err(|_| NotText)?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }
}

/// A member that must be a text is something else.
#[derive(Debug)]
pub(super) struct NotText;

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object that has no member twice")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members: Vec<(String, &'de RawValue)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    let twice = members.iter().any(|(member, _)| *member == name);
                    if twice || members.len() >= MEMBERS_MAX {
                        return Err(A::Error::custom("a member twice, or too many"));
                    }
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }

        from.deserialize_map(Reader)
    }
}

/// The body as a text in which every value has the same place: bytes of GBK are replaced, since the
/// second byte of a character may look like `\` or `}`.
fn tokenizable(body: &[u8]) -> Option<Cow<'_, str>> {
    if let Ok(text) = str::from_utf8(body) {
        return Some(Cow::Borrowed(text));
    }
    let mut masked = Vec::with_capacity(body.len());
    let mut rest = body;
    while let [first, after @ ..] = rest {
        let length = match (first, after) {
            (0..=0x7f, _) => 1,
            (0x81..=0xfe, [0x30..=0x39, 0x81..=0xfe, 0x30..=0x39, ..]) => 4,
            (0x81..=0xfe, [0x40..=0x7e | 0x80..=0xfe, ..]) => 2,
            _ => return None,
        };
        if length == 1 {
            masked.push(*first);
        } else {
            masked.extend(std::iter::repeat_n(b'x', length));
        }
        rest = rest.get(length..)?;
    }
    String::from_utf8(masked).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_bytes_that_came() {
        let cases = [
            (r#"{"a":{"b":1}}"#, r#"{"b":1}"#),
            (" {\t\"a\" :  { \"b\" : \"}\\\" {\" } ,\"sign\":\"x\"}\n", "{ \"b\" : \"}\\\" {\" }"),
            (r#"{"sign":"x","a":"AA=="}"#, r#""AA==""#),
            (r#"{"sign":"{\"a\":2}","\u0061":[1, 2]}"#, "[1, 2]"),
            (r#"{"b":{"a":0},"a":{}}"#, "{}"),
        ];
        for (body, value) in cases {
            let envelope = Envelope::parse(body.as_bytes()).unwrap();
            assert_eq!(str::from_utf8(envelope.bytes("a").unwrap()).unwrap(), value);
        }
    }

    #[test]
    fn in_gbk_too_whatever_its_second_bytes_look_like() {
        // 乗 is 0x81 0x5C, whose second byte is a backslash; 亇 and 亄 end in 0x7D and 0x7B.
        let value = r#"{"sub_msg":"系统繁忙乗亄亇"}"#;
        let body = format!(r#"{{"error_response":{value},"sign":"x"}}"#);
        let (bytes, _, unmappable) = encoding_rs::GBK.encode(&body);
        assert!(!unmappable && str::from_utf8(&bytes).is_err());
        let envelope = Envelope::parse(&bytes).unwrap();
        let expected = encoding_rs::GBK.encode(value).0;
        assert_eq!(envelope.bytes("error_response").unwrap(), expected.as_ref());
        assert_eq!(envelope.text("sign").unwrap().as_deref(), Some("x"));
    }

    #[test]
    fn what_is_no_object_of_single_members_is_refused() {
        let many: Vec<String> = (0..17).map(|n| format!("\"{n}\":0")).collect();
        let many = format!("{{{}}}", many.join(","));
        let cases = [
            "",
            "{",
            "[]",
            "\"a\"",
            "<html>busy</html>",
            "{\"a\":1,\"a\":1}",
            r#"{"a":1,"\u0061":1}"#,
            "{\"a\":1}{\"a\":1}",
            "{\"a\":}",
            "{'a':1}",
            "\u{feff}{\"a\":1}",
            &many,
        ];
        for body in cases {
            assert!(Envelope::parse(body.as_bytes()).is_none(), "{body}");
        }
        assert!(Envelope::parse(b"{\"a\":\"\xff\xff\"}").is_none());
        assert!(Envelope::parse(b"{\"a\":\"\xb0").is_none());
    }

    #[test]
    fn a_sign_is_a_text() {
        let text = |body: &str| {
            let envelope = Envelope::parse(body.as_bytes()).unwrap();
            envelope.text("sign").map_err(|_| ())
        };
        assert_eq!(text(r#"{"sign":"a\/b="}"#), Ok(Some("a/b=".to_owned())));
        assert_eq!(text(r#"{"sign":""}"#), Ok(None));
        assert_eq!(text("{}"), Ok(None));
        for bad in [r#"{"sign":null}"#, r#"{"sign":1}"#, r#"{"sign":["x"]}"#] {
            assert_eq!(text(bad), Err(()), "{bad}");
        }
    }
}
