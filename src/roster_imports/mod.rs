//! Rosters that members of staff upload: each is checked, and imported when somebody says so.
//!
//! Invariant: a file is kept sealed, and neither it nor a field of it but a student number is kept in clear.
//! Invariant: at most one check or import of a school runs; the database holds them apart.
//! Invariant: a step is done part by part, each kept in the transaction that did it, by whom the job is leased
//! to: a server that dies leaves a job that another one goes on with, and no row is counted twice.
//! Invariant: who started an import held the right in the transaction that started it, and the row says so
//! under a MAC: nothing is written on behalf of a forged one.
//! Absent on purpose: rules about rows. `schools::roster` decides, for the check as for the import.

mod desk;
mod file;
mod http;
mod reasons;
mod store;
mod upkeep;
mod upload;
mod work;

pub use file::refusal_file;
pub use reasons::{column_in_words, fault_in_words, reason_in_words};
pub use upload::RosterUpload;

use crate::{
    base::{
        clock::{Clock, Timestamp},
        crypto::seal::SealError,
        db::{Authority, Db, DbError, TxError},
        ids::SchoolId,
    },
    schools::{PersonKeys, roster::RosterExample},
    staff_accounts::StaffRefusal,
    stored_files::{FileError, FileId, StoredFiles},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

crate::uuid_id! {
    /// A roster that somebody uploaded.
    RosterJobId
}

/// The tables whose rows carry a MAC.
pub const AUTHORITY: &[&Authority] = &[&store::JOB];

/// The largest roster: 250,000 people and more.
pub const MAX_ROSTER_BYTES: u64 = 32 * 1024 * 1024;
/// How long a roster that was uploaded may be imported.
const STARTABLE: Duration = Duration::from_hours(24);
/// How long its file is kept: an import that was started at the last moment has hours for it.
const FILE_KEPT: Duration = Duration::from_hours(30);

/// What members of staff do about rosters.
#[derive(Clone, Debug)]
pub struct RosterDesk {
    /// The database.
    pub db: Db,
    /// Keeps the files.
    pub files: StoredFiles,
    /// The keys of personal data.
    pub keys: PersonKeys,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Wakes the job after a commit that made something due.
    pub wake: Arc<Notify>,
}

/// How far a roster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RosterState {
    /// It is being checked.
    Checking,
    /// It was checked, and nobody has started the import.
    Checked,
    /// It is being imported.
    Importing,
    /// It was imported.
    Done,
    /// It is no roster, or could not be worked at.
    Failed,
}

impl RosterState {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Checking, Self::Checked, Self::Importing, Self::Done, Self::Failed];

    /// The name in storage and on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Checked => "checked",
            Self::Importing => "importing",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// The state of a name.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// Whether a server works at it.
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Checking | Self::Importing)
    }
}

/// How many rows of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RosterCounts {
    /// People added.
    pub added: u64,
    /// People changed.
    pub changed: u64,
    /// People who stay as they are.
    pub unchanged: u64,
    /// Rows refused.
    pub refused: u64,
}

/// Who did it, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterStarter {
    /// The login.
    pub login: String,
    /// 工号.
    pub staff_no: String,
    /// When.
    pub at: Timestamp,
}

/// A roster that somebody uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterJob {
    /// The id.
    pub id: RosterJobId,
    /// The school.
    pub school: SchoolId,
    /// Who uploaded it, and when.
    pub uploaded: RosterStarter,
    /// What the file is called.
    pub file_name: String,
    /// Its size.
    pub file_bytes: u64,
    /// From then on it cannot be started.
    pub expires_at: Timestamp,
    /// How far it is.
    pub state: RosterState,
    /// Why it failed: see [`fault_in_words`].
    pub fault: Option<String>,
    /// The rows of the file; 0 until they were counted.
    pub rows_total: u64,
    /// How many of them the present step has done.
    pub rows_done: u64,
    /// What the check said, as far as it is.
    pub checked: RosterCounts,
    /// What the import did, as far as it is.
    pub imported: RosterCounts,
    /// When the check ended.
    pub checked_at: Option<Timestamp>,
    /// Who started the import.
    pub started: Option<RosterStarter>,
    /// When the import ended.
    pub ended_at: Option<Timestamp>,
    /// Whether its refused rows are still kept.
    pub has_refusals: bool,
    file: FileId,
    examples: Option<Vec<u8>>,
}

impl RosterJob {
    /// Whether the import can be started at `now`.
    pub fn can_start(&self, now: Timestamp) -> bool {
        self.state == RosterState::Checked && now < self.expires_at
    }

    /// The subject of its entries in the audit log.
    pub fn subject(&self) -> String {
        format!("roster {}", self.id)
    }
}

/// A roster with what a member of staff needs to decide about it.
#[derive(Clone, Debug)]
pub struct RosterDetail {
    /// The roster.
    pub job: RosterJob,
    /// The first refused rows of the present step.
    pub refused: Vec<crate::schools::roster::RefusedRow>,
    /// Some of the people who change; of the check.
    pub examples: Vec<RosterExample>,
}

/// Why something about rosters was refused.
#[derive(Debug, thiserror::Error)]
pub enum RosterDeskError {
    /// The school has no such roster.
    #[error("no such roster")]
    NotFound,
    /// Larger than [`MAX_ROSTER_BYTES`].
    #[error("the roster is larger than {MAX_ROSTER_BYTES} bytes")]
    TooLarge,
    /// A check or an import of the school is running.
    #[error("another roster of the school is being worked at")]
    Running(RosterJobId),
    /// It is not one that waits to be started; as it is now.
    #[error("the roster does not wait for a start")]
    NotStartable(Box<RosterJob>),
    /// It was uploaded too long ago.
    #[error("the roster has expired")]
    Expired,
    /// Its refused rows are not kept any more.
    #[error("the refused rows are deleted")]
    RefusalsGone,
    /// Not allowed.
    #[error(transparent)]
    Right(#[from] StaffRefusal),
    /// The file could not be stored or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// An example could not be opened.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for RosterDeskError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::File(error) => error.db(),
            Self::NotFound
            | Self::TooLarge
            | Self::Running(_)
            | Self::NotStartable(_)
            | Self::Expired
            | Self::RefusalsGone
            | Self::Right(_)
            | Self::Sealed(_) => None,
        }
    }
}
