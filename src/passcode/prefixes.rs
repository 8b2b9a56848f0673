//! The first two digits of a code: its kind and its issuer.

use super::{CodeKind, CodePurpose};
use std::ops::RangeInclusive;

/// Another issuer of payment codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wallet {
    /// WeChat Pay.
    WeChatPay,
    /// Alipay.
    Alipay,
    /// `UnionPay` and the banks that use its codes.
    UnionPay,
    /// JD Pay.
    JdPay,
    /// `BestPay` of China Telecom.
    BestPay,
    /// The digital yuan.
    DigitalYuan,
}

/// The prefixes and lengths of other issuers' codes.
const TAKEN: [(Wallet, RangeInclusive<u8>, RangeInclusive<usize>); 6] = [
    (Wallet::WeChatPay, 10..=15, 18..=18),
    (Wallet::Alipay, 25..=30, 16..=24),
    (Wallet::UnionPay, 62..=62, 19..=19),
    (Wallet::JdPay, 18..=18, 18..=18),
    (Wallet::BestPay, 51..=51, 18..=18),
    (Wallet::DigitalYuan, 1..=1, 19..=19),
];

impl Wallet {
    /// The issuer of codes with this prefix and number of digits.
    pub(super) fn of(prefix: u8, length: usize) -> Option<Self> {
        let mut taken = TAKEN.into_iter();
        let found = taken
            .find(|(_, prefixes, lengths)| prefixes.contains(&prefix) && lengths.contains(&length));
        found.map(|(wallet, ..)| wallet)
    }

    /// The name in Chinese.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WeChatPay => "微信支付",
            Self::Alipay => "支付宝",
            Self::UnionPay => "云闪付",
            Self::JdPay => "京东支付",
            Self::BestPay => "翼支付",
            Self::DigitalYuan => "数字人民币",
        }
    }
}

/// A school's prefixes, two digits each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefixes {
    pay: u8,
    id: u8,
    receipt: u8,
}

/// Why prefixes are not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixFault {
    /// More than 99.
    #[error("prefix {0} has more than two digits")]
    TwoDigits(u8),
    /// Two kinds of code would have the same prefix.
    #[error("prefix {0:02} stands for two kinds of code")]
    Repeated(u8),
    /// Scanners take codes with this prefix for another issuer's, whatever their length.
    #[error("codes that begin with {0:02} are those of {wallet}", wallet = .1.name())]
    Taken(u8, Wallet),
}

impl Default for Prefixes {
    fn default() -> Self {
        Self { pay: 80, id: 81, receipt: 82 }
    }
}

impl Prefixes {
    /// Prefixes for payment codes, identity codes and receipts, which must differ and not belong to
    /// another issuer.
    pub fn new(pay: u8, id: u8, receipt: u8) -> Result<Self, PrefixFault> {
        for prefix in [pay, id, receipt] {
            if prefix > 99 {
                return Err(PrefixFault::TwoDigits(prefix));
            }
            if let Some((wallet, ..)) = TAKEN.into_iter().find(|taken| taken.1.contains(&prefix)) {
                return Err(PrefixFault::Taken(prefix, wallet));
            }
        }
        if pay == id || pay == receipt {
            return Err(PrefixFault::Repeated(pay));
        }
        if id == receipt {
            return Err(PrefixFault::Repeated(id));
        }
        Ok(Self { pay, id, receipt })
    }

    /// The prefix of a purpose.
    pub const fn of(self, purpose: CodePurpose) -> u8 {
        match purpose {
            CodePurpose::Pay => self.pay,
            CodePurpose::Id => self.id,
        }
    }

    /// The prefix of receipts.
    pub const fn receipt(self) -> u8 {
        self.receipt
    }

    /// The kind of code with this prefix.
    pub(super) fn kind(self, prefix: u8) -> Option<CodeKind> {
        let purposes = CodePurpose::ALL.into_iter();
        let mut kinds = purposes.map(CodeKind::Code).chain([CodeKind::Receipt]);
        kinds.find(|kind| match kind {
            CodeKind::Code(purpose) => self.of(*purpose) == prefix,
            CodeKind::Receipt => self.receipt == prefix,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_must_differ_and_not_belong_to_others() {
        assert_eq!(Prefixes::new(80, 81, 82), Ok(Prefixes::default()));
        assert!(Prefixes::new(90, 0, 99).is_ok());
        let cases = [
            ((100, 81, 82), PrefixFault::TwoDigits(100)),
            ((80, 80, 82), PrefixFault::Repeated(80)),
            ((80, 81, 80), PrefixFault::Repeated(80)),
            ((80, 81, 81), PrefixFault::Repeated(81)),
            ((10, 81, 82), PrefixFault::Taken(10, Wallet::WeChatPay)),
            ((80, 15, 82), PrefixFault::Taken(15, Wallet::WeChatPay)),
            ((80, 81, 25), PrefixFault::Taken(25, Wallet::Alipay)),
            ((30, 81, 82), PrefixFault::Taken(30, Wallet::Alipay)),
            ((62, 81, 82), PrefixFault::Taken(62, Wallet::UnionPay)),
            ((18, 81, 82), PrefixFault::Taken(18, Wallet::JdPay)),
            ((80, 51, 82), PrefixFault::Taken(51, Wallet::BestPay)),
            ((80, 81, 1), PrefixFault::Taken(1, Wallet::DigitalYuan)),
        ];
        for ((pay, id, receipt), fault) in cases {
            assert_eq!(Prefixes::new(pay, id, receipt), Err(fault));
        }
        assert_eq!(
            PrefixFault::Taken(1, Wallet::DigitalYuan).to_string(),
            "codes that begin with 01 are those of 数字人民币"
        );
    }
}
