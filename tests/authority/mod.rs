//! Rows that decide who may act and whose money moves, the audit log, and keys that are replaced.

mod keys;
mod log;
mod rows;
mod uses;

use onecard::base::{
    crypto::{
        keyring::{Key32, KeyRing, NamedKey},
        row_mac::RowMacs,
    },
    db::{Db, DbSettings},
};
use std::sync::Arc;
use testkit::{KEY, TestDb};

/// The tests' own key, and another one.
pub fn named(id: &str) -> NamedKey {
    let key = if id == "k1" { KEY } else { [8; 32] };
    NamedKey::new(id, Key32::from_bytes(key)).unwrap()
}

/// A ring of the first of these keys, with the others behind it.
pub fn ring(ids: &[&str]) -> KeyRing {
    let older = ids[1..].iter().map(|id| named(id)).collect();
    KeyRing::new(named(ids[0]), older).unwrap()
}

/// The same database, for a program with these keys.
pub async fn reopened(db: &TestDb, ids: &[&str]) -> Db {
    let macs = Arc::new(RowMacs::new(&ring(ids)));
    let settings = DbSettings { macs, ..db.db.settings().clone() };
    Db::connect(settings).await.unwrap()
}
