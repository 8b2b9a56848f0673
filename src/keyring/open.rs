//! Opening a door: decided, recorded, and only then asked of the lock.

use super::{
    DoorId, DoorKeys, LockAnswer, LockRefusal, OpenOrder, Opening, OpeningId, OpeningState,
    lock::LockId,
    opening::{OPEN_WITHIN, OpeningRefusal},
    pass,
    store::{locks, openings},
};
use crate::{
    base::{
        clock::{Clock, Timestamp},
        db::{DbError, Source, Tx, TxError},
        http::IdempotencyKey,
    },
    passwords::{self, PasswordFault},
    schools::School,
    sessions::Student,
};
use std::time::Duration;

/// The time in which attempts of one person are counted.
const COUNTED: Duration = Duration::from_mins(1);
/// The most attempts in that time.
const MOST: usize = 10;

/// An attempt begins so soon after its request arrived, or not at all. Shorter than [`OPEN_WITHIN`]: the
/// lock must still be asked.
const BEGUN_WITHIN: Duration = Duration::from_secs(10);

/// Why nothing was attempted.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The school has no locks that open from the phone.
    #[error("the school has no such locks")]
    NotOffered,
    /// The school has no such door.
    #[error("no such door")]
    NoSuchDoor,
    /// The person made no such attempt.
    #[error("no such attempt")]
    NoSuchOpening,
    /// The lock may still open for an attempt of the same person.
    #[error("an attempt at this door is under way")]
    UnderWay(Duration),
    /// Too many attempts.
    #[error("too many attempts")]
    TooMany(Duration),
    /// The binding has ended.
    #[error("no longer bound")]
    NotBound,
    /// The request waited too long: nobody may be standing at the door any more.
    #[error("the request has waited too long")]
    Late,
    /// The binding could not be held.
    #[error(transparent)]
    Binding(#[from] PasswordFault),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for OpenError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Binding(fault) => fault.db(),
            Self::NotOffered
            | Self::NoSuchDoor
            | Self::NoSuchOpening
            | Self::UnderWay(_)
            | Self::TooMany(_)
            | Self::NotBound
            | Self::Late => None,
        }
    }
}

/// What the transaction found or recorded.
enum Begun {
    /// Decided before, or refused without asking the lock.
    Known(Opening),
    /// To be asked of the lock.
    Order(Opening, LockId),
}

/// Who wants to pass which door.
struct Wish<'a> {
    student: &'a Student,
    school: &'a School,
    door: DoorId,
    key: &'a IdempotencyKey,
    /// When the request arrived.
    asked_at: Timestamp,
}

impl DoorKeys {
    /// Opens a door for a student. The same key gives the attempt that it began, as it stands now.
    pub async fn open(
        &self,
        student: &Student,
        door: DoorId,
        (key, asked_at): (&IdempotencyKey, Timestamp),
    ) -> Result<Opening, OpenError> {
        let school = self.schools.require(student.school).await?;
        let vendor = self.vendors.of(&school.code).ok_or(OpenError::NotOffered)?;
        let wish = Wish { student, school: &school, door, key, asked_at };
        let clock = &*self.clock;
        let (opening, lock) = match self.db.in_tx(async |tx| wish.begin(tx, clock).await).await? {
            Begun::Known(opening) => return Ok(opening),
            Begun::Order(opening, lock) => (opening, lock),
        };
        // The commit may have been waited for. The lock is not asked to open for nobody.
        if self.clock.now() >= opening.open_until {
            return self.record(opening, LockAnswer::Refused(LockRefusal::TooLate)).await;
        }
        let order = OpenOrder { id: opening.id, lock: &lock, until: opening.open_until };
        let answer = vendor.open(order).await;
        self.record(opening, answer).await
    }

    /// Records what an adapter said of an attempt, and returns the attempt as it stands then.
    pub(super) async fn record(
        &self,
        opening: Opening,
        answer: LockAnswer,
    ) -> Result<Opening, OpenError> {
        let now = self.clock.now();
        let Some(state) = opening.after(answer, now) else { return Ok(opening) };
        let ended = self
            .db
            .in_tx(async |tx| {
                let ended = openings::end(tx, opening.id, state, now).await?;
                if ended {
                    pass::log_end(tx, opening.id, state).await?;
                }
                Ok::<_, DbError>(ended)
            })
            .await?;
        if ended {
            return Ok(Opening { state, ..opening });
        }
        let found = openings::opening(Source::Db(&self.db), opening.person, opening.id).await?;
        found.ok_or(OpenError::NoSuchOpening)
    }
}

impl Wish<'_> {
    /// Decides under the person's lock, by the time at which it is held, and records the attempt.
    async fn begin(&self, tx: &Tx, clock: &dyn Clock) -> Result<Begun, OpenError> {
        let Self { student, school, door, key, asked_at } = *self;
        let person = passwords::hold_student(tx, student, None).await?;
        let person = person.ok_or(OpenError::NotBound)?;
        let now = clock.now();
        if let Some(known) = openings::by_key(tx, person.id, door, key.as_str()).await? {
            return Ok(Begun::Known(known));
        }
        if now.distance(asked_at) > BEGUN_WITHIN {
            return Err(OpenError::Late);
        }
        let lock = locks::lock(Source::Tx(tx), school.id, door).await?;
        let lock = lock.ok_or(OpenError::NoSuchDoor)?;
        let recent = openings::since(tx, person.id, now.minus(COUNTED), MOST).await?;
        check_pace(&recent, now)?;
        let refusal = pass::refusal(tx, school, &person, &lock, now).await?;
        if refusal.is_none() {
            self.check_under_way(&recent, now)?;
        }
        let opening = self.opening(refusal.map(OpeningRefusal::Person), now);
        openings::insert(tx, &opening, key.as_str()).await?;
        pass::log(tx, &opening, &lock).await?;
        Ok(match refusal {
            Some(_) => Begun::Known(opening),
            None => Begun::Order(opening, lock.lock),
        })
    }

    fn opening(&self, refusal: Option<OpeningRefusal>, now: Timestamp) -> Opening {
        Opening {
            id: OpeningId::new(now),
            school: self.student.school,
            person: self.student.person,
            door: self.door,
            state: refusal.map_or(OpeningState::Unknown, OpeningState::Refused),
            created_at: now,
            open_until: self.asked_at.plus(OPEN_WITHIN),
            tries: 0,
        }
    }

    /// Keeps a door from being asked twice while it may open.
    fn check_under_way(&self, recent: &[Opening], now: Timestamp) -> Result<(), OpenError> {
        let may_open = recent.iter().find(|opening| {
            let same = opening.door == self.door && opening.state == OpeningState::Unknown;
            same && now <= opening.open_until
        });
        may_open
            .map_or(Ok(()), |opening| Err(OpenError::UnderWay(opening.open_until.distance(now))))
    }
}

/// Bounds how often a person may try.
fn check_pace(recent: &[Opening], now: Timestamp) -> Result<(), OpenError> {
    match recent.get(MOST - 1) {
        Some(oldest) => Err(OpenError::TooMany(oldest.created_at.plus(COUNTED).distance(now))),
        None => Ok(()),
    }
}
