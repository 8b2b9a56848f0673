//! Rows of the sealed history and of the queue of unsealed batches.

use super::BatchRow;
use crate::{
    base::{
        clock::Timestamp,
        db::{Column, Db, DbError, Rows, Source, Tx},
        ids::SchoolId,
    },
    ledger::{
        seal::{GENESIS, Head, Seal},
        transfer::Hash,
    },
};
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use uuid::Uuid;

/// Locks the school's `seal_head` row; `None` while another transaction holds it.
pub(in crate::ledger) async fn lock_head(
    tx: &Tx,
    school: SchoolId,
) -> Result<Option<Head>, DbError> {
    let fresh = Rows::new(vec![
        ("school_id", Column::I64(vec![school.number()])),
        ("position", Column::I64(vec![GENESIS.position])),
        ("hash", Column::Bytes(vec![GENESIS.hash.to_vec()])),
    ]);
    tx.insert_rows("seal_head", fresh, "ON CONFLICT (school_id) DO NOTHING").await?;
    let ids = || Rows::new(vec![("school_id", Column::I64(vec![school.number()]))]);
    let found = if tx.has_row_locks() {
        let sql = "SELECT h.* FROM seal_head h JOIN {rows} ON h.school_id = r.school_id \
                   FOR UPDATE OF h SKIP LOCKED";
        tx.select_rows(sql, ids()).await?
    } else {
        let sql = "SELECT h.* FROM seal_head h JOIN {rows} ON h.school_id = r.school_id";
        tx.select_rows(sql, ids()).await?
    };
    found.first().map(head).transpose()
}

fn head(row: &QueryResult) -> Result<Head, DbError> {
    Ok(Head { position: row.try_get("", "position")?, hash: hash(row, "hash", "seal_head")? })
}

pub(super) fn hash(row: &QueryResult, column: &str, table: &'static str) -> Result<Hash, DbError> {
    let bytes: Vec<u8> = row.try_get("", column)?;
    bytes.try_into().map_err(|_| DbError::Inconsistent { table, what: "a hash has 32 bytes" })
}

/// Removes batches from the queue of unsealed ones.
pub(in crate::ledger) async fn take_unsealed(
    tx: &Tx,
    school: SchoolId,
    most: u32,
) -> Result<Vec<BatchRow>, DbError> {
    let sql = format!(
        "DELETE FROM unsealed WHERE batch_id IN \
         (SELECT batch_id FROM unsealed WHERE school_id = {} LIMIT {most}) \
         RETURNING batch_id, school_id, transfers, digest",
        school.number()
    );
    let found = tx.conn().query_all_raw(Statement::from_string(tx.backend(), sql)).await?;
    found.iter().map(batch).collect()
}

fn batch(row: &QueryResult) -> Result<BatchRow, DbError> {
    Ok(BatchRow {
        id: row.try_get("", "batch_id")?,
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        transfers: row.try_get("", "transfers")?,
        digest: hash(row, "digest", "unsealed")?,
    })
}

/// Appends a seal to the chain. `batch_id`, where older seals name their only batch, holds the first
/// one of the list.
pub(in crate::ledger) async fn append_seal(
    tx: &Tx,
    seal: &Seal,
    hash: Hash,
) -> Result<(), DbError> {
    let batches = seal.batches.batches();
    let listed = batches.iter().flat_map(|batch| *batch.as_bytes()).collect();
    let rows = Rows::new(vec![
        ("school_id", Column::I64(vec![seal.school.number()])),
        ("position", Column::I64(vec![seal.position])),
        ("batch_id", Column::Uuid(batches.iter().copied().take(1).collect())),
        ("batches", Column::Bytes(vec![listed])),
        ("transfers", Column::I32(vec![seal.transfers])),
        ("digest", Column::Bytes(vec![seal.digest.to_vec()])),
        ("sealed_at", Column::I64(vec![seal.sealed_at.micros()])),
        ("hash", Column::Bytes(vec![hash.to_vec()])),
    ]);
    tx.insert_rows("seal", rows, "").await?;
    Ok(())
}

/// Updates the head of the chain.
pub(in crate::ledger) async fn move_head(
    tx: &Tx,
    school: SchoolId,
    head: Head,
) -> Result<(), DbError> {
    let rows = Rows::new(vec![
        ("school_id", Column::I64(vec![school.number()])),
        ("position", Column::I64(vec![head.position])),
        ("hash", Column::Bytes(vec![head.hash.to_vec()])),
    ]);
    tx.update_rows("seal_head", rows, "position = r.position, hash = r.hash").await?;
    Ok(())
}

