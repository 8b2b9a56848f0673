//! Names given by an operator, each restricted to the characters of its kind.

/// Why a text is not a valid name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct InvalidName(pub(crate) &'static str);

/// No control character, and none of those that reorder or hide what stands around them (Unicode's
/// `Bidi_Control`, zero width, byte order mark).
pub fn is_visible(c: char) -> bool {
    let hides = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}');
    !c.is_control() && !hides
}

/// Declares a type of names: texts of at most so many characters, each of which is allowed, without blanks
/// around them.
#[macro_export]
macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $rule:literal, $max:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl std::str::FromStr for $name {
            type Err = $crate::base::names::InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let allowed: fn(char) -> bool = $allowed;
                let fits = (1..=$max).contains(&text.chars().count()) && text.chars().all(allowed);
                let plain = text.trim() == text;
                (fits && plain).then(|| Self(text.to_owned())).ok_or($crate::base::names::InvalidName($rule))
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
