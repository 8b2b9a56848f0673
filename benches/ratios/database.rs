//! Creates databases on the measured PostgreSQL and rows in bulk.

use crate::{postings::Failure, program::KEY};
use onecard::{
    base::{
        clock::{Clock, SystemClock},
        crypto::{
            keyring::{Key32, KeyRing, NamedKey},
            row_mac::RowMacs,
        },
        db::{Db, DbSettings},
    },
    policies::import_schools,
    wiring::authority::{self, Signing},
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The number of rows per statement.
pub const CHUNK: usize = 1000;

/// The settings of a pool, with the key of every server here.
pub fn settings(url: String, max_connections: u32) -> DbSettings {
    let key = NamedKey::unnamed(Key32::from_bytes(KEY));
    DbSettings { url, max_connections, macs: Arc::new(RowMacs::new(&KeyRing::single(key))) }
}

/// Gives rows that were inserted with SQL their MACs.
pub async fn sign_rows(url: &str) -> Result<(), Failure> {
    let db = Db::connect(settings(url.to_owned(), 1)).await?;
    authority::sign(&db, Signing::First, SystemClock.now()).await?;
    Ok(())
}

/// Recreates and migrates a database and imports the school of this policy; returns its URL.
pub async fn fresh_database(server: &str, name: &str, policy: &Path) -> Result<String, Failure> {
    let admin = Database::connect(server).await?;
    admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
    let (host, _) = server.rsplit_once('/').ok_or("no database in the address")?;
    let url = format!("{host}/{name}");
    let db = Db::connect(settings(url.clone(), 4)).await?;
    db.migrate().await?;
    import_schools(&db, &[PathBuf::from(policy)], false, SystemClock.now()).await?;
    Ok(url)
}

/// The number of the school with this code.
pub async fn school_of(db: &DatabaseConnection, code: &str) -> Result<i64, Failure> {
    let sql = format!("SELECT id FROM school WHERE code = '{code}'");
    let statement = Statement::from_string(db.get_database_backend(), sql);
    Ok(db.query_one_raw(statement).await?.ok_or("no school")?.try_get("", "id")?)
}

/// A list of values in SQL.
pub fn rows<T>(chunk: &[T], row: impl Fn(&T) -> String) -> String {
    chunk.iter().map(|item| format!("({})", row(item))).collect::<Vec<_>>().join(", ")
}
