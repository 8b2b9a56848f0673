//! The MACs of rows that a test changes past the program.

use crate::{World, database::macs, now};
use onecard::{
    base::db::Db,
    wiring::authority::{self, Signing},
};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement, Value as SqlValue};
use uuid::Uuid;

impl World {
    /// Changes rows that carry a MAC, as if the program had: see [`take_over`].
    pub async fn change(&self, sql: &str, values: impl IntoIterator<Item = SqlValue>) -> u64 {
        let changed = self.rows.change(sql, values).await;
        take_over(&self.db).await;
        changed
    }
}

/// Gives rows that a test changed past the program MACs that fit them.
pub async fn take_over(db: &Db) {
    let report = authority::sign(db, Signing::TakeOver, now()).await.unwrap();
    assert!(report.is_clean(), "{report}");
}

/// Asserts that every row of authority fits its MAC, and that the audit log is whole.
pub async fn assert_authentic(db: &Db) {
    let rows = authority::audit_rows(db).await.unwrap();
    assert!(rows.is_clean(), "{rows}");
    let log = onecard::audit::audit(db).await.unwrap();
    assert!(log.is_clean(), "{log}");
}

/// Gives the rows of a table whose MAC does not fit one that does, over a connection of the test's own: in a transaction
/// that is still open. Nothing is done for a table whose rows have none.
pub(crate) async fn sign_rows(conn: &DatabaseTransaction, table: &str) {
    let Some(authority) = authority::tables().find(|authority| authority.table == table) else {
        return;
    };
    let backend = conn.get_database_backend();
    let found = Statement::from_string(backend, format!("SELECT * FROM {table}"));
    for row in conn.query_all_raw(found).await.unwrap() {
        let id: Uuid = row.try_get("", "id").unwrap();
        let fields = authority.columns.iter().map(|(name, kind)| kind.read(&row, name).unwrap());
        let fields: Vec<_> = fields.collect();
        let mac: Option<Vec<u8>> = row.try_get("", "mac").unwrap();
        let fields = authority.covered(&fields);
        if macs().check(table, id, fields, mac.as_deref()).fits() {
            continue;
        }
        let mac = macs().sign(table, id, fields);
        let sql = format!("UPDATE {table} SET mac = $1 WHERE id = $2");
        let update = Statement::from_sql_and_values(backend, sql, [mac.into(), id.into()]);
        conn.execute_raw(update).await.unwrap();
    }
}
