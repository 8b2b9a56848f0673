//! The table of platform certificates that were fetched. Each stays encrypted with the API v3 key, which
//! is not in the database: who can only write rows cannot add a certificate.

use super::certificates::{Entry, Fetched};
use crate::base::{
    clock::Timestamp,
    db::{Column, Db, DbError, Rows, Source, Write},
};

/// The maximum number of certificates of a merchant that are read: a certificate lasts for five years.
const MOST: i64 = 1000;

/// Keeps the certificates. One that is there already is replaced: its API v3 key may be a new one.
pub(super) async fn keep(
    db: &Db,
    mch_id: &str,
    fetched: &[Fetched],
    now: Timestamp,
) -> Result<(), DbError> {
    db.in_tx(async |tx| tx.write_all(writes(mch_id, fetched, now)).await).await
}

/// One write for each: an answer may name a certificate twice, and one write may not replace a row twice.
fn writes(mch_id: &str, fetched: &[Fetched], now: Timestamp) -> Vec<Write> {
    let suffix = "ON CONFLICT (merchant_number, serial) \
                  DO UPDATE SET sealed = excluded.sealed, fetched_at = excluded.fetched_at";
    let write = |one: &Fetched| {
        let serial = one.certificate.serial().to_ascii_uppercase();
        let rows = Rows::new(vec![
            ("merchant_number", Column::Text(vec![mch_id.to_owned()])),
            ("serial", Column::Text(vec![serial])),
            ("sealed", Column::Text(vec![one.entry.to_text()])),
            ("fetched_at", Column::I64(vec![now.micros()])),
        ]);
        Write::Insert { table: "platform_certificate", rows, suffix }
    };
    fetched.iter().map(write).collect()
}

/// The certificates of this merchant, the latest first.
pub(super) async fn of(db: &Db, mch_id: &str) -> Result<Vec<Entry>, DbError> {
    let sql = "SELECT sealed FROM platform_certificate WHERE merchant_number = $1 \
               ORDER BY fetched_at DESC LIMIT $2";
    let rows = Source::Db(db).select(sql, vec![mch_id.into(), MOST.into()]).await?;
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        let sealed: String = row.try_get("", "sealed")?;
        entries.extend(Entry::parse(&sealed));
    }
    Ok(entries)
}
