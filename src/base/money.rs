//! Money in whole fen (1/100 of a yuan).
//!
//! Absent on purpose: floats, subtraction that can go below zero, conversion from a bare integer.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An amount of money in fen, never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Fen(i64);

/// Why a number is not a valid amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    /// Below zero.
    #[error("an amount of money is never negative")]
    Negative,
    /// More than 64 bits hold.
    #[error("the amount is too large")]
    Overflow,
}

impl Fen {
    /// No money.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self(i64::MAX);

    /// An amount of `fen`; negative numbers are refused.
    pub const fn new(fen: i64) -> Result<Self, InvalidAmount> {
        if fen < 0 { Err(InvalidAmount::Negative) } else { Ok(Self(fen)) }
    }

    /// The number of fen.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// True if the amount is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum; fails on overflow.
    pub fn plus(self, other: Self) -> Result<Self, InvalidAmount> {
        self.0.checked_add(other.0).map(Self).ok_or(InvalidAmount::Overflow)
    }

    /// The difference; `None` if it would be negative.
    pub fn minus(self, other: Self) -> Option<Self> {
        if other.0 > self.0 { None } else { self.0.checked_sub(other.0).map(Self) }
    }
}

/// Yuan with two decimals: `¥12.50`.
impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "¥{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl<'de> Deserialize<'de> for Fen {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::new(i64::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// The balance of an account in fen. May be negative: debts, clearing accounts, money owed to
/// merchants.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Balance(i64);

impl Balance {
    /// A balance of zero.
    pub const ZERO: Self = Self(0);

    /// A balance of `fen`.
    pub const fn new(fen: i64) -> Self {
        Self(fen)
    }

    /// The number of fen; negative for a debt.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// True if below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The balance after a credit of `amount`; `None` on overflow.
    pub fn credited(self, amount: Fen) -> Option<Self> {
        self.0.checked_add(amount.0).map(Self)
    }

    /// The balance after a debit of `amount`; `None` on overflow.
    pub fn debited(self, amount: Fen) -> Option<Self> {
        self.0.checked_sub(amount.0).map(Self)
    }

    /// The sum of two balances; `None` on overflow.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_never_negative_and_never_overflow() {
        let fen = |n| Fen::new(n).unwrap();
        assert_eq!(Fen::new(-1), Err(InvalidAmount::Negative));
        assert_eq!(fen(i64::MAX).plus(fen(1)), Err(InvalidAmount::Overflow));
        assert_eq!(fen(5).minus(fen(6)), None);
        assert_eq!(fen(6).minus(fen(6)), Some(Fen::ZERO));
        assert_eq!(Balance::new(i64::MIN).debited(fen(1)), None);
        assert_eq!(fen(1250).to_string(), "¥12.50");
        assert_eq!(fen(5).to_string(), "¥0.05");
        for bad in ["-1", "1.0", "\"1\"", "9223372036854775808", "null"] {
            assert!(serde_json::from_str::<Fen>(bad).is_err(), "{bad}");
        }
    }
}
