//! Changing the query password.

use super::{PasswordFault, Passwords};
use crate::{
    base::crypto::seal::SealError,
    schools::{People, Person, School, WeakPassword},
    sessions::{self, Student},
};
use secrecy::SecretString;

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The school changes passwords at the counter only.
    #[error("passwords of this school are changed at the counter")]
    OfflineOnly,
    /// The new password violates the school's rule.
    #[error("the new password is weak: {0}")]
    WeakPassword(#[from] WeakPassword),
    /// The old password was refused.
    #[error(transparent)]
    Fault(#[from] PasswordFault),
}

impl Passwords {
    /// Changes the password of the person that an identity is bound to. Of several concurrent
    /// changes the first wins, and the others' old password is then wrong. Ends the person's portal
    /// sessions, and the portal's lock: what strangers tried there is no longer in force.
    pub async fn change(
        &self,
        school: &School,
        student: &Student,
        old: SecretString,
        new: SecretString,
    ) -> Result<(), ChangeError> {
        let policy = &school.policy.password;
        // That of a slip must be changed, and here is where.
        let of_slip = self.people.get(student.person).await.map_err(PasswordFault::from)?;
        let of_slip = of_slip.is_some_and(|person| person.slip_until.is_some());
        if !policy.change_online && !of_slip {
            return Err(ChangeError::OfflineOnly);
        }
        policy.rule.check(&new, None)?;
        let proven = self.check(school, student, old).await?;
        let person = proven.person();
        // After verifying the old password: otherwise the response would reveal the default.
        let default = self.default_of(school, person).map_err(PasswordFault::from)?;
        policy.rule.check(&new, default.as_ref())?;
        let hash = self.for_holders.hash(new).await.map_err(PasswordFault::from)?;
        if self.replace(person, student, &hash).await? {
            Ok(())
        } else {
            Err(PasswordFault::Wrong.into())
        }
    }

    async fn replace(
        &self,
        person: &Person,
        student: &Student,
        hash: &str,
    ) -> Result<bool, PasswordFault> {
        let now = self.clock.now();
        let tried = self.at_portal(person)?;
        self.db
            .in_tx(async |tx| {
                let replaced = People::set_password(tx, person, hash, now).await?;
                if replaced {
                    sessions::password_changed(tx, student, now).await?;
                    Self::forget(tx, &tried).await?;
                }
                Ok(replaced)
            })
            .await
    }

    fn default_of(
        &self,
        school: &School,
        person: &Person,
    ) -> Result<Option<SecretString>, SealError> {
        person.default_password(school.policy.password.default, &self.sealer)
    }
}
