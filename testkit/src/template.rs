//! Template databases, made once for each build of the tests and copied for each test.

use crate::{
    database::{CONNECTIONS, connect, macs},
    people::{import_people, repository},
};
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

/// What a test's database holds at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// All tables, no rows.
    Empty,
    /// The schools of [`import_people`] and their people.
    Campus,
}

/// The template's file, next to the test executable.
pub(crate) async fn sqlite(content: Content) -> &'static Path {
    static EMPTY: OnceCell<PathBuf> = OnceCell::const_new();
    static CAMPUS: OnceCell<PathBuf> = OnceCell::const_new();
    let (kept, extension) = match content {
        Content::Empty => (&EMPTY, "empty.db"),
        Content::Campus => (&CAMPUS, "campus.db"),
    };
    kept.get_or_init(async || {
        let file = std::env::current_exe().unwrap().with_extension(extension);
        let made = file.exists().then(|| modified(&file));
        if made.is_none_or(|made| made < version()) {
            make_sqlite(&file, content).await;
        }
        file
    })
    .await
}

/// Creates the file atomically: other processes see the complete file or none.
async fn make_sqlite(file: &Path, content: Content) {
    let folder = tempfile::tempdir_in(file.parent().unwrap()).unwrap();
    let (filled, copy) = (folder.path().join("filled.db"), folder.path().join("copy.db"));
    let url = format!("sqlite://{}", filled.display());
    fill(url.clone(), content).await;
    // `VACUUM INTO` also copies what is still in the write-ahead log.
    run(&connect(&url).await, &format!("VACUUM INTO '{}'", copy.display())).await;
    fs::rename(copy, file).unwrap();
}

/// The name of the template on this server.
pub(crate) async fn postgres(server: &str, content: Content) -> &'static str {
    static EMPTY: OnceCell<String> = OnceCell::const_new();
    static CAMPUS: OnceCell<String> = OnceCell::const_new();
    let (kept, start) = match content {
        Content::Empty => (&EMPTY, "empty"),
        Content::Campus => (&CAMPUS, "campus"),
    };
    kept.get_or_init(async || {
        let name = format!("{start}_{:x}", version());
        make_postgres(server, &name, content).await;
        name
    })
    .await
}

async fn make_postgres(server: &str, name: &str, content: Content) {
    // A single connection: closing it releases the lock.
    let admin = connect(server).await;
    run(&admin, &format!("SELECT pg_advisory_lock({LOCK})")).await;
    let there = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
    if run(&admin, &there).await == 0 {
        let (host, _) = server.rsplit_once('/').unwrap();
        run(&admin, &format!("DROP DATABASE IF EXISTS {name}_new WITH (FORCE)")).await;
        run(&admin, &format!("CREATE DATABASE {name}_new")).await;
        fill(format!("{host}/{name}_new"), content).await;
        // PostgreSQL refuses to rename or copy a database that has connections.
        let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname";
        run(&admin, &format!("{end} = '{name}_new'")).await;
        run(&admin, &format!("ALTER DATABASE {name}_new RENAME TO {name}")).await;
    }
    admin.close().await.unwrap();
}

async fn fill(url: String, content: Content) {
    let settings = DbSettings { url, max_connections: CONNECTIONS, macs: macs() };
    let db = Db::connect(settings).await.unwrap();
    db.migrate().await.unwrap();
    if content == Content::Campus {
        import_people(&db).await;
    }
}

/// When what templates are made from was last changed, in nanoseconds since 1970: the tests'
/// program, and the files of schools and people that it reads.
fn version() -> u128 {
    let schools = repository().join("schools");
    let files = |folder: &Path| folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    files(&schools)
        .chain(files(&schools.join("demo")))
        .chain([std::env::current_exe().unwrap()])
        .map(|file| modified(&file))
        .max()
        .unwrap()
}

/// The modification time of a file, in nanoseconds since 1970.
fn modified(file: &Path) -> u128 {
    let time = fs::metadata(file).unwrap().modified().unwrap();
    time.duration_since(UNIX_EPOCH).unwrap().as_nanos()
}

/// Runs a statement and returns how many rows it returned or changed.
async fn run(on: &DatabaseConnection, sql: &str) -> u64 {
    on.execute_unprepared(sql).await.unwrap().rows_affected()
}
