//! ID numbers: GB 11643-1999, 18 characters with a check character by ISO 7064 MOD 11-2.

use chrono::NaiveDate;

/// Why a text is not an ID number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdNumberFault {
    /// Not 17 digits and a digit or X.
    #[error("must be 17 digits and a digit or X")]
    Form,
    /// Characters 7 to 14 are not a date.
    #[error("the date of birth in it does not exist")]
    Birth,
    /// The check character is wrong.
    #[error("the check digit does not fit")]
    Check,
}

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// By the weighted sum modulo 11.
const CHECKS: &[u8; 11] = b"10X98765432";

/// Checks form, date of birth and check character of an ID number whose X is in upper case. The
/// area code is not checked: areas are abolished, but their numbers stay valid.
pub fn check_id_number(text: &str) -> Result<(), IdNumberFault> {
    let bytes = <&[u8; 18]>::try_from(text.as_bytes()).map_err(|_| IdNumberFault::Form)?;
    let [digits @ .., check] = bytes;
    if !digits.iter().all(u8::is_ascii_digit) || !(check.is_ascii_digit() || *check == b'X') {
        return Err(IdNumberFault::Form);
    }
    let birth = text.get(6..14).and_then(|day| NaiveDate::parse_from_str(day, "%Y%m%d").ok());
    birth.ok_or(IdNumberFault::Birth)?;
    let weighted =
        digits.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight);
    let remainder = usize::try_from(weighted.sum::<u32>() % 11).unwrap_or_default();
    if CHECKS.get(remainder) == Some(check) { Ok(()) } else { Err(IdNumberFault::Check) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_date_and_check_digit_are_checked() {
        let cases = [
            // The two examples of the standard.
            ("11010519491231002X", Ok(())),
            ("440524188001010014", Ok(())),
            ("990101200402290010", Ok(())),
            ("11010519491231002x", Err(IdNumberFault::Form)),
            ("", Err(IdNumberFault::Form)),
            ("1101051949123100", Err(IdNumberFault::Form)),
            ("11010519491231002XX", Err(IdNumberFault::Form)),
            ("X1010519491231002X", Err(IdNumberFault::Form)),
            ("１1010519491231002", Err(IdNumberFault::Form)),
            ("110105194912310021", Err(IdNumberFault::Check)),
            ("110105194912310038", Ok(())),
            ("110105194902300020", Err(IdNumberFault::Birth)),
            ("990101200302290013", Err(IdNumberFault::Birth)),
            ("110105194900310022", Err(IdNumberFault::Birth)),
        ];
        for (text, expected) in cases {
            assert_eq!(check_id_number(text), expected, "{text}");
        }
    }

    #[test]
    fn one_wrong_digit_never_passes() {
        let good = "11010519491231002X";
        for place in 0..17 {
            for digit in '0'..='9' {
                let mut other: Vec<char> = good.chars().collect();
                if other[place] != digit {
                    other[place] = digit;
                    let other: String = other.into_iter().collect();
                    assert!(check_id_number(&other).is_err(), "{other}");
                }
            }
        }
    }
}
