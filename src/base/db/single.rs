//! The lock that prevents a second server on a database while the key-value store is in-process.

use super::{Db, DbError, connect::sqlite_path};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, Statement};
use std::fs::{File, TryLockError};

/// The advisory lock of the single server: "onecard" and 2 as one number.
const SERVER_LOCK: i64 = 0x006f_6e65_6361_7202;

/// Held while this process is the only server of its database. The operating system or the database
/// releases it when the process ends, even after a crash.
#[derive(Debug)]
pub struct SingleProcess {
    _held: Held,
}

#[derive(Debug)]
enum Held {
    File { _file: File },
    Connection { _connection: DatabaseConnection },
}

/// Why the lock was not acquired.
#[derive(Debug, thiserror::Error)]
pub enum SingleProcessError {
    /// Another process serves this database.
    #[error(
        "another onecard server uses this database. Without redis.url the key-value store lives \
         inside one process, so a second server is refused. Stop the other one, or set redis.url \
         (and a PostgreSQL database.url) to run several."
    )]
    Taken,
    /// The database or its lock file cannot be used.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl SingleProcess {
    /// Acquires the lock; fails if another process holds it.
    pub async fn acquire(db: &Db) -> Result<Self, SingleProcessError> {
        let held = match sqlite_path(&db.settings().url) {
            Some(mut path) => {
                path.as_mut_os_string().push(".server");
                let file = File::create(&path).map_err(|e| {
                    DbError::from(DbErr::Custom(format!("cannot open {}: {e}", path.display())))
                })?;
                match file.try_lock() {
                    Ok(()) => Held::File { _file: file },
                    Err(TryLockError::WouldBlock) => return Err(SingleProcessError::Taken),
                    Err(TryLockError::Error(e)) => {
                        return Err(DbError::from(DbErr::Custom(e.to_string())).into());
                    }
                }
            }
            None => Held::Connection { _connection: advisory_lock(db).await? },
        };
        Ok(Self { _held: held })
    }
}

/// Opens a separate session that holds the advisory lock until it is closed.
async fn advisory_lock(db: &Db) -> Result<DatabaseConnection, SingleProcessError> {
    let mut options = ConnectOptions::new(&db.settings().url);
    options
        .max_connections(1)
        .min_connections(1)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .sqlx_logging(false);
    let connection = Database::connect(options).await.map_err(DbError::from)?;
    let sql = format!("SELECT pg_try_advisory_lock({SERVER_LOCK}) AS taken");
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.map_err(DbError::from)?;
    let ours: bool = row
        .ok_or(DbError::Inconsistent { table: "pg_locks", what: "no answer" })?
        .try_get("", "taken")
        .map_err(DbError::from)?;
    if ours { Ok(connection) } else { Err(SingleProcessError::Taken) }
}
