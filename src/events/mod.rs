//! Events of a person, stored for the person's clients: each delivered once, in order, without
//! gaps.
//!
//! Invariant: a person's events are numbered 1, 2, 3 … without gaps. A new number is one more than
//! the highest visible to its transaction, and a unique key refuses duplicates, so event 7 is only
//! written after event 6 was committed: a reader who has seen 7 will find nothing new below it. Ids
//! and timestamps do not guarantee this, because concurrent transactions commit in any order.
//! Writers that hold the person's lock never violate the key; others may, and retry.
//! Invariant: events are committed together with the change they report.
//! Invariant: a person's newest event is never deleted, since the next number is derived from it.
//! Absent on purpose: numbering across persons, which would serialise all commits.

mod store;
mod upkeep;

pub use store::write_of;
pub use upkeep::{delete_old, delete_old_now};

use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Tx},
    ids::{PersonId, SchoolId},
    money::{Balance, Fen},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A position in a person's events: the number of the last event read.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(i64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// From the number, as stored and as sent by clients.
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
    /// The amount paid.
    #[schema(value_type = i64)]
    pub amount_fen: Fen,
    /// The merchant.
    pub merchant_name: String,
    /// The remaining total of 卡余额, 过渡余额 and 电子账户.
    #[schema(value_type = i64)]
    pub balance_fen: Balance,
    /// `pay` or `id`.
    pub purpose: String,
    /// The enrolment of the device that showed the code.
    pub generation: u32,
    /// The step in which the code was shown.
    pub tick: u64,
    /// Its number within the step.
    pub sub: u8,
}

/// A code was used at a till, but nothing was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CodeRefused {
    /// The problem code sent to the till, such as `limit_meal`; `password_required` while the till
    /// waits for a password.
    pub reason: String,
    /// The amount that was asked for.
    #[schema(value_type = i64)]
    pub amount_fen: Fen,
    /// The merchant.
    pub merchant_name: String,
    /// `pay` or `id`.
    pub purpose: String,
    /// The enrolment of the device that showed the code.
    pub generation: u32,
    /// The step in which the code was shown.
    pub tick: u64,
    /// Its number within the step.
    pub sub: u8,
}

/// A till gave back what a code had paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChargeReversed {
    /// The charge, as in [`CodeUsed`].
    pub charge_id: Uuid,
    /// The amount that came back.
    #[schema(value_type = i64)]
    pub amount_fen: Fen,
    /// The merchant at the time of the charge.
    pub merchant_name: String,
    /// The total of 卡余额, 过渡余额 and 电子账户 with it.
    #[schema(value_type = i64)]
    pub balance_fen: Balance,
}

/// A code was read at a door or a desk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DoorRead {
    /// `open` or `refuse`.
    pub decision: String,
    /// Why it was refused, such as `right_missing`.
    pub reason: Option<String>,
    /// The group of the door; empty for none.
    pub door_group: String,
    /// `pay` or `id`.
    pub purpose: String,
    /// The enrolment of the device that showed the code.
    pub generation: u32,
    /// The step in which the code was shown.
    pub tick: u64,
    /// Its number within the step.
    pub sub: u8,
}

/// The state of an order changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrderChanged {
    /// The order.
    pub order_id: Uuid,
    /// The new state, as in `GET /api/v1/orders/{id}`.
    pub state: String,
}

/// What a person had on a platform was ended by a member of staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EndedThere {
    /// `wechat`, `alipay` or `portal`.
    pub platform: String,
}

/// The content of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happening {
    /// A code was used at a till.
    CodeUsed(CodeUsed),
    /// A code was used at a till, but nothing was paid.
    CodeRefused(CodeRefused),
    /// A charge was reversed: what a code had paid came back.
    ChargeReversed(ChargeReversed),
    /// A code was read at a door or a desk, and is used up there.
    DoorRead(DoorRead),
    /// The state of an order changed.
    OrderChanged(OrderChanged),
    /// The card was reported lost: no code is accepted any more, unless the school stops cards alone.
    LossReported,
    /// The report was taken back.
    LossCancelled,
    /// A member of staff ended a binding: on that platform the card is no longer shown.
    BindingEnded(EndedThere),
    /// A member of staff ended a device: it shows no codes any more.
    DeviceEnded(EndedThere),
}

impl Happening {
    /// The value of `kind`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::CodeUsed(_) => "code_used",
            Self::CodeRefused(_) => "code_refused",
            Self::ChargeReversed(_) => "charge_reversed",
            Self::DoorRead(_) => "door_read",
            Self::OrderChanged(_) => "order_changed",
            Self::LossReported => "loss_reported",
            Self::LossCancelled => "loss_cancelled",
            Self::BindingEnded(_) => "binding_ended",
            Self::DeviceEnded(_) => "device_ended",
        }
    }
}

/// An event to add.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The person's school.
    pub school: SchoolId,
    /// The person whose clients receive it.
    pub person: PersonId,
    /// The content.
    pub what: Happening,
    /// When.
    pub at: Timestamp,
}

/// A stored event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number among the person's events.
    pub number: Position,
    /// When.
    pub at: Timestamp,
    /// The content.
    pub what: Happening,
}

/// Adds at most 1,000 events in one statement; events of one person keep their order. A unique
/// violation means that a writer without the person's lock added an event concurrently; the
/// transaction may be retried.
pub async fn add(tx: &Tx, new: &[NewEvent]) -> Result<(), DbError> {
    tx.write_all(vec![write_of(new)?]).await
}

/// The first `most` events of a person after a position, in order.
pub async fn after(
    db: &Db,
    person: PersonId,
    position: Position,
    most: u64,
) -> Result<Vec<Event>, DbError> {
    store::after(db, person, position, most).await
}

/// The position of each person's last event. Persons without events are omitted.
pub async fn ends(db: &Db, persons: &[PersonId]) -> Result<Vec<(PersonId, Position)>, DbError> {
    store::ends(db, persons).await
}
