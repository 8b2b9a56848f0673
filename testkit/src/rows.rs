//! Direct access to the database, independent of the program.

use crate::{authentic::sign_rows, database::connect, waiting::eventually};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait, Value as SqlValue,
};
use std::{collections::BTreeMap, fmt::Debug, pin::pin};
use uuid::Uuid;

/// A separate connection for the test.
pub struct Rows(DatabaseConnection, String);

impl Rows {
    /// Connects to the database at this address.
    pub async fn of(url: &str) -> Self {
        Self(connect(url).await, url.to_owned())
    }

    /// Runs a statement and returns how many rows it changed. Retries it if PostgreSQL aborts it
    /// because of a deadlock with the server under test, as the server does with its own.
    pub async fn change(&self, sql: &str, values: impl IntoIterator<Item = SqlValue>) -> u64 {
        let statement = self.statement(sql, values);
        loop {
            match self.0.execute_raw(statement.clone()).await {
                Err(error) if error.to_string().contains("deadlock detected") => {}
                done => return done.unwrap().rows_affected(),
            }
        }
    }

    /// Runs `act` while an update is made, with the MACs of its rows, and not yet committed, and commits
    /// it once somebody waits for it. Panics with what `act` returned if it did not wait. PostgreSQL
    /// only: SQLite lets nobody act meanwhile.
    pub async fn change_while<T: Debug>(&self, sql: &str, act: impl Future<Output = T>) -> T {
        let pool = connect(&self.1).await;
        #[expect(clippy::disallowed_methods, reason = "a transaction past the program")]
        let change = pool.begin().await.unwrap();
        change.execute_unprepared(sql).await.unwrap();
        sign_rows(&change, sql.split_whitespace().nth(1).unwrap()).await;
        let somebody_waits = eventually("somebody waits for the change", async || {
            let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
                WHERE datname = current_database() AND wait_event_type = 'Lock'";
            (self.number(waiting).await > 0).then_some(())
        });
        let mut act = pin!(act);
        tokio::select! {
            early = &mut act => panic!("did not wait for the change: {early:?}"),
            () = somebody_waits => change.commit().await.unwrap(),
        };
        act.await
    }

    /// The single number that a query returns.
    pub async fn number(&self, sql: &str) -> i64 {
        let row = self.0.query_one_raw(self.statement(sql, [])).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// The texts that a query returns.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let rows = self.0.query_all_raw(self.statement(sql, [])).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// The single id that a query returns.
    pub async fn id(&self, sql: &str) -> Uuid {
        let row = self.0.query_one_raw(self.statement(sql, [])).await.unwrap().unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// The number of rows in a table.
    pub async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) FROM {table}")).await
    }

    /// The number of advisory locks held on this database; zero on SQLite.
    pub async fn advisory_locks(&self) -> i64 {
        if !self.is_postgres() {
            return 0;
        }
        self.number(
            "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND database = \
             (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .await
    }

    /// The number of a school.
    pub async fn school(&self, code: &str) -> i64 {
        self.number(&format!("SELECT id FROM school WHERE code = '{code}'")).await
    }

    /// The person with this number at a school.
    pub async fn person(&self, school: &str, student_no: &str) -> Uuid {
        let sql = "SELECT p.id FROM person p JOIN school s ON s.id = p.school_id \
                   WHERE s.code = $1 AND p.student_no = $2";
        let values = [school.into(), student_no.into()];
        let row = self.0.query_one_raw(self.statement(sql, values)).await.unwrap();
        row.unwrap().try_get_by_index(0).unwrap()
    }

    /// The only payment in the database.
    pub async fn only_payment(&self) -> Uuid {
        let rows =
            self.0.query_all_raw(self.statement("SELECT id FROM payment", [])).await.unwrap();
        assert_eq!(rows.len(), 1);
        rows[0].try_get_by_index(0).unwrap()
    }

    /// The state of a payment.
    pub async fn payment_state(&self, payment: Uuid) -> String {
        let sql = "SELECT state FROM payment WHERE id = $1";
        let row = self.0.query_one_raw(self.statement(sql, [payment.into()])).await.unwrap();
        row.unwrap().try_get_by_index(0).unwrap()
    }

    /// The first payment of an order.
    pub async fn payment_of(&self, order: Uuid) -> Uuid {
        let sql = "SELECT id FROM payment WHERE order_id = $1 ORDER BY id LIMIT 1";
        let row = self.0.query_one_raw(self.statement(sql, [order.into()])).await.unwrap();
        row.unwrap().try_get_by_index(0).unwrap()
    }

    /// All payments of an order, oldest first.
    pub async fn payments_of(&self, order: Uuid) -> Vec<Uuid> {
        let sql = "SELECT id FROM payment WHERE order_id = $1 ORDER BY id";
        let rows = self.0.query_all_raw(self.statement(sql, [order.into()])).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// An id as the database writes it in SQL.
    pub fn literal(&self, id: &str) -> String {
        if self.is_postgres() { format!("'{id}'") } else { format!("x'{}'", id.replace('-', "")) }
    }

    /// Makes an order expire now.
    pub async fn expire(&self, order: &str) {
        let order: Uuid = order.parse().unwrap();
        let expire = "UPDATE orders SET expires_at = created_at WHERE id = $1";
        assert_eq!(self.change(expire, [order.into()]).await, 1);
        self.due(&order.to_string()).await;
    }

    /// Makes the open payments of an order due now.
    pub async fn due(&self, order: &str) {
        let order: Uuid = order.parse().unwrap();
        let due = "UPDATE payment SET look_at = 0 WHERE order_id = $1 AND state = 'open'";
        self.change(due, [order.into()]).await;
    }

    /// The content of all tables, as text. Two of these are equal only if no value changed in
    /// between. Without how the jobs of the server go, which is written every some seconds.
    pub async fn everything(&self) -> BTreeMap<String, Vec<String>> {
        let mut everything = BTreeMap::new();
        for table in self.tables().await.into_iter().filter(|table| table != "job_run") {
            let row = if self.is_postgres() {
                format!("CAST({table} AS TEXT)")
            } else {
                self.quoted_columns(&table).await
            };
            let rows = self.texts(&format!("SELECT {row} FROM {table} ORDER BY 1")).await;
            everything.insert(table, rows);
        }
        assert!(everything.len() > 10 && !everything["person"].is_empty());
        everything
    }

    async fn tables(&self) -> Vec<String> {
        let sql = if self.is_postgres() {
            "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public'"
        } else {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        };
        self.texts(sql).await
    }

    /// Whether it is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.0.get_database_backend() == DbBackend::Postgres
    }

    async fn quoted_columns(&self, table: &str) -> String {
        let columns =
            format!("SELECT 'quote(\"' || name || '\")' FROM pragma_table_info('{table}')");
        self.texts(&columns).await.join(" || ',' || ")
    }

    fn statement(&self, sql: &str, values: impl IntoIterator<Item = SqlValue>) -> Statement {
        Statement::from_sql_and_values(self.0.get_database_backend(), sql, values)
    }
}
