//! The database: SQLite for one process, PostgreSQL for more; the same code and tests on both.
//!
//! Invariant: only [`Db::in_tx`] commits, and nothing slow happens inside it.
//! Invariant: a transaction is retried only after an error that the database reports as transient.
//! Invariant: a caller that is dropped at any await leaves no transaction open: it is rolled back, or
//! its commit is finished.

mod actor;
mod authority;
mod bulk;
mod connect;
mod deadline;
mod error;
mod keyset;
mod questions;
mod single;
mod source;
mod statements;
#[cfg(test)]
mod tests;
mod transaction;
mod writes;

pub use actor::Actor;
pub use authority::{Authority, AuthorityRow, FieldKind};
pub use bulk::{Column, Rows};
pub use connect::{Db, DbSettings};
pub use deadline::Deadline;
pub use error::{DbError, TxError};
pub use keyset::Keyset;
pub use questions::{Found, Question};
pub use single::{SingleProcess, SingleProcessError};
pub use source::Source;
pub use statements::counting_statements;
pub use transaction::Tx;
pub use writes::Write;

use super::write_point;
use sea_orm::{AccessMode, DbBackend, IsolationLevel, SqliteTransactionMode, TransactionOptions};

/// How often a transaction is attempted before its transient error is returned.
const ATTEMPTS: u32 = 5;

impl Db {
    /// Runs `work` in one transaction and commits it; retries a few times if the database reports a
    /// conflict. `work` must therefore have no external side effects.
    pub async fn in_tx<T, E: TxError>(
        &self,
        work: impl AsyncFn(&Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut attempt = 1;
        loop {
            let error = match self.try_tx(&work).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let transient = error.db().is_some_and(DbError::is_transient);
            if !transient || attempt == ATTEMPTS {
                return Err(error);
            }
            tracing::debug!(attempt, "transaction retried after a conflict");
            attempt += 1;
        }
    }

    /// Like [`Db::in_tx`], without retries: for work that handles unique violations itself.
    pub async fn in_tx_once<T, E: TxError>(
        &self,
        work: impl AsyncFn(&Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        self.try_tx(&work).await
    }

    async fn try_tx<T, E: TxError>(
        &self,
        work: &impl AsyncFn(&Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        let options = TransactionOptions {
            isolation_level: None,
            access_mode: None,
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        };
        let tx = self.begin(options, self.write_turn().await).await?;
        write_point::reached("tx:begun");
        match work(&tx).await {
            Ok(value) => {
                write_point::reached("tx:commit");
                tx.commit().await?;
                write_point::reached("tx:committed");
                Ok(value)
            }
            Err(error) => {
                // Return the first error; if the rollback fails, closing the connection rolls back.
                let _ = tx.rollback().await;
                Err(error)
            }
        }
    }

    /// Runs `work` on one snapshot of the whole database.
    pub async fn in_snapshot<T, E: From<DbError>>(
        &self,
        work: impl AsyncFnOnce(&Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        let options = TransactionOptions {
            isolation_level: (self.backend() == DbBackend::Postgres)
                .then_some(IsolationLevel::RepeatableRead),
            access_mode: (self.backend() == DbBackend::Postgres).then_some(AccessMode::ReadOnly),
            sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
        };
        let tx = self.begin(options, None).await?;
        let result = work(&tx).await;
        let _ = tx.rollback().await;
        result
    }
}
