//! What a person's spendable money did: one line for each transfer that changed its total.
//!
//! Invariant: the lines of all time add up to the total of the person's balances. What moves
//! between two spendable accounts of one person changes nothing and has no line.
//! Absent on purpose: the balance after each line. Transfers of one instant have no order among
//! themselves, so that there is no true one.

use super::{store, transfer::TransferId};
use crate::base::{
    clock::{Day, Timestamp},
    db::{DbError, Source},
    ids::{PersonId, SchoolId, first_uuid_at},
    money::{Balance, Fen},
};
use uuid::Uuid;

/// A transfer as the person's money saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The transfer; lines are in the order of their ids.
    pub id: TransferId,
    /// When it was posted.
    pub at: Timestamp,
    /// The outside fact that it records.
    pub reference: String,
    /// How the total changed: above zero for money that came, never zero.
    pub amount: Balance,
    /// Path of the account on the other side. Where there are several: the first by name.
    pub other: String,
}

/// Lines of one sort: by the other side, and by whether money came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// A pattern of SQL's `LIKE` over the other side's path, a constant: `clearing/%`.
    pub other: &'static str,
    /// True for what came, false for what went.
    pub incoming: bool,
}

/// Whose lines, of which time.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The school.
    pub school: SchoolId,
    /// The person.
    pub person: PersonId,
    /// Ids of transfers start here.
    pub(super) from: Uuid,
    /// Ids of transfers end before this one.
    pub(super) until: Uuid,
}

impl Span {
    /// All lines of a person.
    pub const fn of(school: SchoolId, person: PersonId) -> Self {
        Self { school, person, from: Uuid::nil(), until: Uuid::max() }
    }

    /// Those that were posted on `first` or later.
    #[must_use]
    pub fn from_day(self, first: Day) -> Self {
        Self { from: self.from.max(first_uuid_at(first.start())), ..self }
    }

    /// Those that were posted on `last` or earlier.
    #[must_use]
    pub fn to_day(self, last: Day) -> Self {
        Self { until: self.until.min(first_uuid_at(last.next().start())), ..self }
    }

    /// Those below a line.
    #[must_use]
    pub fn below(self, line: TransferId) -> Self {
        Self { until: self.until.min(line.uuid()), ..self }
    }
}

/// The newest lines of a span, at most `limit`; of these sorts only, unless all are wanted.
pub async fn lines(
    source: impl Into<Source<'_>>,
    span: Span,
    sorts: Option<&[Sort]>,
    limit: u64,
) -> Result<Vec<Line>, DbError> {
    store::lines(source.into(), span, sorts, limit).await
}

/// What came and what went on one day of Asia/Shanghai.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaySum {
    /// The day of posting.
    pub day: Day,
    /// The sum of what came.
    pub came: Fen,
    /// The sum of what went.
    pub went: Fen,
}

/// The days of a span on which something came or went, in order.
pub async fn days(source: impl Into<Source<'_>>, span: Span) -> Result<Vec<DaySum>, DbError> {
    store::days(source.into(), span).await
}
