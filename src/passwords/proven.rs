//! What a verified password is worth once a transaction acts on it.

use super::{PasswordFault, PasswordKind};
use crate::{
    base::{clock::Timestamp, db::Tx},
    schools::{People, Person},
    sessions::{self, Student},
};

/// A person whose password was verified a moment ago, outside any transaction. The password may
/// have been changed since, and the person may have left: the transaction that acts on it calls
/// [`hold`](Self::hold).
#[derive(Clone, Debug)]
pub struct Proven {
    person: Person,
    kind: PasswordKind,
}

impl Proven {
    pub(super) const fn new(person: Person, kind: PasswordKind) -> Self {
        Self { person, kind }
    }

    /// The person as they were when the password was verified.
    pub const fn person(&self) -> &Person {
        &self.person
    }

    /// Locks the person's row until the transaction ends and returns the person as they are now.
    /// [`PasswordFault::Wrong`] if another password is in force by now.
    pub async fn hold(&self, tx: &Tx) -> Result<Person, PasswordFault> {
        let now = People::hold(tx, self.person.id).await?;
        if self.kind.hash_of(&now) == self.kind.hash_of(&self.person) {
            Ok(now)
        } else {
            Err(PasswordFault::Wrong)
        }
    }

    /// Like [`hold`](Self::hold) for somebody who binds or signs in: refuses also a person who no longer belongs
    /// to the school, and uses a slip up, which is good once.
    pub async fn hold_member(&self, tx: &Tx, at: Timestamp) -> Result<Person, PasswordFault> {
        let mut now = self.hold(tx).await?;
        if !now.standing().holds_on(at.day()) {
            return Err(PasswordFault::Wrong);
        }
        if let (PasswordKind::Query, Some(until)) = (self.kind, now.slip_until) {
            if at >= until || !People::use_slip(tx, &now, at).await? {
                return Err(PasswordFault::Wrong);
            }
            now.slip_used = true;
        }
        Ok(now)
    }
}

/// Locks the person and the binding of a student who acts until the transaction ends, and returns the
/// person as they are now; `None` if the binding has ended. With a password, it must be in force.
pub async fn hold_student(
    tx: &Tx,
    student: &Student,
    proven: Option<&Proven>,
) -> Result<Option<Person>, PasswordFault> {
    let person = match proven {
        Some(proven) => proven.hold(tx).await?,
        None => People::hold(tx, student.person).await?,
    };
    Ok(sessions::hold_binding(tx, student).await?.then_some(person))
}
