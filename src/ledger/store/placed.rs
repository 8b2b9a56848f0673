//! Reads for `verify`: where each batch is placed, that is, sealed or waiting for its seal. Pages of
//! bounded size, of rows that may hold anything.

use super::{audit::page, seals::hash};
use crate::{
    base::{
        clock::Timestamp,
        db::{Column, DbError, Rows, Tx},
        ids::SchoolId,
    },
    ledger::{
        seal::{Seal, Sealed},
        transfer::Hash,
    },
};
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use std::collections::HashMap;
use uuid::Uuid;

/// Seals read at a time. One may list a thousand batches, which are 16 KB.
const SEALS: usize = 32;
/// Batches read at a time.
const BATCHES: usize = 4000;
/// The most misplaced batches that are named.
const NAMED: usize = 1000;
/// The length of a batch's id in `seal.batches`.
const ID: usize = 16;

/// School and position.
pub(in crate::ledger) type SealKey = (SchoolId, i64);

/// A row of `seal`: its key, and its content as far as it can be read.
#[derive(Debug)]
pub(in crate::ledger) struct FoundSeal {
    pub(in crate::ledger) key: SealKey,
    /// The batches that it names, also where something else in it cannot be read.
    pub(in crate::ledger) batches: Vec<Uuid>,
    pub(in crate::ledger) seal: Option<Seal>,
    pub(in crate::ledger) hash: Option<Hash>,
}

/// The seals after this key, by school and position.
pub(in crate::ledger) async fn seals_after(
    tx: &Tx,
    after: Option<SealKey>,
) -> Result<Vec<FoundSeal>, DbError> {
    let after = after.map(|(school, position)| vec![school.number().into(), position.into()]);
    let seal =
        ("seal", "school_id, position, batch_id, batches, transfers, digest, sealed_at, hash");
    let found = page(tx, seal, &["school_id", "position"], after, SEALS).await?;
    found.iter().map(found_seal).collect()
}

fn found_seal(row: &QueryResult) -> Result<FoundSeal, DbError> {
    let school = SchoolId::from_number(row.try_get("", "school_id")?);
    let position = row.try_get("", "position")?;
    let seal = || -> Result<Seal, DbError> {
        Ok(Seal {
            school,
            position,
            batches: sealed(row)?,
            transfers: row.try_get("", "transfers")?,
            digest: hash(row, "digest", "seal")?,
            sealed_at: Timestamp::from_micros(row.try_get("", "sealed_at")?),
        })
    };
    let batches = named(row).unwrap_or_default();
    let (seal, hash) = (seal().ok(), hash(row, "hash", "seal").ok());
    Ok(FoundSeal { key: (school, position), batches, seal, hash })
}

fn named(row: &QueryResult) -> Result<Vec<Uuid>, DbError> {
    let Some(list) = row.try_get::<Option<Vec<u8>>>("", "batches")? else {
        return Ok(vec![row.try_get("", "batch_id")?]);
    };
    Ok(list.chunks_exact(ID).filter_map(|id| Uuid::from_slice(id).ok()).collect())
}

fn sealed(row: &QueryResult) -> Result<Sealed, DbError> {
    let first: Uuid = row.try_get("", "batch_id")?;
    let Some(list) = row.try_get::<Option<Vec<u8>>>("", "batches")? else {
        return Ok(Sealed::Batch(first));
    };
    let batches = named(row)?;
    if batches.len() * ID != list.len() || batches.first() != Some(&first) {
        return Err(DbError::Inconsistent { table: "seal", what: "not a list of batches" });
    }
    Ok(Sealed::Turn(batches))
}

/// The stored hashes at these positions of the chains.
pub(in crate::ledger) async fn seal_hashes(
    tx: &Tx,
    keys: &[SealKey],
) -> Result<HashMap<SealKey, Hash>, DbError> {
    let wanted = Rows::new(vec![
        ("school_id", Column::I64(keys.iter().map(|(school, _)| school.number()).collect())),
        ("position", Column::I64(keys.iter().map(|(_, position)| *position).collect())),
    ]);
    let sql = "SELECT s.school_id, s.position, s.hash FROM {rows} JOIN seal s \
               ON s.school_id = r.school_id AND s.position = r.position";
    let mut hashes = HashMap::with_capacity(keys.len());
    for row in tx.select_rows(sql, wanted).await? {
        let school = SchoolId::from_number(row.try_get("", "school_id")?);
        if let Ok(hash) = hash(&row, "hash", "seal") {
            hashes.insert((school, row.try_get("", "position")?), hash);
        }
    }
    Ok(hashes)
}

