//! A template database with all tables, migrated once for each build of the tests and copied for
//! each test.

use crate::database::{CONNECTIONS, connect};
use onecard::base::db::{Db, DbSettings};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use std::{
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};
use tokio::sync::OnceCell;

/// The advisory lock under which one process makes the template while the others wait.
const LOCK: i64 = 0x7e57_0001;

/// The template's file, next to the test executable.
pub(crate) async fn sqlite() -> &'static Path {
    static FILE: OnceCell<PathBuf> = OnceCell::const_new();
    FILE.get_or_init(async || {
        let program = std::env::current_exe().unwrap();
        let file = program.with_extension("template.db");
        let built = modified(&program).unwrap();
        if modified(&file).is_none_or(|made| made < built) {
            make_sqlite(&file).await;
        }
        file
    })
    .await
}

/// Creates the file atomically: other processes see the complete file or none.
async fn make_sqlite(file: &Path) {
    let folder = tempfile::tempdir_in(file.parent().unwrap()).unwrap();
    let (migrated, copy) = (folder.path().join("migrated.db"), folder.path().join("copy.db"));
    let url = format!("sqlite://{}", migrated.display());
    migrate(url.clone()).await;
    // `VACUUM INTO` also copies what is still in the write-ahead log.
    run(&connect(&url).await, &format!("VACUUM INTO '{}'", copy.display())).await;
    fs::rename(copy, file).unwrap();
}

/// The name of the template on this server.
pub(crate) async fn postgres(server: &str) -> &'static str {
    static NAME: OnceCell<String> = OnceCell::const_new();
    NAME.get_or_init(async || {
        let built = modified(&std::env::current_exe().unwrap()).unwrap();
        let name = format!("template_{built:x}");
        make_postgres(server, &name).await;
        name
    })
    .await
}

async fn make_postgres(server: &str, name: &str) {
    // A single connection: closing it releases the lock.
    let admin = connect(server).await;
    run(&admin, &format!("SELECT pg_advisory_lock({LOCK})")).await;
    let there = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
    if run(&admin, &there).await == 0 {
        let (host, _) = server.rsplit_once('/').unwrap();
        run(&admin, &format!("DROP DATABASE IF EXISTS {name}_new WITH (FORCE)")).await;
        run(&admin, &format!("CREATE DATABASE {name}_new")).await;
        migrate(format!("{host}/{name}_new")).await;
        // PostgreSQL refuses to rename or copy a database that has connections.
        let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname";
        run(&admin, &format!("{end} = '{name}_new'")).await;
        run(&admin, &format!("ALTER DATABASE {name}_new RENAME TO {name}")).await;
    }
    admin.close().await.unwrap();
}

async fn migrate(url: String) {
    let db = Db::connect(DbSettings { url, max_connections: CONNECTIONS }).await.unwrap();
    db.migrate().await.unwrap();
}

/// The modification time of a file, in nanoseconds since 1970.
fn modified(file: &Path) -> Option<u128> {
    let time = fs::metadata(file).ok()?.modified().unwrap();
    Some(time.duration_since(UNIX_EPOCH).unwrap().as_nanos())
}

/// Runs a statement and returns how many rows it returned or changed.
async fn run(on: &DatabaseConnection, sql: &str) -> u64 {
    on.execute_unprepared(sql).await.unwrap().rows_affected()
}
