//! The database: SQLite for one process, PostgreSQL for more; the same code and tests on both.
//!
//! Invariant: only [`Db::in_tx`] commits, and nothing slow happens inside it.
//! Invariant: a transaction is retried only after an error that the database reports as transient.

mod bulk;
mod connect;
mod deadline;
mod error;
mod questions;
mod single;
mod source;
mod statements;
mod writes;

pub use bulk::{Column, Rows};
pub use connect::{Db, DbSettings};
pub use deadline::Deadline;
pub use error::{DbError, TxError};
pub use questions::{Found, Question};
pub use single::{SingleProcess, SingleProcessError};
pub use source::Source;
pub use statements::counting_statements;
pub use writes::Write;

use super::write_point;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, DbBackend, IsolationLevel,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

/// How often a transaction is attempted before its transient error is returned.
const ATTEMPTS: u32 = 5;

/// An open transaction. Functions that write take one; they cannot commit it.
#[derive(Debug)]
pub struct Tx(DatabaseTransaction);

impl Tx {
    /// The transaction's connection; for `store.rs` files only. Called once for each statement.
    pub(crate) fn conn(&self) -> &DatabaseTransaction {
        write_point::reached("tx:statement");
        &self.0
    }

    /// The kind of database.
    pub(crate) fn backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    /// Allows this transaction's statements to run for up to ten minutes. For audits.
    pub(crate) async fn allow_long_statements(&self) -> Result<(), DbError> {
        self.set_locally(&["statement_timeout = '10min'"]).await
    }

    /// Allows this transaction's statements to scan whole tables and to hash them, or forbids it
    /// again. For statements that count or compare everything; all others look up by keys, and with
    /// scans forbidden their plan stays the same whatever PostgreSQL estimates.
    pub(crate) async fn allow_scans(&self, allowed: bool) -> Result<(), DbError> {
        if allowed {
            self.set_locally(&["enable_seqscan = on", "enable_hashjoin = on"]).await
        } else {
            self.set_locally(&["enable_seqscan = off", "enable_hashjoin = off"]).await
        }
    }

    async fn set_locally(&self, settings: &[&str]) -> Result<(), DbError> {
        if self.has_row_locks() {
            for setting in settings {
                let sql = format!("SET LOCAL {setting}");
                self.0.execute_raw(Statement::from_string(self.backend(), sql)).await?;
            }
        }
        Ok(())
    }

    /// See [`Db::has_row_locks`].
    pub(crate) fn has_row_locks(&self) -> bool {
        self.backend() == DbBackend::Postgres
    }
}

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
        let _turn = self.write_turn().await;
        let options = TransactionOptions {
            isolation_level: None,
            access_mode: None,
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        };
        let tx = Tx(self.conn().begin_with_options(options).await.map_err(DbError::from)?);
        write_point::reached("tx:begun");
        match work(&tx).await {
            Ok(value) => {
                write_point::reached("tx:commit");
                tx.0.commit().await.map_err(DbError::from)?;
                write_point::reached("tx:committed");
                Ok(value)
            }
            Err(error) => {
                // Return the first error; if the rollback fails, closing the connection rolls back.
                let _ = tx.0.rollback().await;
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
        let tx = Tx(self.conn().begin_with_options(options).await.map_err(DbError::from)?);
        let result = work(&tx).await;
        let _ = tx.0.rollback().await;
        result
    }
}