/// Folds the hot tail of sealed batches into the accounts' balances.
pub(in crate::ledger) async fn fold(tx: &Tx, batches: Vec<Uuid>) -> Result<(), DbError> {
    let rows = || Rows::new(vec![("batch_id", Column::Uuid(batches.clone()))]);
    let sql = "SELECT t.account_id, CAST(SUM(t.delta_fen) AS BIGINT) AS delta_fen \
               FROM tail t JOIN {rows} ON t.batch_id = r.batch_id GROUP BY t.account_id";
    let (mut ids, mut deltas) = (Vec::new(), Vec::new());
    for row in tx.select_rows(sql, rows()).await? {
        ids.push(row.try_get("", "account_id")?);
        deltas.push(row.try_get("", "delta_fen")?);
    }
    let folded = ids.len();
    let deltas = Rows::new(vec![("id", Column::Uuid(ids)), ("delta", Column::I64(deltas))]);
    let updated = tx.update_rows("account", deltas, "balance_fen = balance_fen + r.delta").await?;
    if usize::try_from(updated) != Ok(folded) {
        return Err(DbError::Inconsistent {
            table: "tail",
            what: "an account that does not exist",
        });
    }
    for (source, values) in rows().sources(tx.backend()) {
        let sql = format!("DELETE FROM tail WHERE batch_id IN (SELECT r.batch_id FROM {source})");
        let statement = Statement::from_sql_and_values(tx.backend(), sql, values);
        tx.conn().execute_raw(statement).await?;
    }
    Ok(())
}

/// The schools with unsealed batches.
pub(in crate::ledger) async fn schools_with_unsealed(db: &Db) -> Result<Vec<SchoolId>, DbError> {
    let sql = "SELECT DISTINCT school_id FROM unsealed ORDER BY school_id";
    let found = db.conn().query_all_raw(Statement::from_string(db.backend(), sql)).await?;
    let mut schools = Vec::with_capacity(found.len());
    for row in found {
        schools.push(SchoolId::from_number(row.try_get("", "school_id")?));
    }
    Ok(schools)
}

/// The head of every school's chain.
pub(in crate::ledger) async fn heads(
    on: &impl ConnectionTrait,
) -> Result<Vec<(SchoolId, Head)>, DbError> {
    let sql = "SELECT school_id, position, hash FROM seal_head ORDER BY school_id";
    let found = on.query_all_raw(Statement::from_string(on.get_database_backend(), sql)).await?;
    found
        .iter()
        .map(|row| Ok((SchoolId::from_number(row.try_get("", "school_id")?), head(row)?)))
        .collect()
}

/// How far a school's history is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealingState {
    /// The position of the last seal; 0 if there is none.
    pub position: i64,
    /// When that was.
    pub sealed_at: Option<Timestamp>,
    /// Its hash, which covers everything before it.
    pub hash: Option<Hash>,
    /// How many batches wait, up to 1,000.
    pub waiting: u64,
}

impl SealingState {
    /// Of a school: one query.
    pub async fn of_school(db: &Db, school: SchoolId) -> Result<Self, DbError> {
        let sql = "SELECT (SELECT COUNT(*) FROM (SELECT 1 AS one FROM unsealed \
               WHERE school_id = $1 LIMIT 1000) AS t) AS waiting, \
               COALESCE((SELECT MAX(position) FROM seal WHERE school_id = $1), 0) AS position, \
               (SELECT sealed_at FROM seal WHERE school_id = $1 \
               ORDER BY position DESC LIMIT 1) AS sealed_at, \
               (SELECT hash FROM seal WHERE school_id = $1 \
               ORDER BY position DESC LIMIT 1) AS hash";
        let found = Source::Db(db).select(sql, vec![school.number().into()]).await?;
        let row = found.first().ok_or(DbError::Inconsistent { table: "seal", what: "no count" })?;
        Ok(Self {
            position: row.try_get("", "position")?,
            sealed_at: row.try_get::<Option<i64>>("", "sealed_at")?.map(Timestamp::from_micros),
            hash: row.try_get::<Option<Vec<u8>>>("", "hash")?.and_then(|hash| hash.try_into().ok()),
            waiting: u64::try_from(row.try_get::<i64>("", "waiting")?).unwrap_or(0),
        })
    }
}
