//! A fresh database for each test, of both kinds.

use onecard::base::db::{Db, DbSettings};
use sea_orm::{ConnectionTrait, Database, Statement};
use std::path::PathBuf;
use tempfile::TempDir;

/// An empty database with all tables.
pub struct Fresh {
    pub db: Db,
    /// Of SQLite.
    folder: Option<TempDir>,
    pub url: String,
}

impl Fresh {
    pub async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("onecard.db").display());
        Self::migrated(url, Some(folder)).await
    }

    /// `None` where there is no PostgreSQL to test with; says so.
    pub async fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("ONECARD_TEST_PG") else {
            let required = std::env::var("ONECARD_TEST_REQUIRE_ALL").is_ok_and(|all| all == "1");
            assert!(!required, "ONECARD_TEST_PG is not set");
            eprintln!("SKIPPED: ONECARD_TEST_PG is not set");
            return None;
        };
        let name = format!("schools_{}", uuid::Uuid::new_v4().simple());
        let admin = Database::connect(&server).await.unwrap();
        let create = format!("CREATE DATABASE {name}");
        let backend = admin.get_database_backend();
        admin.execute_raw(Statement::from_string(backend, create)).await.unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        Some(Self::migrated(format!("{base}/{name}"), None).await)
    }

    async fn migrated(url: String, folder: Option<TempDir>) -> Self {
        let db = Db::connect(DbSettings { url: url.clone(), max_connections: 4 }).await.unwrap();
        db.migrate().await.unwrap();
        Self { db, folder, url }
    }

    /// The files of a SQLite database, as they are now.
    pub fn files(&self) -> Vec<PathBuf> {
        let folder = self.folder.as_ref().unwrap().path();
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// Runs a statement that no code of the house would.
    pub async fn tamper(&self, sql: &str) {
        let raw = Database::connect(&self.url).await.unwrap();
        let backend = raw.get_database_backend();
        let done = raw.execute_raw(Statement::from_string(backend, sql)).await.unwrap();
        assert!(done.rows_affected() > 0);
    }

    /// The texts that a query answers.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let raw = Database::connect(&self.url).await.unwrap();
        let select = Statement::from_string(raw.get_database_backend(), sql);
        let rows = raw.query_all_raw(select).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    pub async fn end(self) {
        if self.folder.is_none() {
            let (base, name) = self.url.rsplit_once('/').unwrap();
            let admin = Database::connect(format!("{base}/postgres")).await.unwrap();
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            let backend = admin.get_database_backend();
            admin.execute_raw(Statement::from_string(backend, drop)).await.unwrap();
        }
    }
}

/// Each test on SQLite and on PostgreSQL.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $name() {
                let fresh = crate::schools::databases::Fresh::sqlite().await;
                super::$name(&fresh).await;
                fresh.end().await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $name() {
                let Some(fresh) = crate::schools::databases::Fresh::postgres().await else { return };
                super::$name(&fresh).await;
                fresh.end().await;
            })+
        }
    };
}
pub(crate) use on_both_databases;
