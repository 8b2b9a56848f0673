//! The second factor of a login: which secret is in force, and which codes were used.
//!
//! A command prints a secret, which whoever reads the screen knows. So the first sign-in with it opens
//! no session: it is offered a secret of its own, and the next sign-in, with a code of that one, puts
//! it in force. So it is with a recovery code, which stands for a phone that is lost; the secret in force
//! stays so until then.

use super::{
    StaffId,
    recovery::{RecoveryCode, RecoveryHashes},
};
use crate::base::{
    clock::Timestamp,
    crypto::{
        seal::{Aad, SealError, Sealer},
        totp::{TotpCode, TotpSecret},
    },
};

use sha2::{Digest, Sha256};
use std::time::Duration;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How long what was printed for a first sign-in is good.
const SLIP_GOOD_FOR: Duration = Duration::from_hours(24);

/// The secrets of a login, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Factor {
    /// The secret in force.
    pub(super) secret: Vec<u8>,
    /// It was printed by a command, and signs nobody in.
    pub(super) printed: bool,
    /// From then on what was printed is worth nothing; `None` for slips from before there was an end.
    pub(super) slip_until: Option<Timestamp>,
    /// The secret that replaces it once a code of it is given.
    pub(super) offered: Option<Vec<u8>>,
    /// The step of the last code that was accepted; 0 for none.
    pub(super) step: i64,
    /// The recovery codes that were not used.
    pub(super) recovery: RecoveryHashes,
}

/// What is given for the second factor.
#[derive(Clone, Debug)]
pub(super) enum GivenCode {
    /// A code of an authenticator app.
    Totp(TotpCode),
    /// A recovery code.
    Recovery(RecoveryCode),
}

/// What a code is, and the factor once it is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// A code of the secret in force, or of the one that comes into force by it: `enrolled`.
    Good { then: Factor, enrolled: bool },
    /// A code of the printed secret: it signs nobody in.
    Printed { then: Factor },
    /// A recovery code: it signs nobody in.
    Recovered { then: Factor },
    /// A code that would be good, of a slip that was printed too long ago.
    Expired,
    /// None of these, or used before.
    Wrong,
}

impl Factor {
    /// Whether it was printed, too long ago.
    fn has_expired(&self, now: Timestamp) -> bool {
        self.printed && self.slip_until.is_some_and(|until| now >= until)
    }
}

/// Seals and opens secrets.
#[derive(Clone, Debug)]
pub(super) struct FactorKeeper {
    sealer: Sealer,
}

#[derive(Clone, Copy)]
enum Place {
    InForce,
    Offered,
}

impl Place {
    const fn aad(self, of: StaffId) -> Aad {
        let column = match self {
            Self::InForce => "factor_sealed",
            Self::Offered => "offered_sealed",
        };
        Aad { table: "staff_member", column, row: of.uuid() }
    }
}

impl FactorKeeper {
    pub(super) const fn new(sealer: Sealer) -> Self {
        Self { sealer }
    }

    /// The factor of a login for which this secret was printed.
    pub(super) fn printed(
        &self,
        of: StaffId,
        secret: &TotpSecret,
        now: Timestamp,
    ) -> Result<Factor, SealError> {
        let secret = self.seal(Place::InForce, of, secret)?;
        let (recovery, slip_until) = (RecoveryHashes::default(), Some(now.plus(SLIP_GOOD_FOR)));
        Ok(Factor { secret, printed: true, slip_until, offered: None, step: 0, recovery })
    }

    /// The factor with this secret offered.
    pub(super) fn offering(
        &self,
        of: StaffId,
        factor: Factor,
        secret: &TotpSecret,
    ) -> Result<Factor, SealError> {
        Ok(Factor { offered: Some(self.seal(Place::Offered, of, secret)?), ..factor })
    }

    /// The secret that was offered.
    pub(super) fn offered(
        &self,
        of: StaffId,
        factor: &Factor,
    ) -> Result<Option<TotpSecret>, SealError> {
        factor.offered.as_deref().map(|sealed| self.open(Place::Offered, of, sealed)).transpose()
    }

    /// Whether this is the code that was printed together with the secret: true only until that is
    /// replaced.
    pub(super) fn is_first_code(
        &self,
        of: StaffId,
        factor: &Factor,
        (given, now): (&str, Timestamp),
    ) -> Result<bool, SealError> {
        if !factor.printed || factor.has_expired(now) {
            return Ok(false);
        }
        let right = first_code(&self.open(Place::InForce, of, &factor.secret)?);
        let given: String = given.chars().filter(char::is_ascii_digit).collect();
        Ok(right.as_bytes().ct_eq(given.as_bytes()).into())
    }

