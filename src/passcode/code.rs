//! Parsing and formatting of the 20 digits: `PP HHHHHHHH OOOOOOOOOO`.

use super::{CodePurpose, Handle, Otp, Prefixes, Wallet};
use std::fmt;

/// Number of digits of every kind of code.
const DIGITS: usize = 20;

/// A well-formed code, not verified yet.
#[derive(Clone, Copy)]
pub struct Code {
    prefix: u8,
    purpose: CodePurpose,
    handle: Handle,
    otp: Otp,
}

/// The kind of code, by its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKind {
    /// A rotating code.
    Code(CodePurpose),
    /// The receipt that an offline phone shows to a till.
    Receipt,
}

/// Why a text is not a code for this purpose. The messages do not repeat the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeFault {
    /// Empty, or contains characters other than the digits 0 to 9.
    #[error("is not made of digits")]
    NotDigits,
    /// Another wallet's payment code.
    #[error("is a code of {}", .0.name())]
    Foreign(Wallet),
    /// The number of digits is not 20.
    #[error("has {0} digits instead of 20")]
    Length(usize),
    /// The prefix is not one of the school's.
    #[error("has an unknown prefix")]
    UnknownPrefix,
    /// One of our codes, for another purpose.
    #[error("is for another purpose")]
    OtherPurpose(CodeKind),
}

/// Parses a scanned text where codes for `accepted` are allowed. Ignores white space around the
/// digits, which scanners may add.
pub fn parse(text: &str, prefixes: &Prefixes, accepted: &[CodePurpose]) -> Result<Code, CodeFault> {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(CodeFault::NotDigits);
    }
    let length = Err(CodeFault::Length(text.len()));
    let Some((prefix, rest)) = text.split_at_checked(2) else { return length };
    let prefix = prefix.parse().map_err(|_| CodeFault::NotDigits)?;
    if let Some(wallet) = Wallet::of(prefix, text.len()) {
        return Err(CodeFault::Foreign(wallet));
    }
    if text.len() != DIGITS {
        return length;
    }
    let kind = prefixes.kind(prefix).ok_or(CodeFault::UnknownPrefix)?;
    let purpose = match kind {
        CodeKind::Code(purpose) if accepted.contains(&purpose) => purpose,
        CodeKind::Code(_) | CodeKind::Receipt => return Err(CodeFault::OtherPurpose(kind)),
    };
    let Some((handle, otp)) = rest.split_at_checked(8) else { return length };
    let handle = handle.parse().ok().and_then(Handle::from_number);
    let otp = otp.parse().ok().and_then(Otp::from_number);
    let (Some(handle), Some(otp)) = (handle, otp) else { return Err(CodeFault::NotDigits) };
    Ok(Code { prefix, purpose, handle, otp })
}

impl Code {
    /// A code with these parts.
    pub const fn new(prefixes: &Prefixes, purpose: CodePurpose, handle: Handle, otp: Otp) -> Self {
        Self { prefix: prefixes.of(purpose), purpose, handle, otp }
    }

    /// The purpose of the code.
    pub const fn purpose(&self) -> CodePurpose {
        self.purpose
    }

    /// The handle, which identifies possible devices.
    pub const fn handle(&self) -> Handle {
        self.handle
    }

    /// The one-time part, which proves the device.
    pub const fn otp(&self) -> Otp {
        self.otp
    }

