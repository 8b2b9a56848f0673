//! Opening the database, with the settings that money needs.

use super::{DbError, statements};
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement,
    TransactionTrait, sqlx,
};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use std::{fmt, fs::File, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::{Mutex, MutexGuard};

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Advisory lock of migrations: "onecard" and 1, as one number.
const MIGRATION_LOCK: i64 = 0x006f_6e65_6361_7201;

/// Where the database is and how many connections it may be asked for.
#[derive(Clone)]
pub struct DbSettings {
    /// `sqlite://path` or `postgres://…`.
    pub url: String,
    /// The most connections this process opens.
    pub max_connections: u32,
}

/// The address may hold a password: it does not print.
impl fmt::Debug for DbSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DbSettings")
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

/// A pool of connections.
#[derive(Clone, Debug)]
pub struct Db {
    conn: DatabaseConnection,
    /// SQLite has one writer. Waiting here is fair and wakes at once; waiting in SQLite is a poll.
    writer: Option<Arc<Mutex<()>>>,
    settings: DbSettings,
}

impl Db {
    /// Opens the pool. The database must answer within five seconds.
    pub async fn connect(settings: DbSettings) -> Result<Self, DbError> {
        if let Some(parent) = sqlite_path(&settings.url).and_then(|p| Some(p.parent()?.to_owned()))
        {
            std::fs::create_dir_all(&parent)
                .map_err(|e| DbErr::Custom(format!("cannot create {}: {e}", parent.display())))?;
        }
        let mut options = ConnectOptions::new(&settings.url);
        options
            .max_connections(settings.max_connections)
            .min_connections(1)
            .connect_timeout(CONNECT_TIMEOUT)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .sqlx_logging(false)
            .record_stmt_in_spans(false)
            .map_sqlx_sqlite_opts(|sqlite| {
                sqlite
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .busy_timeout(SQLITE_BUSY_TIMEOUT)
                    .foreign_keys(true)
            })
            .map_sqlx_postgres_opts(|postgres| {
                let limit = STATEMENT_TIMEOUT.as_millis().to_string();
                postgres.application_name("onecard").options([
                    ("statement_timeout", limit.as_str()),
                    ("idle_in_transaction_session_timeout", limit.as_str()),
                    ("timezone", "UTC"),
                    // Every statement but an audit's looks rows up by a key. A plan is kept for
                    // the connection's life, and one made while a table was small would go on
                    // reading the whole of it, or of its index, after it has grown.
                    ("enable_seqscan", "off"),
                    ("enable_mergejoin", "off"),
                    ("enable_hashjoin", "off"),
                    // Planning again for each list of keys finds the same plan.
                    ("plan_cache_mode", "force_generic_plan"),
                    // A plan that must read a whole table is then priced as if it were endless, and
                    // would be compiled to machine code each time.
                    ("jit", "off"),
                ])
            });
        let mut conn = Database::connect(options).await?;
        statements::count(&mut conn);
        let writer =
            (conn.get_database_backend() == DbBackend::Sqlite).then(|| Arc::new(Mutex::new(())));
        Ok(Self { conn, writer, settings })
    }

    /// For `store.rs` files: reads outside a transaction.
    pub(crate) const fn conn(&self) -> &DatabaseConnection {
        &self.conn
    }

    /// Which database this is.
    pub(crate) fn backend(&self) -> DbBackend {
        self.conn.get_database_backend()
    }

    /// True on PostgreSQL, where rows are locked one by one. A SQLite transaction that writes has
    /// locked everybody else out from its beginning.
    pub(crate) fn has_row_locks(&self) -> bool {
        self.backend() == DbBackend::Postgres
    }

    /// True where only one process may serve.
    pub fn is_sqlite(&self) -> bool {
        self.backend() == DbBackend::Sqlite
    }

    pub(super) const fn settings(&self) -> &DbSettings {
        &self.settings
    }

    pub(super) async fn write_turn(&self) -> Option<MutexGuard<'_, ()>> {
        match &self.writer {
            Some(writer) => Some(writer.lock().await),
            None => None,
        }
    }

    /// True if the database answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        let one = Statement::from_string(self.backend(), "SELECT 1");
        self.conn.query_one_raw(one).await?;
        Ok(())
    }

    /// How many migrations the database still lacks.
    pub async fn pending_migrations(&self) -> Result<usize, DbError> {
        Ok(Migrator::get_pending_migrations(&self.conn).await?.len())
    }

    /// Brings the database up to date. Safe when several processes do so at once: one migrates,
    /// the others wait and find nothing left to do.
    pub async fn migrate(&self) -> Result<usize, DbError> {
        let _file = self.sqlite_migration_lock()?;
        let guard = self.conn.begin().await?;
        if self.backend() == DbBackend::Postgres {
            let lock = format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
            guard.execute_raw(Statement::from_string(self.backend(), lock)).await?;
        }
        let before = self.pending_migrations().await?;
        if before > 0 {
            Migrator::up(&self.conn, None).await?;
        }
        guard.commit().await?;
        Ok(before)
    }

    fn sqlite_migration_lock(&self) -> Result<Option<File>, DbError> {
        let Some(mut path) = sqlite_path(&self.settings.url) else {
            return Ok(None);
        };
        path.as_mut_os_string().push(".migrate");
        let locked = File::create(&path).and_then(|file| file.lock().map(|()| file));
        let file =
            locked.map_err(|e| DbErr::Custom(format!("cannot lock {}: {e}", path.display())))?;
        Ok(Some(file))
    }
}

/// The file of a SQLite URL, `None` for other databases.
pub(super) fn sqlite_path(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite:")?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let path = rest.split('?').next().unwrap_or(rest);
    Some(PathBuf::from(path))
}
