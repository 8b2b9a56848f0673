//! Second factors of staff.

use onecard::base::crypto::totp::TotpSecret;

/// The secret that this text in base32 is.
pub fn secret_of(text: &str) -> TotpSecret {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits = text.chars().map(|c| format!("{:05b}", alphabet.find(c).unwrap()));
    let bits = bits.collect::<Vec<_>>().concat();
    let bytes: Vec<u8> = bits
        .as_bytes()
        .chunks(8)
        .map(|eight| u8::from_str_radix(std::str::from_utf8(eight).unwrap(), 2).unwrap())
        .collect();
    TotpSecret::from_slice(&bytes).unwrap()
}