    /// The 20 digits to show.
    pub fn digits(&self) -> String {
        format!("{:02}{:08}{:010}", self.prefix, self.handle.number(), self.otp.number())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({}, [redacted])", self.purpose.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CodeFault::{Foreign, Length, NotDigits, OtherPurpose, UnknownPrefix};
    use proptest::prelude::*;

    const GOOD: &str = "80531670838493064229";

    fn till(text: &str) -> Result<Code, CodeFault> {
        parse(text, &Prefixes::default(), &[CodePurpose::Pay])
    }

    #[test]
    fn tills_refuse_other_texts() {
        let identity = OtherPurpose(CodeKind::Code(CodePurpose::Id));
        let cases = [
            ("", NotDigits),
            ("   ", NotDigits),
            ("hello", NotDigits),
            ("8053167083849306422X", NotDigits),
            ("-8053167083849306422", NotDigits),
            ("8053167083 8493064229", NotDigits),
            ("８０５３１６７０８３８４９３０６４２２９", NotDigits),
            ("٨٠٥٣١٦٧٠٨٣٨٤٩٣٠٦٤٢٢٩", NotDigits),
            ("https://example.com/80531670838493064229", NotDigits),
            ("8053167083\u{0}493064229", NotDigits),
            ("8", Length(1)),
            ("80", Length(2)),
            ("8053167083849306422", Length(19)),
            ("805316708384930642290", Length(21)),
            ("2023010001", Length(10)),
            ("6901234567892", Length(13)),
            ("134567890123456789", Foreign(Wallet::WeChatPay)),
            ("104567890123456789", Foreign(Wallet::WeChatPay)),
            ("13456789012345678901", UnknownPrefix),
            ("281234567890123456", Foreign(Wallet::Alipay)),
            ("2512345678901234", Foreign(Wallet::Alipay)),
            ("301234567890123456789012", Foreign(Wallet::Alipay)),
            ("28123456789012345678", Foreign(Wallet::Alipay)),
            ("2812345678901234567890123", Length(25)),
            ("6212345678901234567", Foreign(Wallet::UnionPay)),
            ("62123456789012345678", UnknownPrefix),
            ("181234567890123456", Foreign(Wallet::JdPay)),
            ("511234567890123456", Foreign(Wallet::BestPay)),
            ("0112345678901234567", Foreign(Wallet::DigitalYuan)),
            ("81255961202393657055", identity),
            ("82255961202393657055", OtherPurpose(CodeKind::Receipt)),
            ("79255961202393657055", UnknownPrefix),
            ("00000000000000000000", UnknownPrefix),
            ("99999999999999999999", UnknownPrefix),
        ];
        for (text, fault) in cases {
            assert_eq!(till(text).err(), Some(fault), "{text}");
        }
        let long = "8".repeat(100_000);
        assert_eq!(till(&long).err(), Some(Length(100_000)));
    }

    #[test]
    fn only_accepted_purposes_are_parsed() {
        let prefixes = Prefixes::new(90, 91, 92).unwrap();
        let (pay, id) = ("90000000000000000001", "91000000000000000001");
        let cases: [(&[CodePurpose], bool, bool); 4] = [
            (&[CodePurpose::Pay], true, false),
            (&[CodePurpose::Id], false, true),
            (&[CodePurpose::Pay, CodePurpose::Id], true, true),
            (&[], false, false),
        ];
        for (accepted, takes_pay, takes_id) in cases {
            assert_eq!(parse(pay, &prefixes, accepted).is_ok(), takes_pay, "{accepted:?}");
            assert_eq!(parse(id, &prefixes, accepted).is_ok(), takes_id, "{accepted:?}");
        }
        assert_eq!(parse(GOOD, &prefixes, &[CodePurpose::Pay]).err(), Some(UnknownPrefix));
    }

    #[test]
    fn white_space_around_the_digits_is_ignored() {
        for text in [format!("{GOOD}\r\n"), format!("\t{GOOD}"), format!(" {GOOD} ")] {
            assert_eq!(till(&text).unwrap().digits(), GOOD);
        }
    }

    #[test]
    fn codes_are_never_printed() {
        let code = till(GOOD).unwrap();
        let printed = format!("{code:?} {:?} {:?}", code.handle(), code.otp());
        assert_eq!(printed, "Code(pay, [redacted]) Handle Otp");
        let refused = till("134567890123456789").unwrap_err();
        assert_eq!(refused.to_string(), "is a code of 微信支付");
    }

    proptest! {
        #[test]
        fn codes_round_trip(
            pay in any::<bool>(), handle in 0..100_000_000_u32, otp in 0..10_000_000_000_u64,
        ) {
            let purpose = if pay { CodePurpose::Pay } else { CodePurpose::Id };
            let (handle, otp) = (Handle::from_number(handle), Otp::from_number(otp));
            let code = Code::new(&Prefixes::default(), purpose, handle.unwrap(), otp.unwrap());
            let digits = code.digits();
            prop_assert_eq!(digits.len(), 20);
            let read = parse(&digits, &Prefixes::default(), &[purpose]).unwrap();
            prop_assert_eq!(read.purpose(), purpose);
            prop_assert_eq!(read.handle(), code.handle());
            prop_assert_eq!(read.otp().number(), code.otp().number());
            prop_assert_eq!(read.digits(), digits);
        }

        #[test]
        fn the_parser_never_panics(text in "\\PC*", digits in "[0-9]{0,40}") {
            for text in [text, digits] {
                if let Ok(code) = till(&text) {
                    prop_assert_eq!(code.digits(), text.trim());
                }
            }
        }
    }
}
