//! A fresh database for each test, on SQLite and on PostgreSQL.
//!
//! PostgreSQL tests use the server at `ONECARD_TEST_PG`. Without it they report that they were
//! skipped, or fail if `ONECARD_TEST_REQUIRE_ALL=1`.

use crate::template;
use futures_util::FutureExt;
use onecard::base::db::{Db, DbSettings};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use std::{
    fs,
    panic::{AssertUnwindSafe, resume_unwind},
    path::PathBuf,
};
use tempfile::TempDir;

pub(crate) const CONNECTIONS: u32 = 8;

/// A database for one test, with all tables and no rows.
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
    /// A SQLite database; its file is removed on drop.
    pub async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("test.db");
        fs::copy(template::sqlite().await, &file).unwrap();
        Self::open(format!("sqlite://{}", file.display()), Some(folder)).await
    }

    async fn open(url: String, folder: Option<TempDir>) -> Self {
        let settings = DbSettings { url: url.clone(), max_connections: CONNECTIONS };
        Self { db: Db::connect(settings).await.unwrap(), url, folder }
    }

    /// The current files of a SQLite database.
    pub fn files(&self) -> Vec<PathBuf> {
        let folder = self.folder.as_ref().unwrap().path();
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

/// Runs a test on a fresh SQLite database, which is removed afterwards.
pub async fn on_sqlite(test: impl AsyncFnOnce(&TestDb)) {
    test(&TestDb::sqlite().await).await;
}

/// Runs a test on a fresh PostgreSQL database, which is removed afterwards even if the test fails.
pub async fn on_postgres(test: impl AsyncFnOnce(&TestDb)) {
    let Ok(server) = std::env::var("ONECARD_TEST_PG") else {
        let required = std::env::var("ONECARD_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!required, "ONECARD_TEST_PG is not set");
        eprintln!("SKIPPED: ONECARD_TEST_PG is not set");
        return;
    };
    let (template, name) =
        (template::postgres(&server).await, format!("t_{}", uuid::Uuid::new_v4().simple()));
    let admin = connect(&server).await;
    command(&admin, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    let (host, _) = server.rsplit_once('/').unwrap();
    let test = async { test(&TestDb::open(format!("{host}/{name}"), None).await).await };
    let result = AssertUnwindSafe(test).catch_unwind().await;
    command(&admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    result.unwrap_or_else(|panic| resume_unwind(panic));
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

/// Generates two tests for each `async fn name(db: &TestDb)`: `sqlite::name` and `postgres::name`.
#[macro_export]
macro_rules! on_each_database {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                $crate::on_sqlite(super::$name).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                $crate::on_postgres(super::$name).await;
            })+
        }
    };
}
