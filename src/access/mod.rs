//! Doors and library desks: a code is shown, and the door opens for who may pass.
//!
//! Invariant: using the code up, the decision, its entry in the log and the terminal's answer are one
//! transaction: under the lock of the person's row, or one statement that holds this row and is not
//! written unless all that was read before is as it was.
//! Invariant: nothing fails open: whatever cannot be decided is answered 503 and not stored, and what
//! the door does then is in its configuration, which knows no "open".
//! Invariant: an allocation is replaced as a whole: the row of its group in `door_allocation` says
//! which one holds.
//! Absent on purpose: student numbers. A library's desk gets a pseudonym.

pub mod allocation;
mod allocation_file;
mod at_once;
mod decide;
pub mod desk;
pub mod http;
pub mod listing;
pub mod log;
pub mod readers;
mod refusal;
mod request;
pub mod rights;
mod store;
mod under_lock;
pub mod upkeep;

pub use at_once::Passing;
pub use refusal::PassRefusal;
pub use request::DoorRequest;

use crate::{
    base::{
        clock::Clock,
        crypto::seal::{SealError, Sealer},
        db::{Authority, Db, DbError, TxError},
        lane::{LaneError, Lanes},
    },
    passcode::{CodePurpose, Codes, Scan, ScanOutcome, ScanPlace},
    schools::{Schools, policy::DoorCode},
    terminals::{
        CodeRead, DoorCall, LookedUp,
        seq::{AnswerKind, NumberedRequest, Seq, SeqCheck, SeqStep, StoredResponse},
    },
};
use readers::Readers;
use request::rules_of;
use std::{sync::Arc, time::Duration};

/// The tables whose rows carry a MAC.
pub const AUTHORITY: &[&Authority] = &[&store::authentic::RIGHT, &store::authentic::ALLOCATION];

/// Decides who may pass.
#[derive(Clone, Debug)]
pub struct Access {
    /// The database.
    pub db: Db,
    /// Looks codes up.
    pub codes: Codes,
    /// The schools with their policies.
    pub schools: Arc<Schools>,
    /// Opens names, to show them masked.
    pub names: Sealer,
    /// The pseudonyms of libraries' readers.
    pub readers: Readers,
    /// The lanes in which people pass without locks.
    pub passing: Lanes<Passing>,
    /// The source of the current time.
    pub clock: Arc<dyn Clock>,
}

/// Why a request of a door was not decided. The door does not open.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The terminal has read too many wrong codes.
    #[error("the terminal must wait")]
    Slowed {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The sequence number was used for another request.
    #[error("the sequence number was used for another request")]
    Conflict,
    /// The nonce was used with another signature.
    #[error("the nonce was used before")]
    NonceReused,
    /// The terminal was withdrawn meanwhile.
    #[error("the terminal was withdrawn")]
    Withdrawn,
    /// The request waited too long.
    #[error("the code was read too long ago")]
    Late,
    /// No lane answered in time, or the server is stopping.
    #[error("no lane has answered")]
    Unanswered,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A name could not be decrypted.
    #[error("a name could not be decrypted: {0}")]
    Sealed(#[from] SealError),
    /// The answer could not be serialized.
    #[error("an answer could not be serialized: {0}")]
    Answer(#[from] serde_json::Error),
}

impl TxError for AccessError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Slowed { .. }
            | Self::Conflict
            | Self::NonceReused
            | Self::Withdrawn
            | Self::Late
            | Self::Unanswered
            | Self::Sealed(_)
            | Self::Answer(_) => None,
        }
    }
}

impl From<LaneError<Self>> for AccessError {
    fn from(why: LaneError<Self>) -> Self {
        match why {
            LaneError::Failed(error) => error,
            LaneError::Unavailable | LaneError::Ended => Self::Unanswered,
        }
    }
}

impl Access {
    /// Decides whether a door opens for the code that it read, or returns what was decided before under
    /// this number.
    pub async fn decide(
        &self,
        door: &DoorCall,
        seq: Seq,
        code: &str,
    ) -> Result<StoredResponse, AccessError> {
        let (call, now) = (door.call(), self.clock.now());
        let school = self.schools.require(call.terminal.school).await?;
        let content = call.signed.body_digest();
        let asked = NumberedRequest::of(call, seq, SeqStep::Act, AnswerKind::Access, &content);
        let accepts: Vec<CodePurpose> =
            rules_of(&school, &call.terminal).accepts.iter().copied().map(purpose_of).collect();
        let place = ScanPlace {
            school: school.id,
            terminal: call.terminal.id.uuid(),
            accepts: &accepts,
            prefixes: &school.policy.passcode.prefixes,
        };
        let read = CodeRead { place, asked: &asked, text: code };
        let scan = match read.look_up(&self.codes, &self.db, now).await? {
            // Whether it is used here is decided by the database: this may be another reading.
            LookedUp::Found(ScanOutcome::UsedBefore(shown)) => Scan::Good(shown),
            LookedUp::Found(ScanOutcome::Slowed { retry_after }) => {
                return self.kept_or_slowed(&asked, retry_after).await;
            }
            LookedUp::Found(found) => {
                Scan::of(found).map_err(|retry_after| AccessError::Slowed { retry_after })?
            }
            LookedUp::Before(SeqCheck::Repeat(answer)) => return Ok(answer),
            LookedUp::Before(SeqCheck::NonceReused) => return Err(AccessError::NonceReused),
            LookedUp::Before(SeqCheck::Conflict | SeqCheck::First) => {
                return Err(AccessError::Conflict);
            }
        };
        let terminal = Arc::clone(&call.terminal);
        let read_at = call.arrived_at;
        self.decide_request(DoorRequest { asked, school, terminal, scan, read_at }).await
    }

    async fn decide_request(&self, door: DoorRequest) -> Result<StoredResponse, AccessError> {
        let usual = self.db.has_row_locks() && door.may_be_usual();
        let passed = if usual { self.passing.submit(door.clone()).await? } else { None };
        match passed {
            Some(answer) => Ok(answer),
            None => self.decide_under_lock(&door).await,
        }
    }

    /// A terminal that must wait still gets stored answers.
    async fn kept_or_slowed(
        &self,
        asked: &NumberedRequest,
        retry_after: Duration,
    ) -> Result<StoredResponse, AccessError> {
        match CodeRead::kept(&self.db, asked).await? {
            SeqCheck::First => Err(AccessError::Slowed { retry_after }),
            SeqCheck::Repeat(answer) => Ok(answer),
            SeqCheck::Conflict => Err(AccessError::Conflict),
            SeqCheck::NonceReused => Err(AccessError::NonceReused),
        }
    }
}

const fn purpose_of(code: DoorCode) -> CodePurpose {
    match code {
        DoorCode::Identity => CodePurpose::Id,
        DoorCode::Payment => CodePurpose::Pay,
    }
}
