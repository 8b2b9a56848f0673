//! The beginning and the end of transactions, in tasks of their own.
//!
//! The server drops a request's future when its client goes away. The driver counts a transaction
//! only once `BEGIN` is answered: a future that is dropped before that would return its connection
//! to the pool with an open transaction that nobody ends, and one that is dropped during `COMMIT`
//! would send a `ROLLBACK` after it. So these three run to their end, whoever waits for them;
//! see `docs/adr/0019`.

use super::{Actor, Db, DbError};
use crate::base::{crypto::row_mac::RowMacs, write_point};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement, TransactionOptions,
    TransactionTrait,
};
use std::{panic::resume_unwind, sync::Arc};
use tokio::sync::OwnedMutexGuard;

/// An open transaction. Functions that write take one; they cannot commit it. Dropped without an
/// end, it is rolled back before its connection is lent again.
#[derive(Debug)]
pub struct Tx {
    conn: DatabaseTransaction,
    macs: Arc<RowMacs>,
    actor: Arc<Actor>,
    /// Released after `conn`.
    _turn: Option<WriteTurn>,
}

/// The turn of the one writer of SQLite.
pub(super) type WriteTurn = OwnedMutexGuard<()>;

impl Db {
    /// Begins a transaction, which holds `turn` to its end.
    pub(super) async fn begin(
        &self,
        options: TransactionOptions,
        turn: Option<WriteTurn>,
    ) -> Result<Tx, DbError> {
        let conn = self.conn().clone();
        let (macs, actor) = (Arc::clone(&self.settings().macs), Arc::clone(self.actor()));
        to_the_end(async move {
            #[expect(clippy::disallowed_methods, reason = "the one place, and in a task")]
            let conn = conn.begin_with_options(options).await?;
            Ok(Tx { conn, macs, actor, _turn: turn })
        })
        .await
    }
}

impl Tx {
    /// The transaction's connection; for `store.rs` files only. Called once for each statement.
    pub(crate) fn conn(&self) -> &DatabaseTransaction {
        write_point::reached("tx:statement");
        &self.conn
    }

    /// The kind of database.
    pub(crate) fn backend(&self) -> DbBackend {
        self.conn.get_database_backend()
    }

    /// The keys of row MACs.
    pub(crate) fn macs(&self) -> &RowMacs {
        &self.macs
    }

    /// On whose behalf this transaction writes.
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// See [`Db::has_row_locks`].
    pub(crate) fn has_row_locks(&self) -> bool {
        self.backend() == DbBackend::Postgres
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
                self.conn.execute_raw(Statement::from_string(self.backend(), sql)).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn commit(self) -> Result<(), DbError> {
        to_the_end(async move {
            let Self { conn, _turn, .. } = self;
            conn.commit().await
        })
        .await
    }

    pub(super) async fn rollback(self) -> Result<(), DbError> {
        to_the_end(async move {
            let Self { conn, _turn, .. } = self;
            conn.rollback().await
        })
        .await
    }
}

/// Runs `step` in a task, which goes on if the caller is dropped; its output is dropped then.
async fn to_the_end<T: Send + 'static>(
    step: impl Future<Output = Result<T, DbErr>> + Send + 'static,
) -> Result<T, DbError> {
    match tokio::spawn(step).await {
        Ok(done) => Ok(done?),
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Err(DbErr::Custom("the process is stopping".to_owned()).into()),
        },
    }
}
