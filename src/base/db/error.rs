//! Database errors, classified by how a caller can react.

use sea_orm::{DbErr, RuntimeErr, SqlErr};

/// A database error.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DbError {
    /// An error of the driver or the database.
    #[error(transparent)]
    Driver(#[from] DbErr),
    /// A row with content that this program never writes.
    #[error("inconsistent row in {table}: {what}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// What is inconsistent.
        what: &'static str,
    },
    /// A compare-and-set found a state other than the one read.
    #[error("lost a race on {table}")]
    Raced {
        /// The table.
        table: &'static str,
    },
}

impl DbError {
    /// True if a retry of the transaction may succeed: serialisation failure, deadlock, a busy
    /// SQLite, or a lost race.
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

    /// The table named by a serialisation failure that our own SQL raised; PostgreSQL's own
    /// failures name none.
    pub(super) fn serialization_failure_on(&self) -> Option<&str> {
        let Self::Driver(error) = self else { return None };
        let error = database_error(error)?;
        (error.code().as_deref() == Some("40001")).then(|| error.table()).flatten()
    }

    /// True if the database is unreachable, so that any other statement would fail too.
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
        // 08: connection exceptions. 57P01 to 57P03: PostgreSQL is shutting down or starting.
        lost || code(error).is_some_and(|code| {
            code.starts_with("08") || matches!(code.as_str(), "57P01" | "57P02" | "57P03")
        })
    }

    /// True for a violation of a unique key. In a PostgreSQL transaction it aborts the whole
    /// transaction unless it happened in a savepoint.
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

/// An error type of transactions: it can wrap a [`DbError`] and return it.
pub trait TxError: From<DbError> {
    /// The wrapped database error, if any.
    fn db(&self) -> Option<&DbError>;
}

impl TxError for DbError {
    fn db(&self) -> Option<&DbError> {
        Some(self)
    }
}
