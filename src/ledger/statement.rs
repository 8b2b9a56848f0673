//! The statement of a person's spendable accounts: one line for each transfer that changed their
//! total.
//!
//! Invariant: all lines add up to the total of the person's balances. A transfer between two
//! spendable accounts of one person does not change the total and has no line.
//! Absent on purpose: the balance after each line. Transfers with the same timestamp have no
//! defined order, so it would be arbitrary.

use super::{store, transfer::TransferId};
use crate::base::{
    clock::{Day, Timestamp},
    db::{DbError, Source},
    ids::{PersonId, SchoolId, first_uuid_at},
    money::{Balance, Fen},
};
use uuid::Uuid;

/// The effect of a transfer on a person's spendable total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The transfer; lines are in the order of their ids.
    pub id: TransferId,
    /// When it was posted.
    pub at: Timestamp,
    /// The external fact that it records.
    pub reference: String,
    /// The change of the total: positive for incoming money, never zero.
    pub amount: Balance,
    /// The path of the counterparty account; the first by name if there are several.
    pub other: String,
}

/// A filter for lines by counterparty and direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// An SQL `LIKE` pattern for the counterparty's path, always a constant: `clearing/%`.
    pub other: &'static str,
    /// True for incoming money, false for outgoing.
    pub incoming: bool,
}

/// A person and a range of time.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The school.
    pub school: SchoolId,
    /// The person.
    pub person: PersonId,
    /// The first transfer id, inclusive.
    pub(super) from: Uuid,
    /// The last transfer id, exclusive.
    pub(super) until: Uuid,
}

impl Span {
    /// All lines of a person.
    pub const fn of(school: SchoolId, person: PersonId) -> Self {
        Self { school, person, from: Uuid::nil(), until: Uuid::max() }
    }

    /// Only lines posted on `first` or later.
    #[must_use]
    pub fn from_day(self, first: Day) -> Self {
        Self { from: self.from.max(first_uuid_at(first.start())), ..self }
    }

    /// Only lines posted on `last` or earlier.
    #[must_use]
    pub fn to_day(self, last: Day) -> Self {
        Self { until: self.until.min(first_uuid_at(last.next().start())), ..self }
    }

    /// Only lines older than the given one.
    #[must_use]
    pub fn below(self, line: TransferId) -> Self {
        Self { until: self.until.min(line.uuid()), ..self }
    }
}

/// The newest lines of a span, at most `limit`; filtered by these sorts if any are given.
pub async fn lines(
    source: impl Into<Source<'_>>,
    span: Span,
    sorts: Option<&[Sort]>,
    limit: u64,
) -> Result<Vec<Line>, DbError> {
    store::lines(source.into(), span, sorts, limit).await
}

/// Incoming and outgoing totals of one day in Asia/Shanghai, and what is counted apart from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaySum {
    /// The day of posting.
    pub day: Day,
    /// The sum of the other incoming money.
    pub came: Fen,
    /// The sum of the other outgoing money.
    pub went: Fen,
    /// The change of the total by what is counted apart.
    pub apart: Balance,
}

/// The days of a span that have lines, in order; lines of the sorts `apart` are neither incoming nor
/// outgoing money.
pub async fn days(
    source: impl Into<Source<'_>>,
    span: Span,
    apart: &[Sort],
) -> Result<Vec<DaySum>, DbError> {
    store::days(source.into(), span, apart).await
}
