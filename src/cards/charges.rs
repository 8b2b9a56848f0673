//! Charges: one for each till transaction that took money, with its reversal.

pub use super::store::{
    count_by_school, find, find_all, latest_at, page_after, spent, spent_question, taken, write_of,
    write_of_reversal,
};

use super::Drawn;
use crate::{
    base::{
        clock::Timestamp,
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    schools::policy::Meal,
};
use uuid::Uuid;

crate::uuid_id! {
    /// A charge.
    ChargeId
}

/// The key of a till transaction: the terminal's row and the terminal's sequence number.
pub type Act = (Uuid, i64);

/// What a terminal took for a merchant on a day, less what was reversed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The terminal's row.
    pub terminal: Uuid,
    /// The merchant's row.
    pub merchant: Uuid,
    /// How many charges.
    pub charges: u64,
    /// What they come to.
    pub amount: Fen,
}

/// A charge made by a till.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The public id.
    pub id: ChargeId,
    /// The till transaction; unique.
    pub act: Act,
    /// The school.
    pub school: SchoolId,
    /// The person who paid.
    pub person: PersonId,
    /// The merchant's row.
    pub merchant: Uuid,
    /// The meal whose limit it counts against, on the day of `at`.
    pub meal: Meal,
    /// The amount, and the accounts it was drawn from.
    pub drawn: Drawn,
    /// When the charge was made.
    pub at: Timestamp,
    /// When the charge was reversed, if it was.
    pub reversed_at: Option<Timestamp>,
}
