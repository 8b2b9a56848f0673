//! Reads for `verify`: pages of bounded size, of rows that may hold anything. A row with a readable
//! key and unreadable content is returned as such, so that the report can name it.

use super::{read, seals::hash};
use crate::{
    base::{
        clock::Timestamp,
        db::{Column, DbError, Rows, Tx},
        ids::SchoolId,
        money::Balance,
    },
    ledger::{
        account::AccountRow,
        seal::Seal,
        transfer::{Hash, KeyedLeg, Record},
    },
};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use std::collections::HashMap;
use uuid::Uuid;

/// Rows read at a time.
const PAGE: usize = 4000;
/// The most leftovers that are listed; the rest are only counted.
const NAMED: usize = 1000;

async fn rows(tx: &Tx, sql: String, values: Vec<Value>) -> Result<Vec<QueryResult>, DbError> {
    let statement = Statement::from_sql_and_values(tx.backend(), sql, values);
    Ok(tx.conn().query_all_raw(statement).await?)
}

/// A table with its columns, listed so that a column added later does not change what is read.
type Table = (&'static str, &'static str);

const ACCOUNT: Table = ("account", "id, school_id, person_id, path, class, balance_fen");
const TRANSFER: Table = (
    "transfer",
    "id, school_id, batch_id, ordinal, kind, reference, person_id, nature, at, value_day, digest",
);
const SEAL: Table = ("seal", "school_id, position, batch_id, transfers, digest, sealed_at, hash");
const TAIL: Table = ("tail", "batch_id, account_id, delta_fen");

