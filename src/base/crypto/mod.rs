//! Cryptography: sealing of personal data, blind indexes, password hashing, signatures, and the
//! keys for all of these.
//!
//! Invariant: key material and plaintexts are wiped when dropped and are never printed.
//! Invariant: the parts of what is hashed or authenticated are framed by their lengths, so that
//! different inputs never give the same bytes.

pub mod blind;
pub mod ed25519;
pub mod hasher;
pub mod heads;
pub mod keyring;
pub mod password;
pub mod row_mac;
pub mod rsa;
pub mod seal;
pub mod totp;

/// Appends the length of `part` as 64 bits, big-endian, and then `part`.
fn frame(into: &mut Vec<u8>, part: &[u8]) {
    let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
    into.extend_from_slice(&length.to_be_bytes());
    into.extend_from_slice(part);
}
