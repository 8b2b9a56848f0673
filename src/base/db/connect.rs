//! Opens the database with the durability and time-out settings that a ledger needs.

use super::{Actor, DbError, statements, transaction::WriteTurn};
use crate::base::crypto::row_mac::RowMacs;
use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement,
    TransactionOptions, sqlx,
};
use sqlx::{
    postgres::PgConnectOptions,
    sqlite::{SqliteJournalMode, SqliteSynchronous},
};
use std::{fmt, fs::File, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::Mutex;

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// The advisory lock of migrations: "onecard" and 1 as one number.
const MIGRATION_LOCK: i64 = 0x006f_6e65_6361_7201;

/// The database's address and the size of the connection pool.
#[derive(Clone)]
pub struct DbSettings {
    /// `sqlite://path` or `postgres://…`.
    pub url: String,
    /// The maximum number of connections of this process.
    pub max_connections: u32,
    /// The keys of the rows' MACs.
    pub macs: Arc<RowMacs>,
}

/// Omits the address, which may contain a password.
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
    /// SQLite allows one writer. This mutex is fair and wakes waiters at once; SQLite itself polls.
    writer: Option<Arc<Mutex<()>>>,
    settings: DbSettings,
    actor: Arc<Actor>,
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
            .map_sqlx_postgres_opts(as_a_ledger_needs);
        let mut conn = Database::connect(options).await?;
        statements::count(&mut conn);
        let writer =
            (conn.get_database_backend() == DbBackend::Sqlite).then(|| Arc::new(Mutex::new(())));
        Ok(Self { conn, writer, settings, actor: Arc::new(Actor::program()) })
    }

    /// The same database, for changes on behalf of somebody.
    #[must_use]
    pub fn acting_as(self, actor: Actor) -> Self {
        Self { actor: Arc::new(actor), ..self }
    }

    pub(super) const fn actor(&self) -> &Arc<Actor> {
        &self.actor
    }

    /// The keys of row MACs.
    pub fn macs(&self) -> &RowMacs {
        &self.settings.macs
    }

    /// The connection for reads outside a transaction; for `store.rs` files only.
    pub(crate) const fn conn(&self) -> &DatabaseConnection {
        &self.conn
    }

    /// The kind of database.
    pub(crate) fn backend(&self) -> DbBackend {
        self.conn.get_database_backend()
    }

    /// True on PostgreSQL, which has row locks. A SQLite write transaction excludes all other
    /// writers from its beginning.
    pub(crate) fn has_row_locks(&self) -> bool {
        self.backend() == DbBackend::Postgres
    }

    /// True for SQLite, which only one process may serve.
    pub fn is_sqlite(&self) -> bool {
        self.backend() == DbBackend::Sqlite
    }

    /// What it was opened with.
    pub const fn settings(&self) -> &DbSettings {
        &self.settings
    }

    pub(super) async fn write_turn(&self) -> Option<WriteTurn> {
        match &self.writer {
            Some(writer) => Some(Arc::clone(writer).lock_owned().await),
            None => None,
        }
    }

    /// True if the database answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        let one = Statement::from_string(self.backend(), "SELECT 1");
        self.conn.query_one_raw(one).await?;
        Ok(())
    }

    /// The settings of PostgreSQL with which a commit may be lost though it was answered, as
    /// `name = value`. Empty for SQLite, whose settings are our own.
    pub async fn settings_that_lose_commits(&self) -> Result<Vec<String>, DbError> {
        if self.is_sqlite() {
            return Ok(Vec::new());
        }
        let sql = "SELECT name || ' = ' || setting FROM pg_settings WHERE setting = 'off' \
                   AND name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name";
        let rows = self.conn.query_all_raw(Statement::from_string(self.backend(), sql)).await?;
        Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
    }

    /// The number of pending migrations.
    pub async fn pending_migrations(&self) -> Result<usize, DbError> {
        Ok(Migrator::get_pending_migrations(&self.conn).await?.len())
    }

    /// Applies pending migrations. Safe if several processes call it concurrently: one migrates,
    /// the others wait and then have nothing to do.
    pub async fn migrate(&self) -> Result<usize, DbError> {
        let _file = self.sqlite_migration_lock()?;
        let guard = self.begin(TransactionOptions::default(), None).await?;
        if self.backend() == DbBackend::Postgres {
            let lock = format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
            guard.conn().execute_raw(Statement::from_string(self.backend(), lock)).await?;
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

/// The settings of each PostgreSQL session.
fn as_a_ledger_needs(options: PgConnectOptions) -> PgConnectOptions {
    let limit = STATEMENT_TIMEOUT.as_millis().to_string();
    options.application_name("onecard").options([
        ("statement_timeout", limit.as_str()),
        ("idle_in_transaction_session_timeout", limit.as_str()),
        ("timezone", "UTC"),
        // What was answered is on the disk, whatever the server's default is.
        ("synchronous_commit", "on"),
        // Every statement except those of audits looks rows up by a key. A plan is cached for the
        // connection's lifetime, and one made while a table was small would keep scanning the
        // table, or its index, after it has grown.
        ("enable_seqscan", "off"),
        ("enable_mergejoin", "off"),
        ("enable_hashjoin", "off"),
        // Replanning for each list of keys yields the same plan.
        ("plan_cache_mode", "force_generic_plan"),
        // With `enable_seqscan` off, a plan that must scan a table gets a huge cost estimate and
        // would be JIT-compiled each time.
        ("jit", "off"),
    ])
}

/// The file path of a SQLite URL; `None` for other databases.
pub(super) fn sqlite_path(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite:")?;
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let path = rest.split('?').next().unwrap_or(rest);
    Some(PathBuf::from(path))
}
