//! What a try of a provider's keys finds, in words.

use crate::base::clock::Timestamp;
use chrono::DateTime;

/// From here on a difference of clocks is told, in seconds. An answer may take a few.
const TOLD_FROM: i64 = 30;

/// Whether the keys are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialVerdict {
    /// They are.
    Good,
    /// They are not, or the provider does not let us in.
    Wrong,
    /// Nobody knows: the provider did not answer, or not about the keys.
    Unknown,
}

macro_rules! findings {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $verdict:ident, $label:literal;)*) => {
        /// What a try found. The name in storage stays for good.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum TrialFinding {
            $($(#[$doc])* $name,)*
        }

        impl TrialFinding {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in storage and on the wire.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// In a few Chinese words, whichever provider it is.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)*
                }
            }

            /// What it means for the keys.
            pub const fn verdict(self) -> TrialVerdict {
                match self {
                    $(Self::$name => TrialVerdict::$verdict,)*
                }
            }
        }
    };
}

findings! {
    /// The provider knows us, and its answer was verified where it signs answers.
    Works = "works", Good, "通了";
    /// The answer is as if the provider knew us, and unsigned: whoever stands between could have given it.
    AnswerUnsigned = "answer_unsigned", Unknown, "回答没有签名，不能作数";
    /// Our signature is refused: the private key is another one.
    WrongKey = "wrong_key", Wrong, "私钥不对";
    /// Our signature is refused, and the provider does not say which of number, serial and key is wrong.
    WrongIdentity = "wrong_identity", Wrong, "编号、序列号和私钥不是一套";
    /// The provider has no such merchant or application.
    WrongNumber = "wrong_number", Wrong, "编号不对";
    /// The serial number of our certificate, or the certificate, is another one.
    WrongSerial = "wrong_serial", Wrong, "证书或序列号不对";
    /// The secret is wrong.
    WrongSecret = "wrong_secret", Wrong, "密钥（secret）不对";
    /// Our clock is too far from the provider's.
    ClockOff = "clock_off", Wrong, "服务器时钟不准";
    /// The provider does not let this server's address in.
    AddressRefused = "address_refused", Wrong, "服务器地址不在白名单";
    /// What is configured as the provider's public key is the one of our own private key.
    OwnKey = "own_key", Wrong, "把自己的公钥当成了对方的";
    /// The provider's answer does not fit the configured key of the provider.
    AnswerForged = "answer_forged", Wrong, "对方的公钥不对";
    /// The provider signs with another key or certificate than the configured ones.
    AnotherKey = "another_key", Wrong, "对方用的是另一把公钥或证书";
    /// The provider does not know the id of the key that it is to sign with.
    WrongKeyId = "wrong_key_id", Wrong, "公钥 ID 不对";
    /// The key for encrypting contents is wrong, or not set on one side.
    WrongContentKey = "wrong_content_key", Wrong, "内容加密密钥不对";
    /// The provider knows us, and does not let us do this.
    NotPermitted = "not_permitted", Wrong, "对方没有开通这项权限";
    /// The provider refused, for a reason that is none of these.
    Refused = "refused", Wrong, "对方拒绝了";
    /// No connection.
    Unreachable = "unreachable", Unknown, "连不上";
    /// No answer in time.
    TimedOut = "timed_out", Unknown, "没有及时回答";
    /// The provider is busy, or something else answered in its place.
    NotUnderstood = "not_understood", Unknown, "回答看不懂，或对方系统忙";
    /// Too many calls.
    Throttled = "throttled", Unknown, "对方说调用太频繁";
}

impl TrialFinding {
    /// The finding with this name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|finding| finding.code() == code)
    }

    /// Of a call that brought no answer.
    pub fn of_no_answer(error: &reqwest::Error) -> Self {
        if error.is_connect() {
            Self::Unreachable
        } else if error.is_timeout() {
            Self::TimedOut
        } else {
            Self::NotUnderstood
        }
    }
}

impl TrialVerdict {
    /// The name on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Wrong => "wrong",
            Self::Unknown => "unknown",
        }
    }
}

/// How far our clock is ahead of the one that wrote this `Date`, in seconds; negative if it is behind.
pub fn seconds_ahead(date: Option<&str>, now: Timestamp) -> Option<i64> {
    let theirs = DateTime::parse_from_rfc2822(date?).ok()?;
    now.seconds().checked_sub(theirs.timestamp())
}

/// A difference of clocks, where it is large enough to be told.
pub fn clock_words(seconds_ahead: Option<i64>) -> Option<String> {
    let ahead = seconds_ahead.filter(|ahead| ahead.unsigned_abs() >= TOLD_FROM.unsigned_abs())?;
    let word = if ahead > 0 { "快" } else { "慢" };
    let seconds = ahead.unsigned_abs();
    let long = match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} 秒"),
        (0, minutes, seconds) => format!("{minutes} 分 {seconds} 秒"),
        (hours, minutes, _) => format!("{hours} 小时 {minutes} 分"),
    };
    Some(format!("本服务器的时钟比对方{word} {long}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_has_a_name_and_words_of_its_own() {
        let codes: BTreeSet<_> = TrialFinding::ALL.iter().map(|finding| finding.code()).collect();
        let labels: BTreeSet<_> = TrialFinding::ALL.iter().map(|finding| finding.label()).collect();
        assert_eq!((codes.len(), labels.len()), (TrialFinding::ALL.len(), TrialFinding::ALL.len()));
        for finding in TrialFinding::ALL {
            assert_eq!(TrialFinding::from_code(finding.code()), Some(*finding));
        }
        assert_eq!(TrialFinding::from_code("none"), None);
    }

    #[test]
    fn clocks_are_compared() {
        let now = Timestamp::from_seconds(1_767_232_800);
        let cases = [
            (Some("Thu, 01 Jan 2026 02:00:00 GMT"), Some(0), None),
            (Some("Thu, 01 Jan 2026 01:59:31 GMT"), Some(29), None),
            (Some("Thu, 01 Jan 2026 02:00:30 GMT"), Some(-30), Some("慢 30 秒")),
            (Some("Thu, 01 Jan 2026 01:53:20 GMT"), Some(400), Some("快 6 分 40 秒")),
            (Some("Fri, 02 Jan 2026 03:30:00 GMT"), Some(-91_800), Some("慢 25 小时 30 分")),
            (Some("yesterday"), None, None),
            (None, None, None),
        ];
        for (date, ahead, said) in cases {
            assert_eq!(seconds_ahead(date, now), ahead, "{date:?}");
            let said = said.map(|said| format!("本服务器的时钟比对方{said}"));
            assert_eq!(clock_words(ahead), said, "{date:?}");
        }
    }
}