/// Reads the page of a table after the row with this key.
async fn page(
    tx: &Tx,
    (table, selected): Table,
    key: &[&'static str],
    after: Option<Vec<Value>>,
) -> Result<Vec<QueryResult>, DbError> {
    let columns = key.join(", ");
    let places: Vec<String> = (1..=key.len()).map(|n| format!("${n}")).collect();
    let beyond = match &after {
        Some(_) => format!("WHERE ({columns}) > ({})", places.join(", ")),
        None => String::new(),
    };
    let sql = format!("SELECT {selected} FROM {table} {beyond} ORDER BY {columns} LIMIT {PAGE}");
    rows(tx, sql, after.unwrap_or_default()).await
}

/// Reads an `integer`, which SQLite does not limit to 32 bits.
fn whole(row: &QueryResult, column: &str) -> Result<i64, DbError> {
    let narrow = row.try_get::<i32>("", column).map(i64::from);
    Ok(narrow.or_else(|_| row.try_get::<i64>("", column))?)
}

/// School and position.
pub(in crate::ledger) type SealKey = (SchoolId, i64);

/// A row of `seal`: its key, and its content as far as it can be read.
#[derive(Debug)]
pub(in crate::ledger) struct FoundSeal {
    pub(in crate::ledger) key: SealKey,
    pub(in crate::ledger) seal: Option<Seal>,
    pub(in crate::ledger) hash: Option<Hash>,
}

/// The seals after this key, by school and position.
pub(in crate::ledger) async fn seals_after(
    tx: &Tx,
    after: Option<SealKey>,
) -> Result<Vec<FoundSeal>, DbError> {
    let after = after.map(|(school, position)| vec![school.number().into(), position.into()]);
    let found = page(tx, SEAL, &["school_id", "position"], after).await?;
    found.iter().map(found_seal).collect()
}

fn found_seal(row: &QueryResult) -> Result<FoundSeal, DbError> {
    let school = SchoolId::from_number(row.try_get("", "school_id")?);
    let position = row.try_get("", "position")?;
    let seal = || -> Result<Seal, DbError> {
        Ok(Seal {
            school,
            position,
            batch: row.try_get("", "batch_id")?,
            transfers: row.try_get("", "transfers")?,
            digest: hash(row, "digest", "seal")?,
            sealed_at: Timestamp::from_micros(row.try_get("", "sealed_at")?),
        })
    };
    let key = (school, position);
    Ok(FoundSeal { key, seal: seal().ok(), hash: hash(row, "hash", "seal").ok() })
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
    let sql = "SELECT s.* FROM {rows} JOIN seal s \
               ON s.school_id = r.school_id AND s.position = r.position";
    let mut hashes = HashMap::with_capacity(keys.len());
    for row in tx.select_rows(sql, wanted).await? {
        let found = found_seal(&row)?;
        if let Some(hash) = found.hash {
            hashes.insert(found.key, hash);
        }
    }
    Ok(hashes)
}

/// Batch, ordinal, transfer.
pub(in crate::ledger) type TransferKey = (Uuid, i64, Uuid);

/// A row of `transfer` with its legs: its key, and the content if it can be read.
#[derive(Debug)]
pub(in crate::ledger) struct FoundTransfer {
    pub(in crate::ledger) key: TransferKey,
    pub(in crate::ledger) said: Option<(Record, Hash)>,
    pub(in crate::ledger) legs: u64,
}

/// The transfers after this key, by batch and ordinal.
pub(in crate::ledger) async fn transfers_after(
    tx: &Tx,
    after: Option<TransferKey>,
) -> Result<Vec<FoundTransfer>, DbError> {
    let after = after.map(|(batch, ordinal, id)| vec![batch.into(), ordinal.into(), id.into()]);
    let found = page(tx, TRANSFER, &["batch_id", "ordinal", "id"], after).await?;
    let mut transfers = Vec::with_capacity(found.len());
    for row in &found {
        let said = read::record(row).and_then(|r| Ok((r, hash(row, "digest", "transfer")?)));
        let key = (row.try_get("", "batch_id")?, whole(row, "ordinal")?, row.try_get("", "id")?);
        transfers.push(FoundTransfer { key, said: said.ok(), legs: 0 });
    }
    let mut legs = legs_of(tx, transfers.iter().map(|t| t.key.2).collect()).await?;
    for transfer in &mut transfers {
        let legs = legs.remove(&transfer.key.2).unwrap_or_default();
        transfer.legs = legs.rows;
        transfer.said = transfer
            .said
            .take()
            .zip(legs.in_order)
            .map(|((record, digest), legs)| (Record { legs, ..record }, digest));
    }
    Ok(transfers)
}

/// The legs of one transfer; `None` if one cannot be read or has the wrong ordinal.
#[derive(Debug)]
struct FoundLegs {
    rows: u64,
    in_order: Option<Vec<KeyedLeg>>,
}

impl Default for FoundLegs {
    fn default() -> Self {
        Self { rows: 0, in_order: Some(Vec::new()) }
    }
}

async fn legs_of(tx: &Tx, ids: Vec<Uuid>) -> Result<HashMap<Uuid, FoundLegs>, DbError> {
    let sql = "SELECT l.* FROM {rows} JOIN leg l ON l.transfer_id = r.id \
               ORDER BY l.transfer_id, l.ordinal";
    let mut legs: HashMap<Uuid, FoundLegs> = HashMap::with_capacity(ids.len());
    for row in tx.select_rows(sql, Rows::new(vec![("id", Column::Uuid(ids))])).await? {
        let of = legs.entry(row.try_get("", "transfer_id")?).or_default();
        let at_its_place = whole(&row, "ordinal").ok() == i64::try_from(of.rows).ok();
        of.rows += 1;
        of.in_order = of.in_order.take().zip(read::leg(&row).ok().filter(|_| at_its_place)).map(
            |(mut legs, leg)| {
                legs.push(leg);
                legs
            },
        );
    }
    Ok(legs)
}

/// A batch as stored in `seal` or `unsealed`.
#[derive(Debug)]
pub(in crate::ledger) struct FoundBatch {
    pub(in crate::ledger) sealed: bool,
    pub(in crate::ledger) school: SchoolId,
    pub(in crate::ledger) transfers: i32,
    pub(in crate::ledger) digest: Option<Hash>,
}

/// The rows of `seal` and `unsealed` for these batches.
pub(in crate::ledger) async fn batches(
    tx: &Tx,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Vec<FoundBatch>>, DbError> {
    let sql = "WITH wanted AS (SELECT r.id FROM {rows}) \
               SELECT b.batch_id, b.school_id, b.transfers, b.digest, 1 AS sealed \
               FROM wanted w JOIN seal b ON b.batch_id = w.id \
               UNION ALL SELECT b.batch_id, b.school_id, b.transfers, b.digest, 0 \
               FROM wanted w JOIN unsealed b ON b.batch_id = w.id";
    let mut batches: HashMap<Uuid, Vec<FoundBatch>> = HashMap::with_capacity(ids.len());
    for row in tx.select_rows(sql, Rows::new(vec![("id", Column::Uuid(ids))])).await? {
        let batch = FoundBatch {
            sealed: row.try_get::<i32>("", "sealed")? == 1,
            school: SchoolId::from_number(row.try_get("", "school_id")?),
            transfers: row.try_get("", "transfers").unwrap_or(-1),
            digest: hash(&row, "digest", "batch").ok(),
        };
        batches.entry(row.try_get("", "batch_id")?).or_default().push(batch);
    }
    Ok(batches)
}

/// A row of `account`: its key, and its content if it can be read.
#[derive(Debug)]
pub(in crate::ledger) struct FoundAccount {
    pub(in crate::ledger) id: Uuid,
    pub(in crate::ledger) said: Option<(AccountRow, Balance)>,
}

/// The accounts after this key.
pub(in crate::ledger) async fn accounts_after(
    tx: &Tx,
    after: Option<Uuid>,
) -> Result<Vec<FoundAccount>, DbError> {
    let found = page(tx, ACCOUNT, &["id"], after.map(|id| vec![id.into()])).await?;
    found
        .iter()
        .map(|row| Ok(FoundAccount { id: row.try_get("", "id")?, said: read::account(row).ok() }))
        .collect()
}

/// Batch and account.
pub(in crate::ledger) type TailKey = (Uuid, Uuid);

/// The hot deltas after this key.
pub(in crate::ledger) async fn tails_after(
    tx: &Tx,
    after: Option<TailKey>,
) -> Result<Vec<(TailKey, i64)>, DbError> {
    let after = after.map(|(batch, account)| vec![batch.into(), account.into()]);
    let found = page(tx, TAIL, &["batch_id", "account_id"], after).await?;
    found
        .iter()
        .map(|row| {
            let key = (row.try_get("", "batch_id")?, row.try_get("", "account_id")?);
            Ok((key, row.try_get("", "delta_fen")?))
        })
        .collect()
}

/// Counts legs, seals and unsealed batches.
pub(in crate::ledger) async fn counts(tx: &Tx) -> Result<[u64; 3], DbError> {
    let sql = "SELECT (SELECT COUNT(*) FROM leg), (SELECT COUNT(*) FROM seal), \
               (SELECT COUNT(*) FROM unsealed)";
    let found = rows(tx, sql.to_owned(), Vec::new()).await?;
    let row = found.first().ok_or(DbError::Inconsistent { table: "leg", what: "no count" })?;
    let count = |n| Ok::<_, DbError>(u64::try_from(row.try_get_by_index::<i64>(n)?).unwrap_or(0));
    Ok([count(0)?, count(1)?, count(2)?])
}

/// A kind of orphaned row.
#[derive(Clone, Copy, Debug)]
pub(in crate::ledger) enum Leftover {
    /// Legs whose transfer does not exist, by the transfer's id.
    Legs,
    /// Batches without any transfer.
    Batches,
    /// Hot deltas of batches that are not in `unsealed`, by the batch's id.
    Tails,
}

/// The first thousand ids of such rows.
pub(in crate::ledger) async fn leftovers(tx: &Tx, of: Leftover) -> Result<Vec<Uuid>, DbError> {
    let sql = match of {
        Leftover::Legs => {
            "SELECT DISTINCT l.transfer_id FROM leg l WHERE NOT EXISTS \
             (SELECT 1 FROM transfer t WHERE t.id = l.transfer_id)"
        }
        Leftover::Batches => {
            "SELECT b.batch_id FROM (SELECT batch_id FROM seal UNION SELECT batch_id FROM unsealed) b \
             WHERE NOT EXISTS (SELECT 1 FROM transfer t WHERE t.batch_id = b.batch_id)"
        }
        Leftover::Tails => {
            "SELECT DISTINCT t.batch_id FROM tail t WHERE NOT EXISTS \
             (SELECT 1 FROM unsealed u WHERE u.batch_id = t.batch_id)"
        }
    };
    let found = rows(tx, format!("{sql} LIMIT {NAMED}"), Vec::new()).await?;
    found.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}
