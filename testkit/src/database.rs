//! A fresh database for each test, on SQLite and on PostgreSQL.
//!
//! PostgreSQL is the server of `ONECARD_TEST_PG`. Without that address its half of the tests says
//! that it was skipped, or fails where `ONECARD_TEST_REQUIRE_ALL=1`.

use futures_util::FutureExt;
use onecard::base::db::{Db, DbSettings};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use std::panic::{AssertUnwindSafe, resume_unwind};

const CONNECTIONS: u32 = 8;

/// A database of one test, brought up to date.
#[derive(Debug)]
pub struct TestDb {
    /// A pool as the program opens it.
    pub db: Db,
    /// Where it is.
    pub url: String,
}

impl TestDb {
    async fn connect(url: String) -> Self {
        let settings = DbSettings { url: url.clone(), max_connections: CONNECTIONS };
        let db = Db::connect(settings).await.unwrap();
        db.migrate().await.unwrap();
        Self { db, url }
    }
}

/// Runs a test on a fresh SQLite database, removed afterwards.
pub async fn on_sqlite(test: impl AsyncFnOnce(&TestDb)) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    test(&TestDb::connect(url).await).await;
}

/// Runs a test on a fresh PostgreSQL database, removed afterwards also where the test fails.
pub async fn on_postgres(test: impl AsyncFnOnce(&TestDb)) {
    let Ok(server) = std::env::var("ONECARD_TEST_PG") else {
        let required = std::env::var("ONECARD_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!required, "ONECARD_TEST_PG is not set");
        eprintln!("SKIPPED: ONECARD_TEST_PG is not set");
        return;
    };
    let admin = Database::connect(&server).await.unwrap();
    let name = format!("t_{}", uuid::Uuid::new_v4().simple());
    command(&admin, &format!("CREATE DATABASE {name}")).await;
    let (host, _) = server.rsplit_once('/').unwrap();
    let test = async { test(&TestDb::connect(format!("{host}/{name}")).await).await };
    let result = AssertUnwindSafe(test).catch_unwind().await;
    command(&admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    result.unwrap_or_else(|panic| resume_unwind(panic));
}

async fn command(on: &DatabaseConnection, sql: &str) {
    on.execute_unprepared(sql).await.unwrap();
}

/// Makes two tests of each `async fn name(db: &TestDb)`: `sqlite::name` and `postgres::name`.
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