/// A row of `unsealed`: a batch that waits for its seal.
#[derive(Debug)]
pub(in crate::ledger) struct FoundWaiting {
    pub(in crate::ledger) batch: Uuid,
    pub(in crate::ledger) school: SchoolId,
    pub(in crate::ledger) transfers: i64,
    pub(in crate::ledger) digest: Option<Hash>,
}

/// The waiting batches after this one.
pub(in crate::ledger) async fn waiting_after(
    tx: &Tx,
    after: Option<Uuid>,
) -> Result<Vec<FoundWaiting>, DbError> {
    let unsealed = ("unsealed", "batch_id, school_id, transfers, digest");
    let after = after.map(|batch| vec![batch.into()]);
    let found = page(tx, unsealed, &["batch_id"], after, BATCHES).await?;
    let waiting = |row: &QueryResult| {
        Ok(FoundWaiting {
            batch: row.try_get("", "batch_id")?,
            school: SchoolId::from_number(row.try_get("", "school_id")?),
            transfers: row.try_get::<i32>("", "transfers").map_or(-1, i64::from),
            digest: hash(row, "digest", "unsealed").ok(),
        })
    };
    found.iter().map(waiting).collect()
}

/// The batches that transfers say they are of, each once, after this one.
pub(in crate::ledger) async fn batches_after(
    tx: &Tx,
    after: Option<Uuid>,
) -> Result<Vec<Uuid>, DbError> {
    let transfer = ("transfer", "DISTINCT batch_id");
    let after = after.map(|batch| vec![batch.into()]);
    let found = page(tx, transfer, &["batch_id"], after, BATCHES).await?;
    found.iter().map(|row| Ok(row.try_get("", "batch_id")?)).collect()
}

/// How a batch is not where it should be.
#[derive(Clone, Copy, Debug)]
pub(in crate::ledger) enum Misplaced {
    /// It has transfers, and is neither sealed nor waiting.
    Nowhere,
    /// It is sealed or waiting more than once in all.
    Twice,
}

/// The first thousand batches that are. Reads all that was ever sealed.
pub(in crate::ledger) async fn misplaced(tx: &Tx, how: Misplaced) -> Result<Vec<Uuid>, DbError> {
    let cut = if tx.has_row_locks() {
        "SELECT CAST(encode(substr(s.batches, 16 * n.i + 1, 16), 'hex') AS uuid) AS batch_id \
         FROM seal s CROSS JOIN LATERAL generate_series(0, length(s.batches) / 16 - 1) AS n(i)"
    } else {
        "SELECT substr(batches, 16 * i + 1, 16) FROM cut"
    };
    let placed = format!(
        "WITH RECURSIVE cut(batches, i) AS (SELECT batches, 0 FROM seal WHERE length(batches) > 15 \
         UNION ALL SELECT batches, i + 1 FROM cut WHERE 16 * (i + 2) <= length(batches)), \
         placed(batch_id) AS (SELECT batch_id FROM seal WHERE batches IS NULL \
         UNION ALL {cut} UNION ALL SELECT batch_id FROM unsealed)"
    );
    // Neither needs an index, and no plan of either looks at one list for each row of the other.
    let which = match how {
        Misplaced::Nowhere => "SELECT batch_id FROM transfer EXCEPT SELECT batch_id FROM placed",
        Misplaced::Twice => "SELECT batch_id FROM placed GROUP BY batch_id HAVING COUNT(*) > 1",
    };
    let sql = format!("{placed} {which} LIMIT {NAMED}");
    tx.allow_scans(true).await?;
    let found = tx.conn().query_all_raw(Statement::from_string(tx.backend(), sql)).await?;
    tx.allow_scans(false).await?;
    found.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}
