//! The default query password: six characters of the ID number, by one of three rules that differ
//! for numbers ending in X.

use super::id_number::check_id_number;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// How a default password is derived from an ID number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultRule {
    /// The last six; a final X becomes 0.
    LastSixXToZero,
    /// The last six digits, without a final X.
    DropLetterShift,
    /// The last six as they are, X in upper case.
    LastSixKeepX,
}

/// The default password; `None` if this is not an ID number. Derived for each check, never stored.
pub fn default_password(rule: DefaultRule, id_number: &str) -> Option<SecretString> {
    let id_number = id_number.trim().to_ascii_uppercase();
    check_id_number(&id_number).ok()?;
    let last_six = id_number.get(12..)?;
    let password = match (rule, last_six.strip_suffix('X')) {
        (DefaultRule::LastSixXToZero, Some(five)) => format!("{five}0"),
        (DefaultRule::DropLetterShift, Some(_)) => id_number.get(11..17)?.to_owned(),
        (DefaultRule::LastSixKeepX, Some(_)) | (_, None) => last_six.to_owned(),
    };
    Some(password.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use DefaultRule::{DropLetterShift, LastSixKeepX, LastSixXToZero};
    use secrecy::ExposeSecret;

    /// Each rule as the manuals describe it, for a number ending in a digit and one ending in X.
    #[test]
    fn the_three_rules() {
        let cases = [
            (LastSixXToZero, "990101200503170026", "170026"),
            (LastSixXToZero, "99010120041102008X", "020080"),
            (LastSixXToZero, "99010120041102008x", "020080"),
            (DropLetterShift, "990101200503170026", "170026"),
            (DropLetterShift, "99010120041102008X", "102008"),
            (DropLetterShift, "99010120041102008x", "102008"),
            (LastSixKeepX, "990101200503170026", "170026"),
            (LastSixKeepX, "99010120041102008X", "02008X"),
            (LastSixKeepX, " 99010120041102008x ", "02008X"),
        ];
        for (rule, id_number, expected) in cases {
            let password = default_password(rule, id_number).unwrap();
            assert_eq!(password.expose_secret(), expected, "{rule:?} {id_number}");
        }
    }

    #[test]
    fn other_texts_have_no_default() {
        for rule in [LastSixXToZero, DropLetterShift, LastSixKeepX] {
            for text in ["", "170026", "990101200503170027", "9901012005031700262", "九九〇一〇一"]
            {
                assert!(default_password(rule, text).is_none(), "{rule:?} {text}");
            }
        }
    }
}
