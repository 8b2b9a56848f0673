//! The small types of a policy's values. Each refuses invalid values when it is read.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::{fmt, ops::Deref, str::FromStr};

/// Text of 1 to `MAX` characters, without blanks around it and without control characters other
/// than line breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX {
            return Err(format!("must be 1 to {MAX} characters"));
        }
        if text.contains(|c: char| c.is_control() && c != '\n') {
            return Err("must hold no control characters".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A school's code: 1 to 32 of `a-z` and `0-9`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SchoolCode(String);

/// The text is not 1 to 32 of `a-z` and `0-9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a school's code is 1 to 32 of the characters a-z and 0-9")]
pub struct NotACode;

impl TryFrom<String> for SchoolCode {
    type Error = NotACode;

    fn try_from(text: String) -> Result<Self, NotACode> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        if text.is_empty() || text.len() > 32 || !text.bytes().all(allowed) {
            return Err(NotACode);
        }
        Ok(Self(text))
    }
}

impl FromStr for SchoolCode {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Self, NotACode> {
        Self::try_from(text.to_owned())
    }
}

impl Deref for SchoolCode {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SchoolCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The pattern of an identifier: `^`, then letters, digits or classes like `[0-9A-Z]`, each with or
/// without a count like `{7}` or `{6,8}`, then `$`. This subset of regular expressions means the
/// same in every language that clients are written in, and never backtracks for long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct IdPattern(String);

const MAX_PATTERN_BYTES: usize = 100;

impl TryFrom<String> for IdPattern {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() <= MAX_PATTERN_BYTES && is_plain(&text) {
            Ok(Self(text))
        } else {
            Err("must be a plain pattern, such as \"^[0-9]{7}$\"")
        }
    }
}

impl Deref for IdPattern {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_plain(pattern: &str) -> bool {
    let body = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'));
    let mut rest = body.unwrap_or("");
    while let Some(next) = after_atom(rest).and_then(after_count) {
        if next.is_empty() {
            return true;
        }
        rest = next;
    }
    false
}

fn after_atom(text: &str) -> Option<&str> {
    if let Some(class) = text.strip_prefix('[') {
        let (inside, rest) = class.split_once(']')?;
        return is_class(inside).then_some(rest);
    }
    text.strip_prefix(|c: char| c.is_ascii_alphanumeric())
}

fn is_class(inside: &str) -> bool {
    let mut bytes = inside.bytes().peekable();
    while let Some(first) = bytes.next() {
        let last = match bytes.next_if_eq(&b'-') {
            Some(_) => bytes.next(),
            None => Some(first),
        };
        let Some(last) = last else { return false };
        if !first.is_ascii_alphanumeric() || !last.is_ascii_alphanumeric() || last < first {
            return false;
        }
    }
    !inside.is_empty()
}

fn after_count(text: &str) -> Option<&str> {
    let Some(count) = text.strip_prefix('{') else {
        return Some(text);
    };
    let (count, rest) = count.split_once('}')?;
    let (least, most) = count.split_once(',').unwrap_or((count, count));
    let number = |digits: &str| {
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u8>().ok())?
    };
    (number(least)? <= number(most)?).then_some(rest)
}

/// A list that is not empty and holds nothing twice.
pub(super) fn distinct<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + PartialEq,
{
    let items = Vec::<T>::deserialize(from)?;
    let repeated = |(n, item)| items.iter().take(n).any(|before| before == item);
    if items.is_empty() {
        return Err(D::Error::custom("must name at least one"));
    }
    if items.iter().enumerate().any(repeated) {
        return Err(D::Error::custom("must name nothing twice"));
    }
    Ok(items)
}

/// The same where the list may be left out.
pub(super) fn distinct_if_any<'de, D, T>(from: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + PartialEq,
{
    #[derive(Deserialize)]
    #[serde(bound = "T: Deserialize<'de> + PartialEq")]
    struct Distinct<T>(#[serde(deserialize_with = "distinct")] Vec<T>);

    Ok(Option::<Distinct<T>>::deserialize(from)?.map(|Distinct(items)| items))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_plain() {
        let good = ["^[0-9]{7}$", "^[0-9]{6,8}$", "^S[0-9A-Za-z]{5}[xX]$", "^[abc]$", "^7$"];
        let bad = [
            "",
            "^$",
            "[0-9]{7}",
            "^[0-9]{7}",
            "^[9-0]$",
            "^[]$",
            "^[0-]$",
            "^[^0]$",
            "^(a)$",
            "^a+$",
            "^a*$",
            "^.$",
            r"^\d{7}$",
            "^[0-9]{8,6}$",
            "^[0-9]{7}{2}$",
            "^[0-9]{999}$",
            "^[0-9]{}$",
            "^[0-9]{+7}$",
            "^学$",
            "^^a$",
            "^a$$",
        ];
        for pattern in good {
            assert!(IdPattern::try_from(pattern.to_owned()).is_ok(), "{pattern}");
        }
        for pattern in bad {
            assert!(IdPattern::try_from(pattern.to_owned()).is_err(), "{pattern}");
        }
        assert!(IdPattern::try_from(format!("^{}$", "a".repeat(100))).is_err());
    }

    #[test]
    fn codes_are_plain() {
        for bad in ["", "XNEC", "xn-ec", "咸职", "xnec ", &"x".repeat(33)] {
            assert_eq!(bad.parse::<SchoolCode>(), Err(NotACode), "{bad}");
        }
        assert_eq!(&*"xnec2".parse::<SchoolCode>().unwrap(), "xnec2");
    }

    #[test]
    fn text_is_trimmed_and_bounded() {
        let text = |text: &str| Text::<4>::try_from(text.to_owned()).ok().map(|t| t.to_string());
        assert_eq!(text(" 咸宁职院\n"), Some("咸宁职院".to_owned()));
        assert_eq!(text("a\nb"), Some("a\nb".to_owned()));
        for bad in ["", " \n", "咸宁职业院", "a\tb", "a\0"] {
            assert_eq!(text(bad), None, "{bad}");
        }
    }
}
