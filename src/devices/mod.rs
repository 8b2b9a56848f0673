//! Devices of a student: enrolment of phones, and codes for clients that cannot compute them.
//!
//! Invariant: keys are sent once, at enrolment; a phone that lost them enrols again.
//! Invariant: enrolling a phone that is new to the person requires the query password and notifies
//! the person. Whether it is new is decided under its lock.
//! Invariant: enrolments are bounded in a day. Those without the password are counted apart, and
//! beyond the bound need it, so that a phone without it keeps no phone with it waiting.
//! Invariant: nothing is enrolled for a binding that has ended.
//! Absent on purpose: the use of codes. Tills and doors call `passcode`.

mod enrolling;
pub mod http;
mod issuing;

use crate::{
    base::{
        clock::Clock,
        db::{Db, DbError, TxError},
    },
    passcode::{Channel, Codes, Owner, Trust},
    passwords::{PasswordFault, Passwords},
    schools::{School, Schools},
    sessions::Student,
};
use std::sync::Arc;

pub use enrolling::{EnrolmentRequest, PhoneKeys, PurposeKeys};

/// The journey and its dependencies.
#[derive(Clone, Debug)]
pub struct Devices {
    /// The database of devices and bindings.
    pub db: Db,
    /// The rotating codes.
    pub codes: Codes,
    /// The schools and their policies.
    pub schools: Arc<Schools>,
    /// Query passwords.
    pub passwords: Passwords,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// Why no keys or no code were issued.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The platform shows no codes.
    #[error("codes are not available on this platform")]
    NotOffered,
    /// The device is new to the person, or was enrolled too often, so the query password is required.
    #[error("the query password is required")]
    PasswordRequired,
    /// The binding has ended.
    #[error("no longer bound")]
    NotBound,
    /// The card is reported lost, and codes stop with it.
    #[error("the card is reported lost")]
    Lost,
    /// All codes of the step were issued.
    #[error("all codes of this step were issued")]
    UsedUp {
        /// When the next step begins.
        retry_after: std::time::Duration,
    },
    /// The system provides no randomness, or a key is missing.
    #[error("no code can be issued: {0}")]
    NoCode(&'static str),
    /// Phones were enrolled too often.
    #[error("too many enrolments")]
    TooManyEnrolments {
        /// When the next one is possible.
        wait: std::time::Duration,
    },
    /// The password was refused.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for DeviceError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Password(fault) => fault.db(),
            Self::NotOffered
            | Self::PasswordRequired
            | Self::NotBound
            | Self::Lost
            | Self::UsedUp { .. }
            | Self::NoCode(_)
            | Self::TooManyEnrolments { .. } => None,
        }
    }
}

impl DeviceError {
    /// Why an enrolment was not counted.
    fn of_count(fault: PasswordFault, trust: Trust) -> Self {
        match (fault, trust) {
            (PasswordFault::TooManyTries { .. }, Trust::IfKnown) => Self::PasswordRequired,
            (PasswordFault::TooManyTries { wait }, Trust::Proven) => {
                Self::TooManyEnrolments { wait }
            }
            (fault, _) => Self::Password(fault),
        }
    }
}

impl Devices {
    /// The owner of the student's devices, and the school.
    async fn owner(&self, student: &Student) -> Result<(Owner, Arc<School>), DeviceError> {
        let channel = Channel::of(student.user.platform).ok_or(DeviceError::NotOffered)?;
        let school = self.schools.require(student.school).await?;
        Ok((Owner { person: student.person, school: school.id, channel }, school))
    }
}
