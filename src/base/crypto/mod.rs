//! Cryptography that is no provider's own: sealing personal data, looking it up, checking
//! passwords, signing the heads of the ledger, signatures of messages.
//!
//! Invariant: key material and plaintexts are wiped when dropped and have no printable form.
//! Invariant: what is hashed or authenticated is framed by lengths, so that no two different
//! inputs give the same bytes.

pub mod blind;
pub mod ed25519;
pub mod hashes;
pub mod heads;
pub mod keyring;
pub mod password;
pub mod rsa;
pub mod seal;

/// Appends `part` behind its length in 64 bits, big-endian.
fn frame(into: &mut Vec<u8>, part: &[u8]) {
    let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
    into.extend_from_slice(&length.to_be_bytes());
    into.extend_from_slice(part);
}
