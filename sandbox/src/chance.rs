//! Random identifiers in the shapes the providers give them.

use chrono::{DateTime, Utc};

use crate::clock::china;

/// `length` lower-case hexadecimal digits.
pub(crate) fn hex_digits(length: usize) -> String {
    let bytes: Vec<u8> = (0..length.div_ceil(2)).map(|_| rand::random()).collect();
    let mut text = hex::encode(bytes);
    text.truncate(length);
    text
}

/// Of a serial number: positive in DER and of full length.
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

/// A WeChat Pay prepay id: `wx`, the Chinese time to the second, 20 more: 36 characters.
pub(crate) fn prepay_id(now: DateTime<Utc>) -> String {
    format!("wx{}{}", china(now).format("%Y%m%d%H%M%S"), hex_digits(20))
}

/// A WeChat Pay transaction id: 28 digits with the Chinese date in the middle.
pub(crate) fn transaction_id(now: DateTime<Utc>) -> String {
    format!("4200{}{}{}", digits(6), china(now).format("%Y%m%d"), digits(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_documented_lengths() {
        let now = DateTime::from_timestamp(1_767_232_800, 0).unwrap();
        assert_eq!(prepay_id(now).len(), 36);
        assert!(prepay_id(now).starts_with("wx20260101100000"));
        let transaction = transaction_id(now);
        assert_eq!(transaction.len(), 28);
        assert!(transaction.bytes().all(|b| b.is_ascii_digit()));
        assert_eq!(alphanumeric(25).len(), 25);
        assert_eq!(hex_digits(7).len(), 7);
    }
}