    /// What a code is, by the secrets of this factor. Compares in constant time; each step is good
    /// once.
    pub(super) fn judge(
        &self,
        of: StaffId,
        factor: &Factor,
        code: &GivenCode,
        now: Timestamp,
    ) -> Result<Shown, SealError> {
        let code = match code {
            GivenCode::Totp(code) => *code,
            GivenCode::Recovery(code) => {
                let left = factor.recovery.without(code, of).filter(|_| !factor.printed);
                let then = left.map(|recovery| Factor { recovery, ..factor.clone() });
                return Ok(then.map_or(Shown::Wrong, |then| Shown::Recovered { then }));
            }
        };
        Ok(match self.judge_totp(of, factor, code, now)? {
            // What was offered for a slip ends with it.
            Shown::Good { .. } | Shown::Printed { .. } if factor.has_expired(now) => Shown::Expired,
            shown @ (Shown::Good { .. }
            | Shown::Printed { .. }
            | Shown::Recovered { .. }
            | Shown::Expired
            | Shown::Wrong) => shown,
        })
    }

    fn judge_totp(
        &self,
        of: StaffId,
        factor: &Factor,
        code: TotpCode,
        now: Timestamp,
    ) -> Result<Shown, SealError> {
        let secret = self.open(Place::InForce, of, &factor.secret)?;
        if let Some(offered) = self.offered(of, factor)?
            && let Some(step) = offered.step_of(code, now, 0)
        {
            let secret = self.seal(Place::InForce, of, &offered)?;
            let then = Factor {
                secret,
                printed: false,
                slip_until: None,
                offered: None,
                step,
                recovery: RecoveryHashes::default(),
            };
            return Ok(Shown::Good { then, enrolled: true });
        }
        let Some(step) = secret.step_of(code, now, factor.step) else { return Ok(Shown::Wrong) };
        let then = Factor { step, ..factor.clone() };
        if factor.printed {
            Ok(Shown::Printed { then })
        } else {
            // Who has the secret in force needs no other.
            Ok(Shown::Good { then: Factor { offered: None, ..then }, enrolled: false })
        }
    }

    /// The factor under the current key; `None` if it is already.
    pub(super) fn resealed(
        &self,
        of: StaffId,
        factor: &Factor,
    ) -> Result<Option<Factor>, SealError> {
        let current = self.sealer.key_id();
        let mut sealed = std::iter::once(&factor.secret).chain(&factor.offered);
        if sealed.all(|sealed| Sealer::key_of(sealed) == Some(current)) {
            return Ok(None);
        }
        let again = |place, sealed: &[u8]| self.seal(place, of, &self.open(place, of, sealed)?);
        let offered = factor.offered.as_deref().map(|sealed| again(Place::Offered, sealed));
        Ok(Some(Factor {
            secret: again(Place::InForce, &factor.secret)?,
            offered: offered.transpose()?,
            ..factor.clone()
        }))
    }

    fn seal(&self, place: Place, of: StaffId, secret: &TotpSecret) -> Result<Vec<u8>, SealError> {
        self.sealer.seal(secret.expose(), &place.aad(of))
    }

    fn open(&self, place: Place, of: StaffId, sealed: &[u8]) -> Result<TotpSecret, SealError> {
        let opened = self.sealer.open(sealed, &place.aad(of))?;
        TotpSecret::from_slice(&opened).map_err(|_| SealError::Malformed)
    }
}

