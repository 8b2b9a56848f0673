//! Password hashing with Argon2id in PHC format, and the comparison with a derived default
//! password.
//!
//! Hashing and verifying take some 20 ms of a core and 19 MiB each: call them off the async
//! threads, and only a few at a time.

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The longest password, in bytes: longer ones are refused before any work is done.
pub const MAX_PASSWORD_BYTES: usize = 256;

/// Why a password was not hashed or not compared. A wrong password is not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Longer than [`MAX_PASSWORD_BYTES`].
    #[error("the password is too long")]
    TooLong,
    /// What is stored is not the PHC string of an Argon2id hash.
    #[error("the stored password hash is damaged")]
    DamagedHash,
    /// Out of memory, or the system provides no randomness.
    #[error("hashing the password failed")]
    Failed,
}

/// Hashes `password` with a new salt; returns a PHC string (`$argon2id$v=19$m=19456,t=2,p=1$…`).
pub fn hash(password: &SecretString) -> Result<String, PasswordError> {
    let password = bounded(password)?;
    let hash = argon2id()?.hash_password(password.as_bytes()).map_err(|_| PasswordError::Failed)?;
    Ok(hash.to_string())
}

/// True if `stored` is a hash of `password`.
pub fn verify(password: &SecretString, stored: &str) -> Result<bool, PasswordError> {
    let Ok(password) = bounded(password) else {
        return Ok(false);
    };
    match argon2id()?.verify_password(password.as_bytes(), stored) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(PasswordError::DamagedHash),
    }
}

/// True if `given` equals the default derived by the school's rule. Compares digests, so that the
/// time taken reveals nothing of the default, not even its length.
pub fn equals_default(given: &SecretString, default: &SecretString) -> bool {
    let digest = |text: &SecretString| Sha256::digest(text.expose_secret().as_bytes());
    digest(given).ct_eq(&digest(default)).into()
}

/// So many random decimal digits, for a slip. Nineteen at most.
pub fn random_digits(many: u32) -> Result<SecretString, PasswordError> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| PasswordError::Failed)?;
    // Of 128 bits the remainder is even to within one part in 2^64.
    let number = u128::from_be_bytes(bytes) % 10_u128.pow(many.min(19));
    let width = usize::try_from(many.min(19)).unwrap_or(0);
    Ok(SecretString::from(format!("{number:0width$}")))
}

fn bounded(password: &SecretString) -> Result<&str, PasswordError> {
    let text = password.expose_secret();
    if text.len() > MAX_PASSWORD_BYTES {
        return Err(PasswordError::TooLong);
    }
    Ok(text)
}

fn argon2id() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordError::Failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn a_hash_is_salted_argon2id_and_matches_its_password_only() {
        let stored = hash(&secret("246810")).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(stored, hash(&secret("246810")).unwrap());
        for (password, matches) in [("246810", true), ("246811", false), ("", false)] {
            assert_eq!(verify(&secret(password), &stored), Ok(matches), "{password}");
        }
    }

    /// From the reference implementation: `echo -n password | argon2 somesalt -id -t 2 -m 16`.
    #[test]
    fn verifies_a_hash_of_the_reference_implementation() {
        let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ\
                      $CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert_eq!(verify(&secret("password"), stored), Ok(true));
        assert_eq!(verify(&secret("Password"), stored), Ok(false));
    }

    #[test]
    fn damaged_hashes_and_too_long_passwords_are_errors() {
        for stored in ["", "246810", "$argon2id$v=19$", "$2b$12$abcdefghijklmnop"] {
            assert_eq!(
                verify(&secret("246810"), stored),
                Err(PasswordError::DamagedHash),
                "{stored}"
            );
        }
        let endless = secret(&"7".repeat(MAX_PASSWORD_BYTES + 1));
        assert_eq!(hash(&endless), Err(PasswordError::TooLong));
        assert_eq!(verify(&endless, "anything"), Ok(false));
    }

    #[test]
    fn defaults_match_in_full_only() {
        let cases = [
            ("010017", "010017", true),
            ("010017", "010018", false),
            ("010017", "01001", false),
            ("", "", true),
            ("", "0", false),
        ];
        for (given, default, equal) in cases {
            assert_eq!(equals_default(&secret(given), &secret(default)), equal);
        }
    }
}
