//! A fresh database for each test, on SQLite and on PostgreSQL.
//!
//! PostgreSQL tests use the server at `ONECARD_TEST_PG`. Without it they report that they were
//! skipped, or fail if `ONECARD_TEST_REQUIRE_ALL=1`.

use crate::{
    KEY,
    template::{self, Content},
};
use futures_util::FutureExt;
use onecard::base::{
    crypto::{
        keyring::{Key32, KeyRing, NamedKey},
        row_mac::RowMacs,
    },
    db::{Db, DbSettings},
};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use std::{
    fs,
    panic::{AssertUnwindSafe, resume_unwind},
    path::PathBuf,
    sync::Arc,
};
use tempfile::TempDir;

pub(crate) const CONNECTIONS: u32 = 8;

/// A database for one test.
#[derive(Debug)]
pub struct TestDb {
    /// A connection pool with the program's settings.
    pub db: Db,
    /// The database's address.
    pub url: String,
    /// The folder of a SQLite database.
    folder: Option<TempDir>,
}

impl TestDb {
    /// A SQLite database without rows; its file is removed on drop.
    pub async fn sqlite() -> Self {
        Self::sqlite_with(Content::Empty).await
    }

    async fn sqlite_with(content: Content) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("test.db");
        fs::copy(template::sqlite(content).await, &file).unwrap();
        Self::open(format!("sqlite://{}", file.display()), Some(folder)).await
    }

    async fn open(url: String, folder: Option<TempDir>) -> Self {
        let settings = DbSettings { url: url.clone(), max_connections: CONNECTIONS, macs: macs() };
        Self { db: Db::connect(settings).await.unwrap(), url, folder }
    }

    /// The current files of a SQLite database.
    pub fn files(&self) -> Vec<PathBuf> {
        let folder = self.folder.as_ref().unwrap().path();
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

/// Runs a test on a fresh SQLite database with schools and people, which is removed afterwards.
pub async fn on_sqlite(test: impl AsyncFnOnce(&TestDb)) {
    test(&TestDb::sqlite_with(Content::Campus).await).await;
}

/// Like [`on_sqlite`], on a database without rows.
pub async fn on_empty_sqlite(test: impl AsyncFnOnce(&TestDb)) {
    test(&TestDb::sqlite().await).await;
}

/// Runs a test on a fresh PostgreSQL database with schools and people, which is removed afterwards
/// even if the test fails.
pub async fn on_postgres(test: impl AsyncFnOnce(&TestDb)) {
    on_postgres_with(Content::Campus, test).await;
}

/// Like [`on_postgres`], on a database without rows.
pub async fn on_empty_postgres(test: impl AsyncFnOnce(&TestDb)) {
    on_postgres_with(Content::Empty, test).await;
}

async fn on_postgres_with(content: Content, test: impl AsyncFnOnce(&TestDb)) {
    let Ok(server) = std::env::var("ONECARD_TEST_PG") else {
        let required = std::env::var("ONECARD_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!required, "ONECARD_TEST_PG is not set");
        eprintln!("SKIPPED: ONECARD_TEST_PG is not set");
        return;
    };
    let template = template::postgres(&server, content).await;
    let name = format!("t_{}", uuid::Uuid::new_v4().simple());
    let admin = connect(&server).await;
    // Half the work of the default strategy, which logs every page of the template.
    let create = format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY");
    command(&admin, &create).await;
    let (host, _) = server.rsplit_once('/').unwrap();
    let test = async { test(&TestDb::open(format!("{host}/{name}"), None).await).await };
    let result = AssertUnwindSafe(test).catch_unwind().await;
    command(&admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    result.unwrap_or_else(|panic| resume_unwind(panic));
}

/// The MACs of the deployments' rows.
pub fn macs() -> Arc<RowMacs> {
    let key = NamedKey::unnamed(Key32::from_bytes(KEY));
    Arc::new(RowMacs::new(&KeyRing::single(key)))
}

/// A separate connection for the test.
pub(crate) async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.unwrap()
}

async fn command(on: &DatabaseConnection, sql: &str) {
    on.execute_unprepared(sql).await.unwrap();
}

/// Generates two tests for each `async fn name(db: &TestDb)`: `sqlite::name` and `postgres::name`,
/// each on a fresh database with schools and people.
#[macro_export]
macro_rules! on_each_database {
    ($($name:ident),+ $(,)?) => {
        $crate::on_each! { on_sqlite, on_postgres, $($name),+ }
    };
}

/// Like [`on_each_database!`], on databases without rows.
#[macro_export]
macro_rules! on_each_empty_database {
    ($($name:ident),+ $(,)?) => {
        $crate::on_each! { on_empty_sqlite, on_empty_postgres, $($name),+ }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! on_each {
    ($sqlite:ident, $postgres:ident, $($name:ident),+) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                $crate::$sqlite(super::$name).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                $crate::$postgres(super::$name).await;
            })+
        }
    };
}