/// Twelve digits that whoever knows the printed secret can tell, in groups of four. The client shows with
/// them that it has the slip, before its password is compared.
pub(super) fn first_code(secret: &TotpSecret) -> Zeroizing<String> {
    let hash = Sha256::new()
        .chain_update(b"onecard-staff-first-sign-in-v1|")
        .chain_update(secret.expose())
        .finalize();
    let number = hash.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    Zeroizing::new(format!("{:012}", number % 1_000_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::crypto::keyring::{Key32, KeyRing, NamedKey};
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_seconds(1_767_232_800);

    fn key(id: &str) -> NamedKey {
        NamedKey::new(id, Key32::from_bytes([7; 32])).unwrap()
    }

    fn keeper() -> FactorKeeper {
        FactorKeeper::new(Sealer::new(KeyRing::single(key("k1"))))
    }

    fn code(secret: &TotpSecret, now: Timestamp) -> GivenCode {
        GivenCode::Totp(TotpCode::parse(&secret.code(now)).unwrap())
    }

    #[test]
    fn a_printed_secret_is_replaced_and_then_worth_nothing() {
        let (keeper, id) = (keeper(), StaffId::new(NOW));
        let (slip, own) = (TotpSecret::random().unwrap(), TotpSecret::random().unwrap());
        let printed = keeper.printed(id, &slip, NOW).unwrap();
        assert_eq!(keeper.judge(id, &printed, &code(&own, NOW), NOW), Ok(Shown::Wrong));
        let first = keeper.judge(id, &printed, &code(&slip, NOW), NOW).unwrap();
        let Shown::Printed { then } = first else { panic!("{first:?}") };
        let offered = keeper.offering(id, then, &own).unwrap();
        assert_eq!(
            keeper.judge(id, &offered, &code(&slip, NOW), NOW),
            Ok(Shown::Wrong),
            "the code of the slip was used"
        );
        let second = keeper.judge(id, &offered, &code(&own, NOW), NOW).unwrap();
        let Shown::Good { then, enrolled: true } = second else { panic!("{second:?}") };
        assert!(!then.printed && then.offered.is_none());
        let later = NOW.plus(Duration::from_mins(1));
        assert_eq!(keeper.judge(id, &then, &code(&slip, later), later), Ok(Shown::Wrong));
        assert_eq!(keeper.judge(id, &then, &code(&own, NOW), NOW), Ok(Shown::Wrong), "used");
        let usual = keeper.judge(id, &then, &code(&own, later), later).unwrap();
        assert!(matches!(usual, Shown::Good { enrolled: false, .. }), "{usual:?}");
    }

    #[test]
    fn a_slip_is_good_for_a_day() {
        let (keeper, id) = (keeper(), StaffId::new(NOW));
        let (slip, own) = (TotpSecret::random().unwrap(), TotpSecret::random().unwrap());
        let printed = keeper.printed(id, &slip, NOW).unwrap();
        let offered = keeper.offering(id, printed.clone(), &own).unwrap();
        let first = first_code(&slip);
        let end = NOW.plus(SLIP_GOOD_FOR);
        let late = end.minus(Duration::from_secs(1));
        let shown = |factor: &Factor, secret: &TotpSecret, now: Timestamp| {
            keeper.judge(id, factor, &code(secret, now), now).unwrap()
        };
        assert!(matches!(shown(&printed, &slip, late), Shown::Printed { .. }));
        assert!(matches!(shown(&offered, &own, late), Shown::Good { enrolled: true, .. }));
        assert_eq!(keeper.is_first_code(id, &printed, (&first, late)), Ok(true));
        for (factor, secret) in [(&printed, &slip), (&offered, &slip), (&offered, &own)] {
            assert_eq!(shown(factor, secret, end), Shown::Expired);
        }
        assert_eq!(shown(&printed, &own, end), Shown::Wrong);
        assert_eq!(keeper.is_first_code(id, &printed, (&first, end)), Ok(false));
        // One that was printed before slips had an end.
        let older = Factor { slip_until: None, ..printed };
        assert!(matches!(shown(&older, &slip, end), Shown::Printed { .. }));
        let Shown::Good { then, .. } = shown(&offered, &own, late) else { panic!() };
        assert!(matches!(shown(&then, &own, end), Shown::Good { .. }), "one's own has none");
    }

    #[test]
    fn a_recovery_code_replaces_a_lost_secret_and_not_a_printed_one() {
        let (keeper, id) = (keeper(), StaffId::new(NOW));
        let (lost, own) = (TotpSecret::random().unwrap(), TotpSecret::random().unwrap());
        let (codes, recovery) = RecoveryHashes::issue(id).unwrap();
        let printed = Factor { recovery, ..keeper.printed(id, &lost, NOW).unwrap() };
        let given = GivenCode::Recovery(RecoveryCode::parse(&codes[0]).unwrap());
        assert_eq!(keeper.judge(id, &printed, &given, NOW), Ok(Shown::Wrong));
        let factor = Factor { printed: false, ..printed };
        let first = keeper.judge(id, &factor, &given, NOW).unwrap();
        let Shown::Recovered { then } = first else { panic!("{first:?}") };
        assert_eq!((then.recovery.count(), &then.secret), (9, &factor.secret));
        assert_eq!(keeper.judge(id, &then, &given, NOW), Ok(Shown::Wrong), "used");
        let offered = keeper.offering(id, then, &own).unwrap();
        let found = keeper.judge(id, &offered, &code(&lost, NOW), NOW).unwrap();
        let Shown::Good { then, enrolled: false } = found else { panic!("{found:?}") };
        assert_eq!(then.offered, None, "the phone was found");
        let enrolled = keeper.judge(id, &offered, &code(&own, NOW), NOW).unwrap();
        let Shown::Good { then, enrolled: true } = enrolled else { panic!("{enrolled:?}") };
        assert_eq!(then.recovery.count(), 0, "new ones come with the new secret");
        let later = NOW.plus(Duration::from_mins(1));
        assert_eq!(keeper.judge(id, &then, &code(&lost, later), later), Ok(Shown::Wrong));
    }

    #[test]
    fn secrets_are_sealed_for_their_row_and_resealed() {
        let (old, id) = (keeper(), StaffId::new(NOW));
        let slip = TotpSecret::random().unwrap();
        let factor = old.printed(id, &slip, NOW).unwrap();
        let offered = old.offering(id, factor.clone(), &slip).unwrap();
        let other = StaffId::new(NOW);
        assert!(old.judge(other, &factor, &code(&slip, NOW), NOW).is_err());
        assert_eq!(old.resealed(id, &factor), Ok(None));
        let ring = KeyRing::new(key("k2"), vec![key("k1")]).unwrap();
        let new = FactorKeeper::new(Sealer::new(ring));
        let resealed = new.resealed(id, &offered).unwrap().unwrap();
        assert_eq!(new.resealed(id, &resealed), Ok(None));
        let shown = new.judge(id, &resealed, &code(&slip, NOW), NOW).unwrap();
        assert!(matches!(shown, Shown::Good { enrolled: true, .. }), "{shown:?}");
    }
}
