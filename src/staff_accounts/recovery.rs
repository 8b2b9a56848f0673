//! Recovery codes: they stand for the second factor of a phone that is lost, each once. One signs nobody
//! in: it is answered with a new secret of one's own, as the printed secret of a first sign-in is.

use super::StaffId;
use crate::base::crypto::totp::{NoSecret, TotpSecret};
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

/// How many a login has.
pub const RECOVERY_CODES: usize = 10;
/// 80 bits in base32.
const CHARACTERS: usize = 16;
const GROUP: usize = 4;

/// A recovery code as it was typed: base32 without spaces and hyphens. It is not printed.
#[derive(Clone)]
pub(super) struct RecoveryCode(Zeroizing<String>);

/// Not sixteen characters of base32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MalformedRecovery;

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode")
    }
}

impl RecoveryCode {
    /// Reads a code, in whatever case and with whatever spaces and hyphens.
    pub(super) fn parse(text: &str) -> Result<Self, MalformedRecovery> {
        let letters = text.chars().filter(|one| !one.is_whitespace() && *one != '-');
        let letters: String = letters.map(|one| one.to_ascii_uppercase()).collect();
        let base32 = |byte: u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte);
        if letters.len() != CHARACTERS || !letters.bytes().all(base32) {
            return Err(MalformedRecovery);
        }
        Ok(Self(Zeroizing::new(letters)))
    }

    pub(super) fn random() -> Result<Self, NoSecret> {
        let text = TotpSecret::random()?.base32();
        Ok(Self(Zeroizing::new(text.chars().take(CHARACTERS).collect())))
    }

    /// In groups of four, as it is written down.
    pub(super) fn shown(&self) -> Zeroizing<String> {
        let groups = self.0.as_bytes().chunks(GROUP).map(String::from_utf8_lossy);
        Zeroizing::new(groups.collect::<Vec<_>>().join("-"))
    }

    fn hash(&self, of: StaffId) -> [u8; 32] {
        let hash = Sha256::new().chain_update(b"onecard-staff-recovery-v1|");
        hash.chain_update(of.uuid()).chain_update(self.0.as_bytes()).finalize().into()
    }
}

/// The SHA-256 of each code that was not used. Codes have 80 random bits: a slow hash adds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RecoveryHashes(Vec<[u8; 32]>);

impl RecoveryHashes {
    /// Ten new codes, and what is stored of them.
    pub(super) fn issue(of: StaffId) -> Result<(Vec<Zeroizing<String>>, Self), NoSecret> {
        let codes = (0..RECOVERY_CODES).map(|_| RecoveryCode::random());
        let codes = codes.collect::<Result<Vec<_>, _>>()?;
        let hashes = codes.iter().map(|code| code.hash(of)).collect();
        Ok((codes.iter().map(RecoveryCode::shown).collect(), Self(hashes)))
    }

    /// The hashes without that of this code, if it is among them. Takes the same time for every code.
    pub(super) fn without(&self, code: &RecoveryCode, of: StaffId) -> Option<Self> {
        let given = code.hash(of);
        let (mut found, mut place) = (Choice::from(0), 0);
        for (nth, hash) in (0_u64..).zip(&self.0) {
            let fits = hash.ct_eq(&given);
            place.conditional_assign(&nth, fits);
            found |= fits;
        }
        let rest = (0_u64..).zip(&self.0).filter(|(nth, _)| *nth != place);
        bool::from(found).then(|| Self(rest.map(|(_, hash)| *hash).collect()))
    }

    /// How many are left.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// As they are stored; `None` for none.
    pub(super) fn to_column(&self) -> Option<Vec<u8>> {
        (!self.0.is_empty()).then(|| self.0.concat())
    }

    /// As they were stored; `None` for what is no row of hashes.
    pub(super) fn from_column(stored: Option<&[u8]>) -> Option<Self> {
        let (hashes, rest) = stored.unwrap_or_default().as_chunks();
        rest.is_empty().then(|| Self(hashes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;

    #[test]
    fn each_code_is_good_once_for_its_login_and_however_it_is_typed() {
        let of = StaffId::new(Timestamp::from_seconds(1));
        let (codes, hashes) = RecoveryHashes::issue(of).unwrap();
        assert_eq!((codes.len(), hashes.count()), (10, 10));
        let code = |text: &str| RecoveryCode::parse(text).unwrap();
        let typed = format!(" {}", codes[3].to_lowercase().replace('-', " "));
        let left = hashes.without(&code(&typed), of).unwrap();
        assert_eq!(left.count(), 9);
        assert_eq!(left.without(&code(&codes[3]), of), None, "used");
        assert!(left.without(&code(&codes[0]), of).is_some());
        let other = StaffId::new(Timestamp::from_seconds(2));
        assert_eq!(hashes.without(&code(&codes[0]), other), None, "another login's");
        let again = RecoveryHashes::from_column(left.to_column().as_deref());
        assert_eq!(again, Some(left));
        assert_eq!(RecoveryHashes::from_column(Some(&[1; 33])), None);
        assert_eq!(RecoveryHashes::default().to_column(), None);
        for wrong in ["", "123456", "AAAA-AAAA-AAAA-AAA", "AAAA-AAAA-AAAA-AAA1", "ÄAAAAAAAAAAAAAAA"]
        {
            assert!(RecoveryCode::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(format!("{:?}", code(&codes[0])), "RecoveryCode");
    }
}
