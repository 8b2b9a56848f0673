//! The two encodings that requests, answers and notifications come in.

use encoding_rs::GBK;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    Utf8,
    Gbk,
}

impl Charset {
    /// By any of the names that Alipay knows.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Some(Self::Utf8),
            "gbk" | "gb2312" | "gb18030" => Some(Self::Gbk),
            _ => None,
        }
    }

    /// As notifications write it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Gbk => "GBK",
        }
    }

    pub(super) fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Gbk => GBK.encode(text).0.into_owned(),
        }
    }

    /// `None` where the bytes are not of this encoding.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Utf8 => String::from_utf8(bytes.to_vec()).ok(),
            Self::Gbk => {
                let text = GBK.decode_without_bom_handling_and_without_replacement(bytes)?;
                Some(text.into_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive_both_encodings() {
        for charset in [Charset::Utf8, Charset::Gbk] {
            let bytes = charset.encode("校园卡 1");
            assert_eq!(charset.decode(&bytes).as_deref(), Some("校园卡 1"));
            assert_eq!(Charset::named(charset.name()), Some(charset));
        }
        assert_eq!(Charset::Utf8.decode(&Charset::Gbk.encode("充")), None);
        assert_eq!(Charset::named("latin1"), None);
    }
}
