//! The MACs of rows that a test changes past the program.

use crate::{World, now};
use onecard::{base::db::Db, wiring::authority};
use sea_orm::Value as SqlValue;

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
    let report = authority::rekey(db, true, now()).await.unwrap();
    assert!(report.is_clean(), "{report}");
}

/// Asserts that every row of authority fits its MAC, and that the audit log is whole.
pub async fn assert_authentic(db: &Db) {
    let rows = authority::audit_rows(db).await.unwrap();
    assert!(rows.is_clean(), "{rows}");
    let log = onecard::audit::audit(db).await.unwrap();
    assert!(log.is_clean(), "{log}");
}
