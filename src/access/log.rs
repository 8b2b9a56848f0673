//! The log of doors: who came to which door, when, and whether it opened.

pub use super::store::ending::end;
pub use super::store::log::write_of;
pub(super) use super::store::log::{add, reads, reads_question};

use crate::{
    base::{
        clock::Timestamp,
        ids::{PersonId, SchoolId},
    },
    passcode::ShownCode,
};
use uuid::Uuid;

crate::uuid_id! {
    /// An entry of the log of doors.
    AccessEntryId
}

/// How somebody asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessWay {
    /// A code was shown to a door or a desk.
    Code,
    /// A lock was opened from a phone.
    Phone,
}

impl AccessWay {
    /// As stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Phone => "phone",
        }
    }

    /// As stored.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Code, Self::Phone].into_iter().find(|way| way.code() == code)
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DoorDecision {
    /// It opened.
    Open,
    /// It stayed closed.
    Refuse,
    /// A lock did not answer.
    Unknown,
}

impl DoorDecision {
    /// As stored.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Refuse => "refuse",
            Self::Unknown => "unknown",
        }
    }

    /// As stored.
    pub fn from_code(code: &str) -> Option<Self> {
        let all = [Self::Open, Self::Refuse, Self::Unknown];
        all.into_iter().find(|decision| decision.code() == code)
    }
}

/// An entry to add, in the transaction that decides.
#[derive(Clone, Debug)]
pub struct AccessEntry {
    /// The id: entries are listed in its order.
    pub id: AccessEntryId,
    /// The school.
    pub school: SchoolId,
    /// Who came.
    pub person: PersonId,
    /// The group of the door; empty for none.
    pub group: String,
    /// How they asked.
    pub way: AccessWay,
    /// The terminal that read the code, or the lock.
    pub place: Uuid,
    /// What came of it.
    pub decision: DoorDecision,
    /// Why it stayed closed; empty where it opened.
    pub reason: &'static str,
    /// The code that was shown.
    pub shown: Option<ShownCode>,
    /// When.
    pub at: Timestamp,
}

/// An earlier reading of a code at one door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LoggedRead {
    pub(super) at: Timestamp,
    pub(super) decision: DoorDecision,
    pub(super) reason: String,
}

/// An entry as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedAccess {
    /// The id.
    pub id: AccessEntryId,
    /// When.
    pub at: Timestamp,
    /// Who came.
    pub person: PersonId,
    /// The group of the door; empty for none.
    pub group: String,
    /// How they asked.
    pub way: AccessWay,
    /// The terminal or the lock.
    pub place: Uuid,
    /// What came of it.
    pub decision: DoorDecision,
    /// Why it stayed closed; empty where it opened.
    pub reason: String,
}
