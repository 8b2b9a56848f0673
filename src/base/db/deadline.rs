//! A deadline for a statement that is its own transaction. Such a statement may wait for locks as
//! long as any other, and what it has written cannot be undone by whoever sent it: it has to look at
//! the clock itself, when it has nothing left to wait for.

use super::{DbError, Found, Question};
use sea_orm::Value;
use std::time::Duration;

/// The table that [`DbError::Raced`] names when a deadline has passed.
pub(super) const CLOCK: &str = "clock";

/// A moment of the database's own clock, which need not agree with this server's. PostgreSQL only.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    micros: i64,
}

impl Deadline {
    /// The question for the database's clock; to be asked together with what the writes depend on.
    pub const fn question() -> Question {
        Question {
            columns: &[(
                "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
                "bigint",
            )],
            from: "(SELECT 1) now",
            keys: Vec::new(),
        }
    }

    /// So long after the moment in the answer to [`Deadline::question`].
    pub fn after(answer: &[Found], left: Duration) -> Result<Self, DbError> {
        let missing = DbError::Inconsistent { table: CLOCK, what: "the time is missing" };
        let asked: i64 = answer.first().ok_or(missing)?.get(0)?;
        let left = i64::try_from(left.as_micros()).unwrap_or(i64::MAX);
        Ok(Self { micros: asked.saturating_add(left) })
    }

    /// An expression that raises a serialisation failure once parameter `$nth` has passed, and the
    /// parameter.
    pub(super) fn check(self, nth: usize) -> (String, Value) {
        let sql = format!(
            "all_or_raced(CASE WHEN extract(epoch FROM clock_timestamp()) * 1000000 <= ${nth}::bigint \
             THEN 1 ELSE 0 END, 1, '{CLOCK}')"
        );
        (sql, self.micros.into())
    }
}
