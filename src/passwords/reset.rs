//! A query password that two members of staff give somebody who has forgotten theirs: on a slip.

use super::{PasswordFault, Passwords};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        crypto::{hasher::HasherError, password},
        db::Tx,
    },
    schools::{People, Person},
    sessions::{BoundTo, PersonBinding},
};
use secrecy::SecretString;
use std::time::Duration;

/// A password that is told once, on a slip. Only its hash is kept.
#[derive(Debug)]
pub struct PasswordSlip {
    /// Eight digits.
    pub password: SecretString,
    hash: String,
}

impl PasswordSlip {
    /// How long a slip is good.
    pub const LIFETIME: Duration = Duration::from_hours(24);
    /// How many digits it has. With the attempts that strangers have in a day, it is found once in some
    /// millions of days.
    const DIGITS: u32 = 8;
}

impl Passwords {
    /// A new slip, which is not in force yet.
    pub async fn slip(&self) -> Result<PasswordSlip, PasswordFault> {
        let digits = password::random_digits(PasswordSlip::DIGITS);
        let password = digits.map_err(HasherError::from)?;
        let hash = self.for_holders.hash(password.clone()).await?;
        Ok(PasswordSlip { password, hash })
    }

    /// Puts a slip in force in place of the person's password: their sessions end, their identities are told,
    /// and what was tried before counts no more. Returns until when it is good.
    pub async fn reset(
        &self,
        tx: &Tx,
        person: &Person,
        slip: &PasswordSlip,
        now: Timestamp,
    ) -> Result<Timestamp, PasswordFault> {
        let until = now.plus(PasswordSlip::LIFETIME);
        if !People::set_slip(tx, person, (&slip.hash, until), now).await? {
            return Err(PasswordFault::Wrong);
        }
        let of = BoundTo { person: person.id, school: person.school };
        let identities = PersonBinding::password_reset(tx, of, now).await?;
        let mut tried = self.at_doors(person)?;
        tried.extend(identities.iter().map(|identity| {
            self.subject(person.school, "try:holder", &format!("{identity}:{}", person.id))
        }));
        Self::forget(tx, &tried).await?;
        let entry = Entry {
            act: AuditAct::PasswordReset,
            school: Some(person.school),
            subject: format!("person {}", person.id),
            detail: String::new(),
        };
        audit::record(tx, &entry, now).await?;
        Ok(until)
    }
}
