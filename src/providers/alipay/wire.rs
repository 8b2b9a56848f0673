//! Amounts, times, numbers and character sets as Alipay writes them.

use crate::base::{clock::Timestamp, money::Fen};
use encoding_rs::GB18030;
use std::{borrow::Cow, str};

/// The most digits before the decimal point; Alipay's largest amount has nine.
const YUAN_MAX_DIGITS: usize = 12;

/// The longest number of a trade, ours or Alipay's, in characters.
const NUMBER_MAX_CHARS: usize = 64;

/// The digits of a fraction of a second that Alipay may write.
const FRACTION_MAX_DIGITS: usize = 6;

/// The length of `yyyy-MM-dd HH:mm:ss`.
const TIME_CHARS: usize = 19;

/// An amount in yuan: `20`, `20.0`, `20.00`.
pub(super) fn fen_of(yuan: &str) -> Option<Fen> {
    let (whole, fraction) = yuan.split_once('.').map_or((yuan, None), |(w, f)| (w, Some(f)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || whole.len() > YUAN_MAX_DIGITS {
        return None;
    }
    let cents = match fraction {
        None => "00".to_owned(),
        Some(fraction) if digits(fraction) && fraction.len() <= 2 => format!("{fraction:0<2}"),
        Some(_) => return None,
    };
    Fen::new(format!("{whole}{cents}").parse().ok()?).ok()
}

/// An amount in yuan with two decimals.
pub(super) fn yuan_of(amount: Fen) -> String {
    format!("{}.{:02}", amount.get() / 100, amount.get() % 100)
}

/// `yyyy-MM-dd HH:mm:ss` in Asia/Shanghai, wherever the server stands.
pub(super) fn beijing(at: Timestamp) -> String {
    let mut text = at.to_rfc3339().replace('T', " ");
    text.truncate(TIME_CHARS);
    text
}

/// The instant of `yyyy-MM-dd HH:mm:ss` in Asia/Shanghai, with or without a fraction of a second.
pub(super) fn instant_of(text: &str) -> Option<Timestamp> {
    let plain = |byte: &u8| byte.is_ascii_digit() || b"-:. ".contains(byte);
    if !text.is_ascii() || !text.as_bytes().iter().all(plain) {
        return None;
    }
    let (time, fraction) = text.split_at_checked(TIME_CHARS)?;
    let (day, hour) = time.split_once(' ')?;
    let digits = fraction.strip_prefix('.').map(str::len);
    let fits = fraction.is_empty() || matches!(digits, Some(1..=FRACTION_MAX_DIGITS));
    if !fits {
        return None;
    }
    Timestamp::parse_rfc3339(&format!("{day}T{hour}{fraction}+08:00")).ok()
}

/// True for a number of a trade that may be kept and shown.
pub(super) fn is_number(text: &str) -> bool {
    (1..=NUMBER_MAX_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// True for a user id: 2088 and 12 digits. Anything else that names a user is an open id.
pub(super) fn is_user_id(text: &str) -> bool {
    text.len() == 16 && text.starts_with("2088") && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text of bytes in UTF-8 or else in GBK, which Alipay uses for some errors whatever was asked
/// for.
pub(super) fn text_of(bytes: &[u8]) -> Option<Cow<'_, str>> {
    utf8(bytes).or_else(|| gbk(bytes))
}

/// The text of bytes in the named character set, or else in the other one.
pub(super) fn text_in<'a>(bytes: &'a [u8], charset: &str) -> Option<Cow<'a, str>> {
    let charset = charset.to_ascii_lowercase();
    // GB18030 includes the other two.
    if ["gbk", "gb2312", "gb18030"].contains(&charset.as_str()) {
        gbk(bytes).or_else(|| utf8(bytes))
    } else {
        text_of(bytes)
    }
}

fn utf8(bytes: &[u8]) -> Option<Cow<'_, str>> {
    str::from_utf8(bytes).ok().map(Cow::Borrowed)
}

fn gbk(bytes: &[u8]) -> Option<Cow<'_, str>> {
    GB18030.decode_without_bom_handling_and_without_replacement(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_become_fen_exactly() {
        let cases = [
            ("20", Some(2000)),
            ("20.0", Some(2000)),
            ("20.00", Some(2000)),
            ("0.01", Some(1)),
            ("0.1", Some(10)),
            ("0", Some(0)),
            ("0.00", Some(0)),
            ("007.10", Some(710)),
            ("100000000.00", Some(10_000_000_000)),
            ("999999999999.99", Some(99_999_999_999_999)),
            ("1000000000000.00", None),
            ("", None),
            (".", None),
            (".50", None),
            ("5.", None),
            ("20.000", None),
            ("20.001", None),
            ("-1.00", None),
            ("+1.00", None),
            ("1e2", None),
            ("1,000.00", None),
            (" 1.00", None),
            ("1.00 ", None),
            ("1.0.0", None),
            ("２０.00", None),
            ("NaN", None),
        ];
        for (text, fen) in cases {
            assert_eq!(fen_of(text).map(Fen::get), fen, "{text}");
        }
    }

    #[test]
    fn fen_become_yuan_with_two_decimals() {
        for (fen, yuan) in [(1, "0.01"), (10, "0.10"), (2000, "20.00"), (123_456, "1234.56")] {
            assert_eq!(yuan_of(Fen::new(fen).unwrap()), yuan);
            assert_eq!(fen_of(yuan).unwrap().get(), fen);
        }
    }

    #[test]
    fn times_are_those_of_beijing() {
        let at = |text| Timestamp::parse_rfc3339(text).unwrap();
        assert_eq!(beijing(at("2026-01-05T01:30:00Z")), "2026-01-05 09:30:00");
        assert_eq!(beijing(at("2025-12-31T16:00:00.999999Z")), "2026-01-01 00:00:00");
        let cases = [
            ("2026-01-05 09:31:07", Some("2026-01-05T01:31:07Z")),
            ("2026-01-05 09:31:07.3", Some("2026-01-05T01:31:07.3Z")),
            ("2026-01-05 09:31:07.320", Some("2026-01-05T01:31:07.32Z")),
            ("2026-01-05 09:31:07.123456", Some("2026-01-05T01:31:07.123456Z")),
            ("2026-01-05 00:00:00", Some("2026-01-04T16:00:00Z")),
            ("2026-01-05 09:31:07.", None),
            ("2026-01-05 09:31:07.1234567", None),
            ("2026-01-05 09:31:07Z", None),
            ("2026-01-05T09:31:07", None),
            ("2026-01-05 9:31:07", None),
            ("2026-01-05", None),
            ("2026-02-30 09:31:07", None),
            ("2026-01-05 24:00:00", None),
            ("2026年1月5日 09:31:07", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(instant_of(text), expected.map(at), "{text}");
        }
    }

    #[test]
    fn a_user_id_is_2088_and_twelve_digits() {
        assert!(is_user_id("2088000000000011"));
        for open_id in ["", "208800000000001", "20880000000000111", "2089000000000011", "2088x"] {
            assert!(!is_user_id(open_id), "{open_id}");
        }
    }

    #[test]
    fn texts_are_utf8_or_gbk() {
        let gbk = &[0xd0, 0xa3, 0xd4, 0xb0, 0xbf, 0xa8][..];
        assert_eq!(text_of("校园卡".as_bytes()).unwrap(), "校园卡");
        assert_eq!(text_of(gbk).unwrap(), "校园卡");
        for charset in ["GBK", "gb2312", "GB18030", "utf-8", "", "x"] {
            assert_eq!(text_in(gbk, charset).unwrap(), "校园卡", "{charset}");
        }
        assert_eq!(text_in("校".as_bytes(), "utf-8").unwrap(), "校");
        // Some words of GBK are UTF-8, too: there the name decides.
        let both = &[0xd0, 0xa3, 0xd4, 0xb0][..];
        assert_eq!(text_in(both, "GBK").unwrap(), "校园");
        assert_ne!(text_in(both, "utf-8").unwrap(), "校园");
        assert_eq!(text_of(&[0xff, 0xff]), None);
    }
}
