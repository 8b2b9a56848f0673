//! What happened to a person, kept so that their clients hear of it: each once, in order, none
//! missed.
//!
//! Invariant: a person's events are numbered 1, 2, 3 … without a gap. A number is one more than the
//! highest that its transaction can see, and a key makes it unique, so whoever gets number 7 got it
//! after 6 was committed: a reader who has seen 7 has nothing below it still to come. Ids and
//! instants do not have this; concurrent transactions commit in another order than they drew them.
//! Whoever holds the person's lock never meets the key; others may, and run again.
//! Invariant: events commit with what they tell of.
//! Invariant: a person's newest event is never deleted: the next number comes from it.
//! Absent on purpose: a number across persons, which would let one commit at a time.

mod store;
mod upkeep;

pub use store::write_of;
pub use upkeep::{forget_now, forget_old};

use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Tx},
    ids::{PersonId, SchoolId},
    money::{Balance, Fen},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How far somebody has heard of a person's events: the number of the last one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(i64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// As stored, and as clients name it.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// For storage.
    pub const fn number(self) -> i64 {
        self.0
    }
}

/// A code was used at a till.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CodeUsed {
    /// The charge.
    pub charge_id: Uuid,
    /// What was paid.
    #[schema(value_type = i64)]
    pub amount_fen: Fen,
    /// To whom.
    pub merchant_name: String,
    /// What is left of 卡余额, 过渡余额 and 电子账户 together.
    #[schema(value_type = i64)]
    pub balance_fen: Balance,
    /// `pay` or `id`.
    pub purpose: String,
    /// Which enrolment's code it was.
    pub generation: u32,
    /// In which step it was made.
    pub tick: u64,
    /// Its number within the step.
    pub sub: u8,
}

/// A code was used up at a till, and nothing was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CodeRefused {
    /// The code of the problem that the till was told: `limit_meal`; `password_required` where the
    /// till waits for a password.
    pub reason: String,
    /// What was to be paid.
    #[schema(value_type = i64)]
    pub amount_fen: Fen,
    /// To whom.
    pub merchant_name: String,
    /// `pay` or `id`.
    pub purpose: String,
    /// Which enrolment's code it was.
    pub generation: u32,
    /// In which step it was made.
    pub tick: u64,
    /// Its number within the step.
    pub sub: u8,
}

/// An order is in another state now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrderChanged {
    /// The order.
    pub order_id: Uuid,
    /// As `GET /api/v1/orders/{id}` names it.
    pub state: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happening {
    /// A code was used at a till.
    CodeUsed(CodeUsed),
    /// A code was used up at a till, and nothing was paid.
    CodeRefused(CodeRefused),
    /// An order is in another state now.
    OrderChanged(OrderChanged),
}

impl Happening {
    /// Its `kind`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::CodeUsed(_) => "code_used",
            Self::CodeRefused(_) => "code_refused",
            Self::OrderChanged(_) => "order_changed",
        }
    }
}

/// Something to tell.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The person's school.
    pub school: SchoolId,
    /// Whose clients hear it.
    pub person: PersonId,
    /// What.
    pub what: Happening,
    /// When.
    pub at: Timestamp,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number among the person's.
    pub number: Position,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
}

/// Adds events, several of one person in the order given, at most 1,000: one statement. A unique violation means
/// that somebody without the person's lock added one meanwhile; the transaction may run again.
pub async fn add(tx: &Tx, new: &[NewEvent]) -> Result<(), DbError> {
    tx.write_all(vec![write_of(new)?]).await
}

/// The first `most` events of a person after a position, oldest first.
pub async fn after(
    db: &Db,
    person: PersonId,
    position: Position,
    most: u64,
) -> Result<Vec<Event>, DbError> {
    store::after(db, person, position, most).await
}

/// Where each person's events end now. Who has none is missing from the answer.
pub async fn ends(db: &Db, persons: &[PersonId]) -> Result<Vec<(PersonId, Position)>, DbError> {
    store::ends(db, persons).await
}
