//! What a student's devices are given: keys to compute codes with, or codes.
//!
//! Invariant: keys leave once, at an enrolment; a phone that lost them enrols again.
//! Invariant: a phone that is new to a person needs the query password, and the person is told.
//! Invariant: nothing is enrolled for a binding that has ended.
//! Absent on purpose: what codes are good for. Tills and doors ask `passcode`.

mod enrolling;
pub mod http;
mod issuing;

use crate::{
    base::{
        clock::Clock,
        db::{Db, DbError},
    },
    passcode::{Channel, Codes, Owner},
    passwords::{PasswordFault, Passwords},
    schools::{School, Schools},
    sessions::Student,
};
use std::sync::Arc;

pub use enrolling::{EnrolmentRequest, PhoneKeys, PurposeKeys};

/// What the journey owns.
#[derive(Clone, Debug)]
pub struct Devices {
    /// Devices and bindings.
    pub db: Db,
    /// Codes.
    pub codes: Codes,
    /// Policies.
    pub schools: Arc<Schools>,
    /// Query passwords.
    pub passwords: Passwords,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

/// Why no keys, or no code, were given.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// Codes are not shown on this platform.
    #[error("no codes on this platform")]
    NotOffered,
    /// The device is new to the person: the query password is needed.
    #[error("the query password is needed")]
    PasswordRequired,
    /// The binding has ended meanwhile.
    #[error("no longer bound")]
    NotBound,
    /// All codes of the step were given out.
    #[error("all codes of this step were given out")]
    UsedUp {
        /// When the next step begins.
        retry_after: std::time::Duration,
    },
    /// The system has no randomness, or a key is missing.
    #[error("no code can be made: {0}")]
    NoCode(&'static str),
    /// The password.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Devices {
    /// Whose devices they are, and by which rules.
    async fn owner(&self, student: &Student) -> Result<(Owner, Arc<School>), DeviceError> {
        let channel = Channel::of(student.user.platform).ok_or(DeviceError::NotOffered)?;
        let school = self.schools.require(student.school).await?;
        Ok((Owner { person: student.person, school: school.id, channel }, school))
    }
}
