//! The code by which a bound phone lets its owner in at the portal, where strangers have used up the
//! attempts.
//!
//! Invariant: a code opens nothing. Who shows it has attempts of their own at the query password, as a
//! bound identity has.
//! Absent on purpose: stored codes. A code is derived from the person and the time, so it works on
//! every server and is lost with none.

use super::{ClaimedPerson, PasswordFault, Passwords, Proven, Stranger, tries::Limit};
use crate::{
    base::{
        clock::Timestamp,
        crypto::password::equals_default,
        ids::{PersonId, SchoolId},
    },
    schools::School,
    sessions::Student,
};
use secrecy::SecretString;
use std::time::Duration;

/// How long the codes of one step are shown. Each is valid until the end of the next step.
const STEP: Duration = Duration::from_mins(10);
/// Twelve digits: at a thousand guesses a second, a day finds one in six thousand times.
const CODES: u128 = 1_000_000_000_000;
/// Counts of those who show a code.
pub(super) const BY_CODE: &str = "try:portal-code";

/// A code that a bound phone shows.
#[derive(Debug)]
pub struct PortalCode {
    /// Twelve digits.
    pub code: SecretString,
    /// When it is no longer accepted.
    pub valid_until: Timestamp,
}

impl Passwords {
    /// The code of the person that an identity is bound to.
    pub fn portal_code(&self, student: &Student) -> PortalCode {
        let step = step_of(self.clock.now());
        PortalCode {
            code: self.code_of(student.school, student.person, step),
            valid_until: start_of(step.saturating_add(2)),
        }
    }

    /// Verifies number and password at the portal. With a code of the person, the attempt is counted
    /// as the owner's and not as a stranger's; with any other code, as without one.
    pub async fn prove_at_portal(
        &self,
        school: &School,
        claimed: &ClaimedPerson,
        given: SecretString,
        code: Option<&SecretString>,
    ) -> Result<Proven, PasswordFault> {
        if let Some(code) = code
            && let Some(person) = self.shown_by(school, claimed, code).await?
        {
            let owner = self.subject(school.id, BY_CODE, &person.to_string());
            let limits = [(owner, Limit::Growing)];
            return self.attempt(school, (&self.for_holders, &limits), claimed, given).await;
        }
        self.prove(school, Stranger::Portal, claimed, given).await
    }

    /// The claimed person, if the code is theirs now.
    async fn shown_by(
        &self,
        school: &School,
        claimed: &ClaimedPerson,
        code: &SecretString,
    ) -> Result<Option<PersonId>, PasswordFault> {
        let now = self.clock.now();
        let found = self.find(school.id, claimed, now.day()).await?;
        let step = step_of(now);
        Ok(found.map(|person| person.id).filter(|person| {
            let of = |step| equals_default(code, &self.code_of(school.id, *person, step));
            of(step) | of(step.saturating_sub(1))
        }))
    }

    fn code_of(&self, school: SchoolId, person: PersonId, step: i64) -> SecretString {
        let digest = self.subject(school, "portal-code", &format!("{person}:{step}"));
        let number = digest.iter().take(16).fold(0, |n: u128, byte| (n << 8) | u128::from(*byte));
        SecretString::from(format!("{:012}", number % CODES))
    }
}

fn step_of(now: Timestamp) -> i64 {
    let step = i64::try_from(STEP.as_secs()).unwrap_or(i64::MAX);
    now.seconds().div_euclid(step)
}

fn start_of(step: i64) -> Timestamp {
    let seconds = i64::try_from(STEP.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_seconds(step.saturating_mul(seconds))
}
