//! Random texts: every character is drawn, none comes from a clock.

/// `length` lower-case hexadecimal digits.
pub(crate) fn hex_digits(length: usize) -> String {
    let bytes: Vec<u8> = (0..length.div_ceil(2)).map(|_| rand::random()).collect();
    let mut text = hex::encode(bytes);
    text.truncate(length);
    text
}

/// A certificate's serial number: positive in DER and of full length.
pub(crate) fn serial_bytes<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes: [u8; LENGTH] = std::array::from_fn(|_| rand::random());
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x3F | 0x40;
    }
    bytes
}

/// `length` decimal digits, which may begin with zero.
pub(crate) fn digits(length: usize) -> String {
    (0..length).map(|_| char::from(b'0' + rand::random_range(0..10u8))).collect()
}

/// `length` ASCII letters and digits.
pub(crate) fn alphanumeric(length: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    (0..length)
        .filter_map(|_| ALPHABET.get(rand::random_range(0..ALPHABET.len())))
        .map(|&letter| char::from(letter))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_the_wanted_length() {
        assert_eq!(alphanumeric(25).len(), 25);
        assert_eq!(hex_digits(7).len(), 7);
        assert!(digits(10).len() == 10 && digits(10).bytes().all(|b| b.is_ascii_digit()));
    }
}
