//! What can be wrong with a signed message.

/// One thing wrong; everything else is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forgery {
    /// Without any signature.
    Unsigned,
    /// The body was altered after it was signed.
    AlteredBody,
    /// The signature has the right form, but is wrong.
    WrongSignature,
    /// A probe of WeChat Pay stands in place of the signature.
    SignatureProbe,
    /// It names an unknown key.
    UnknownSerial,
    /// Validly signed, ten minutes ago.
    Stale,
    /// Validly signed, ten minutes from now.
    Future,
}

/// The signature with another first letter.
pub(crate) fn wrong(signature: &str) -> String {
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    std::iter::once(other).chain(signature.chars().skip(1)).collect()
}

/// The text with its last letter or digit replaced, so that its form stays what it was.
pub(crate) fn altered(text: &str) -> String {
    let Some(place) = text.rfind(|letter: char| letter.is_ascii_alphanumeric()) else {
        return format!("{text} ");
    };
    let (head, tail) = text.split_at(place);
    let other = if tail.starts_with('1') { '2' } else { '1' };
    head.chars().chain(std::iter::once(other)).chain(tail.chars().skip(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_wrong_and_the_form_stays() {
        assert_eq!((wrong("Abc="), wrong("xbc=")), ("Bbc=".to_owned(), "Abc=".to_owned()));
        let table = [(r#"{"a":"b"}"#, r#"{"a":"1"}"#), ("{\"a\":1}", "{\"a\":2}"), ("", " ")];
        for (text, expected) in table {
            assert_eq!(altered(text), expected);
        }
    }
}
