//! Reads for `verify`: pages of bounded size, of rows that may hold anything. A row with a readable
//! key and unreadable content is returned as such, so that the report can name it.

use super::{read, seals::hash};
use crate::{
    base::{
        db::{Column, DbError, Rows, Tx},
        ids::SchoolId,
        money::Balance,
    },
    ledger::{
        account::AccountRow,
        transfer::{Hash, KeyedLeg, Kind, Record},
    },
};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Rows read at a time.
pub(in crate::ledger) const PAGE: usize = 4000;
/// The most leftovers that are listed; the rest are only counted.
const NAMED: usize = 1000;

async fn rows(tx: &Tx, sql: String, values: Vec<Value>) -> Result<Vec<QueryResult>, DbError> {
    let statement = Statement::from_sql_and_values(tx.backend(), sql, values);
    Ok(tx.conn().query_all_raw(statement).await?)
}

/// A table with its columns, listed so that a column added later does not change what is read.
pub(super) type Table = (&'static str, &'static str);

const ACCOUNT: Table = ("account", "id, school_id, person_id, path, class, balance_fen");
const TRANSFER: &str =
    "id, school_id, batch_id, ordinal, kind, reference, person_id, nature, at, value_day, digest";
const TAIL: Table = ("tail", "batch_id, account_id, delta_fen");

/// Reads the page of a table after the row with this key.
pub(super) async fn page(
    tx: &Tx,
    (table, selected): Table,
    key: &[&'static str],
    after: Option<Vec<Value>>,
    most: usize,
) -> Result<Vec<QueryResult>, DbError> {
    let columns = key.join(", ");
    let places: Vec<String> = (1..=key.len()).map(|n| format!("${n}")).collect();
    let beyond = match &after {
        Some(_) => format!("WHERE ({columns}) > ({})", places.join(", ")),
        None => String::new(),
    };
    let sql = format!("SELECT {selected} FROM {table} {beyond} ORDER BY {columns} LIMIT {most}");
    rows(tx, sql, after.unwrap_or_default()).await
}

/// Reads an `integer`, which SQLite does not limit to 32 bits.
fn whole(row: &QueryResult, column: &str) -> Result<i64, DbError> {
    let narrow = row.try_get::<i32>("", column).map(i64::from);
    Ok(narrow.or_else(|_| row.try_get::<i64>("", column))?)
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

/// The transfers of these batches, by batch and ordinal.
pub(in crate::ledger) async fn transfers_of(
    tx: &Tx,
    batches: Vec<Uuid>,
) -> Result<Vec<FoundTransfer>, DbError> {
    let sql = format!(
        "SELECT {TRANSFER} FROM transfer WHERE batch_id {{keys1}} ORDER BY batch_id, ordinal, id"
    );
    let found = tx.select_keys(&sql, vec![Column::Uuid(batches)]).await?;
    let mut transfers = Vec::with_capacity(found.len());
    for row in &found {
        let said = read::record(row).and_then(|r| Ok((r, hash(row, "digest", "transfer")?)));
        transfers.push(FoundTransfer { key: place(row)?, said: said.ok(), legs: 0 });
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

fn place(row: &QueryResult) -> Result<TransferKey, DbError> {
    Ok((row.try_get("", "batch_id")?, whole(row, "ordinal")?, row.try_get("", "id")?))
}

/// Those of the references that were posted under this kind at the school.
pub(in crate::ledger) async fn references_among(
    tx: &Tx,
    school: SchoolId,
    kind: Kind,
    references: Vec<String>,
) -> Result<HashSet<String>, DbError> {
    let sql = "SELECT t.reference FROM {rows} JOIN transfer t ON t.school_id = r.school_id \
               AND t.kind = r.kind AND t.reference = r.reference";
    let rows = Rows::new(vec![
        ("school_id", Column::I64(vec![school.number(); references.len()])),
        ("kind", Column::Text(vec![kind.name().to_owned(); references.len()])),
        ("reference", Column::Text(references)),
    ]);
    let found = tx.select_rows(sql, rows).await?;
    found.iter().map(|row| Ok(row.try_get("", "reference")?)).collect()
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
    let found = page(tx, ACCOUNT, &["id"], after.map(|id| vec![id.into()]), PAGE).await?;
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
    let found = page(tx, TAIL, &["batch_id", "account_id"], after, PAGE).await?;
    found
        .iter()
        .map(|row| {
            let key = (row.try_get("", "batch_id")?, row.try_get("", "account_id")?);
            Ok((key, row.try_get("", "delta_fen")?))
        })
        .collect()
}

/// Counts the transfers.
pub(in crate::ledger) async fn transfer_count(tx: &Tx) -> Result<u64, DbError> {
    number_of_rows(tx, "transfer").await
}

/// Counts the legs.
pub(in crate::ledger) async fn leg_count(tx: &Tx) -> Result<u64, DbError> {
    number_of_rows(tx, "leg").await
}

async fn number_of_rows(tx: &Tx, table: &'static str) -> Result<u64, DbError> {
    tx.allow_scans(true).await?;
    let found = rows(tx, format!("SELECT COUNT(*) FROM {table}"), Vec::new()).await?;
    tx.allow_scans(false).await?;
    let row = found.first().ok_or(DbError::Inconsistent { table, what: "no count" })?;
    Ok(u64::try_from(row.try_get_by_index::<i64>(0)?).unwrap_or(0))
}

/// A kind of orphaned row.
#[derive(Clone, Copy, Debug)]
pub(in crate::ledger) enum Leftover {
    /// Legs whose transfer does not exist, by the transfer's id.
    Legs,
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
        Leftover::Tails => {
            "SELECT DISTINCT t.batch_id FROM tail t WHERE NOT EXISTS \
             (SELECT 1 FROM unsealed u WHERE u.batch_id = t.batch_id)"
        }
    };
    tx.allow_scans(true).await?;
    let found = rows(tx, format!("{sql} LIMIT {NAMED}"), Vec::new()).await?;
    tx.allow_scans(false).await?;
    found.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}
