//! Callers that are dropped while they wait, and what the pool lends afterwards.

use super::{Column, Db, DbError, DbSettings, Rows, Source, Write};
use crate::base::crypto::{
    keyring::{Key32, KeyRing, NamedKey},
    row_mac::RowMacs,
};
use sea_orm::ConnectionTrait;
use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
};
use tracing::{Subscriber, field::Visit};
use tracing_subscriber::{Layer, layer::Context, prelude::*};
use uuid::Uuid;

/// A table for one test, and a pool of one connection, so that each use gets what the last one left.
struct Table {
    db: Db,
    name: &'static str,
    watcher: Db,
}

/// A pool of one connection.
async fn open(url: &str) -> Db {
    let key = NamedKey::unnamed(Key32::from_bytes([1; 32]));
    let macs = Arc::new(RowMacs::new(&KeyRing::single(key)));
    Db::connect(DbSettings { url: url.to_owned(), max_connections: 1, macs }).await.unwrap()
}

impl Table {
    async fn new(url: &str) -> Self {
        let name = format!("given_up_{}", Uuid::new_v4().simple());
        let watcher = open(url).await;
        let create = format!("CREATE TABLE {name} (n bigint PRIMARY KEY)");
        watcher.conn().execute_unprepared(&create).await.unwrap();
        Self { db: open(url).await, name: name.leak(), watcher }
    }

    fn row(&self, n: i64) -> Write {
        let rows = Rows::new(vec![("n", Column::I64(vec![n]))]);
        Write::Insert { table: self.name, rows, suffix: "" }
    }

    /// Three statements in a transaction.
    async fn write(&self, n: i64) -> Result<(), DbError> {
        self.db
            .in_tx(async |tx| {
                for k in 0..3 {
                    tx.write_all(vec![self.row(3 * n + k)]).await?;
                }
                Ok(())
            })
            .await
    }

    async fn number(&self, sql: &str) -> i64 {
        let rows = Source::Db(&self.watcher).select(sql, vec![]).await.unwrap();
        rows[0].try_get_by_index(0).unwrap()
    }

    /// All rows of a transaction are there, or none; and its session has ended it.
    async fn assert_whole(&self, at: &str) {
        // Waits until the connection was returned, and for the statement that it may be executing.
        self.db.ping().await.unwrap();
        let rows = self.number(&format!("SELECT COUNT(*) FROM {}", self.name)).await;
        assert_eq!(rows % 3, 0, "{at}");
        if !self.db.is_sqlite() {
            let open = "SELECT COUNT(*) FROM pg_stat_activity \
                        WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
            assert_eq!(self.number(open).await, 0, "{at}");
        }
    }

    async fn remove(self) {
        let drop = format!("DROP TABLE {}", self.name);
        self.watcher.conn().execute_unprepared(&drop).await.unwrap();
    }
}

/// The output, or `None` if the future is still pending after `polls` polls; it is dropped then.
async fn polled<F: Future>(work: F, polls: u32) -> Option<F::Output> {
    let (mut work, mut left) = (pin!(work), polls);
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => {
            left -= 1;
            if left == 0 { Poll::Ready(None) } else { Poll::Pending }
        }
    })
    .await
}

/// What PostgreSQL warned of.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::postgres::notice" {
            event.record(&mut self.clone());
        }
    }
}

impl Visit for Warnings {
    fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push(format!("{value:?}"));
    }
}

async fn given_up_at_any_moment(url: &str) {
    let warnings = Warnings::default();
    let subscriber = tracing_subscriber::registry().with(warnings.clone());
    let _heard = tracing::subscriber::set_default(subscriber);
    let table = Table::new(url).await;
    let (mut given_up, mut n) = (0, 0);
    for polls in 1.. {
        n += 1;
        match polled(table.write(n), polls).await {
            Some(done) => {
                done.unwrap();
                break;
            }
            None => given_up += 1,
        }
        table.assert_whole(&format!("given up after {polls} polls")).await;
    }
    table.write(n + 1).await.unwrap();
    assert_eq!(*warnings.0.lock().unwrap(), [""; 0], "the driver lost count");
    // BEGIN and COMMIT at least; a quick answer to a statement is not waited for.
    assert!(given_up >= 2, "given up {given_up} times");
    table.remove().await;
}

async fn one_statement_given_up_at_any_moment(url: &str) {
    let table = Table::new(url).await;
    for polls in 1.. {
        let n = 3 * i64::from(polls);
        let work = table.db.write_at_once((n..n + 3).map(|n| table.row(n)).collect(), None);
        if let Some(done) = polled(work, polls).await {
            done.unwrap();
            break;
        }
        table.assert_whole(&format!("given up after {polls} polls")).await;
    }
    table.remove().await;
}

fn postgres() -> Option<String> {
    let server = std::env::var("ONECARD_TEST_PG").ok();
    let required = std::env::var("ONECARD_TEST_REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(server.is_some() || !required, "ONECARD_TEST_PG is not set");
    if server.is_none() {
        eprintln!("SKIPPED: ONECARD_TEST_PG is not set");
    }
    server
}

#[tokio::test]
async fn sqlite_given_up_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    given_up_at_any_moment(&format!("sqlite://{}/test.db", folder.path().display())).await;
}

/// In a database of its own: the sessions of other programs do not count.
#[tokio::test]
async fn postgres_given_up_at_any_moment() {
    let Some(server) = postgres() else { return };
    let name = format!("given_up_{}", Uuid::new_v4().simple());
    let admin = open(&server).await;
    admin.conn().execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (address, _) = server.rsplit_once('/').unwrap();
    let url = format!("{address}/{name}");
    given_up_at_any_moment(&url).await;
    one_statement_given_up_at_any_moment(&url).await;
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    admin.conn().execute_unprepared(&drop).await.unwrap();
}

/// Whatever the server's default is.
#[tokio::test]
async fn sessions_ask_for_durable_commits() {
    let Some(server) = postgres() else { return };
    let db = open(&format!("{server}?options[synchronous_commit]=off")).await;
    let rows = Source::Db(&db).select("SHOW synchronous_commit", vec![]).await.unwrap();
    assert_eq!(rows[0].try_get_by_index::<String>(0).unwrap(), "on");
}
