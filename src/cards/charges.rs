//! Charges: each act of a till that took money, and whether it was taken back.

pub use super::store::{find, spent, spent_question, write_of, write_of_reversal};

use super::Drawn;
use crate::{
    base::{
        clock::Timestamp,
        ids::{PersonId, SchoolId},
    },
    schools::policy::Meal,
};
use uuid::Uuid;

crate::uuid_id! {
    /// A charge.
    ChargeId
}

/// Which act it was: a terminal's row and the number that the terminal gave.
pub type Act = (Uuid, i64);

/// Money that a till took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// What it is called outside.
    pub id: ChargeId,
    /// Whose act it was: one charge for each.
    pub act: Act,
    /// Where.
    pub school: SchoolId,
    /// Whose money.
    pub person: PersonId,
    /// The merchant's row.
    pub merchant: Uuid,
    /// Which limit it counts against, of the day of `at`.
    pub meal: Meal,
    /// How much, and from where.
    pub drawn: Drawn,
    /// When.
    pub at: Timestamp,
    /// When it was taken back.
    pub reversed_at: Option<Timestamp>,
}
