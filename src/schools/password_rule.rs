//! Rules for new query passwords.

use crate::base::crypto::password::equals_default;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// A school's rule for new query passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PasswordRule {
    /// Six digits.
    SixDigits,
    /// Six digits that neither rise nor fall throughout, none of them more than three times (6
    /// 位不连续、不重复).
    SixDigitsStrong,
}

/// Why a new password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Not six digits, `0` to `9`.
    #[error("not six digits")]
    NotSixDigits,
    /// Each digit is above the previous one, or each is below it.
    #[error("rising or falling throughout")]
    Run,
    /// A digit occurs four times or more.
    #[error("one digit more than three times")]
    Repeated,
    /// It is the default password, which others can derive.
    #[error("the default password")]
    Default,
}

const LENGTH: usize = 6;
const MOST_OF_ONE_DIGIT: usize = 3;

impl PasswordRule {
    /// Checks a new password. `default` is the person's default password, `None` for a person
    /// without an ID number; it is refused under every rule.
    pub fn check(
        self,
        new: &SecretString,
        default: Option<&SecretString>,
    ) -> Result<(), WeakPassword> {
        let digits = new.expose_secret();
        if digits.len() != LENGTH || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(WeakPassword::NotSixDigits);
        }
        match self {
            Self::SixDigits => {}
            Self::SixDigitsStrong => strong(digits)?,
        }
        if default.is_some_and(|default| equals_default(new, default)) {
            return Err(WeakPassword::Default);
        }
        Ok(())
    }
}

fn strong(digits: &str) -> Result<(), WeakPassword> {
    let bytes = digits.as_bytes();
    if bytes.is_sorted_by(|a, b| a < b) || bytes.is_sorted_by(|a, b| a > b) {
        return Err(WeakPassword::Run);
    }
    if digits.chars().any(|digit| digits.matches(digit).count() > MOST_OF_ONE_DIGIT) {
        return Err(WeakPassword::Repeated);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use PasswordRule::{SixDigits, SixDigitsStrong};
    use WeakPassword::{Default, NotSixDigits, Repeated, Run};

    /// A new password, and the results of the plain and the strong rule.
    #[test]
    fn new_passwords_by_both_rules() {
        let cases = [
            ("836194", Ok(()), Ok(())),
            ("111222", Ok(()), Ok(())),
            ("121212", Ok(()), Ok(())),
            ("123465", Ok(()), Ok(())),
            ("098765", Ok(()), Ok(())),
            ("123456", Ok(()), Err(Run)),
            ("012345", Ok(()), Err(Run)),
            ("135789", Ok(()), Err(Run)),
            ("654321", Ok(()), Err(Run)),
            ("976420", Ok(()), Err(Run)),
            ("111111", Ok(()), Err(Repeated)),
            ("111123", Ok(()), Err(Repeated)),
            ("717737", Ok(()), Err(Repeated)),
            ("170026", Err(Default), Err(Default)),
            ("", Err(NotSixDigits), Err(NotSixDigits)),
            ("83619", Err(NotSixDigits), Err(NotSixDigits)),
            ("8361940", Err(NotSixDigits), Err(NotSixDigits)),
            ("83619X", Err(NotSixDigits), Err(NotSixDigits)),
            (" 36194", Err(NotSixDigits), Err(NotSixDigits)),
            ("+36194", Err(NotSixDigits), Err(NotSixDigits)),
            ("八三", Err(NotSixDigits), Err(NotSixDigits)),
        ];
        let default = SecretString::from("170026");
        for (new, plain, strong) in cases {
            let secret = SecretString::from(new);
            assert_eq!(SixDigits.check(&secret, Some(&default)), plain, "{new}");
            assert_eq!(SixDigitsStrong.check(&secret, Some(&default)), strong, "{new}");
        }
        assert_eq!(SixDigitsStrong.check(&default, None), Ok(()));
    }
}
