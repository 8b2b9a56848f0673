//! What can go wrong in a database, told apart by what a caller can do about it.

use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// A database error.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DbError {
    /// The database's own error.
    #[error(transparent)]
    Driver(#[from] DbErr),
    /// A row that our own code cannot have written.
    #[error("inconsistent row in {table}: {what}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// What does not fit.
        what: &'static str,
    },
    /// A compare-and-set found another state than the one just read.
    #[error("lost a race on {table}")]
    Raced {
        /// The table.
        table: &'static str,
    },
}

impl DbError {
    /// True where the same transaction may well succeed if it is run again: serialisation failure,
    /// deadlock, a busy SQLite, or a lost race.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Driver(error) => {
                code(error).is_some_and(|code| {
                    // 40001, 40P01: PostgreSQL. 5, 261, 517: SQLITE_BUSY and its variants.
                    matches!(code.as_str(), "40001" | "40P01" | "5" | "261" | "517")
                }) || self.is_unique_violation()
            }
            Self::Raced { .. } => true,
            Self::Inconsistent { .. } => false,
        }
    }

    /// The table that a serialisation failure names; PostgreSQL's own name none.
    pub(super) fn serialization_failure_on(&self) -> Option<&str> {
        let Self::Driver(error) = self else { return None };
        let error = database_error(error)?;
        (error.code().as_deref() == Some("40001")).then(|| error.table()).flatten()
    }

    /// True where the database cannot be reached: whatever else is asked now would fail alike.
    pub fn is_unreachable(&self) -> bool {
        let Self::Driver(error) = self else { return false };
        if matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)) {
            return true;
        }
        let (DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
        else {
            return false;
        };
        let lost = matches!(
            **cause,
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        );
        // 08: connection exceptions. 57P01 to 57P03: PostgreSQL stops, or starts.
        lost || code(error).is_some_and(|code| {
            code.starts_with("08") || matches!(code.as_str(), "57P01" | "57P02" | "57P03")
        })
    }

    /// True where a unique key refused a row. Inside a PostgreSQL transaction this must happen in
    /// a savepoint, or the whole transaction is lost.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Driver(error)
            if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))))
    }
}

fn code(error: &DbErr) -> Option<String> {
    database_error(error)?.code().map(std::borrow::Cow::into_owned)
}

fn database_error(error: &DbErr) -> Option<&dyn sqlx::error::DatabaseError> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))
    | DbErr::Conn(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    error.as_database_error()
}

/// An error type that a transaction may end with: it can hold a [`DbError`] and show it again.
pub trait TxError: From<DbError> {
    /// The database error inside, if that is what this is.
    fn db(&self) -> Option<&DbError>;
}

impl TxError for DbError {
    fn db(&self) -> Option<&DbError> {
        Some(self)
    }
}
