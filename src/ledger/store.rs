//! The ledger's rows: the only file of the slice that knows tables.

use super::{
    account::{AccountId, AccountRow, Class},
    seal::{GENESIS, Head, Seal},
    transfer::{Hash, Keyed, KeyedLeg, Record, TransferId},
};
use crate::base::{
    clock::{Day, Timestamp},
    db::{Column, Db, DbError, Rows, Tx, Write},
    ids::{PersonId, SchoolId},
    money::{Balance, Fen},
};
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use std::collections::HashMap;
use uuid::Uuid;

/// Locks persons by the rows of their 电子账户, in key order, so that two batches never wait for
/// each other in a circle. On SQLite the transaction is alone already.
pub(super) async fn lock(tx: &Tx, mut heads: Vec<AccountId>) -> Result<(), DbError> {
    if !tx.has_row_locks() || heads.is_empty() {
        return Ok(());
    }
    heads.sort_unstable();
    let ids = heads.into_iter().map(AccountId::uuid).collect();
    let rows = Rows::new(vec![("id", Column::Uuid(ids))]);
    let sql = "SELECT a.id FROM account a JOIN {rows} ON a.id = r.id ORDER BY a.id FOR UPDATE OF a";
    tx.select_rows(sql, rows).await?;
    Ok(())
}

/// All accounts of the persons, and those of `others` that exist.
pub(super) async fn accounts(
    tx: &Tx,
    persons: Vec<PersonId>,
    others: Vec<AccountId>,
) -> Result<Vec<(AccountRow, Balance)>, DbError> {
    let (mut ids, mut by_person) = (Vec::new(), Vec::new());
    for person in persons {
        ids.push(person.uuid());
        by_person.push(1);
    }
    for account in others {
        ids.push(account.uuid());
        by_person.push(0);
    }
    let rows = Rows::new(vec![("id", Column::Uuid(ids)), ("by_person", Column::I32(by_person))]);
    let sql = "WITH wanted AS (SELECT r.id, r.by_person FROM {rows}) \
               SELECT a.* FROM account a JOIN wanted w ON a.person_id = w.id AND w.by_person = 1 \
               UNION ALL \
               SELECT a.* FROM account a JOIN wanted w ON a.id = w.id AND w.by_person = 0";
    tx.select_rows(sql, rows).await?.iter().map(account).collect()
}

fn account(row: &QueryResult) -> Result<(AccountRow, Balance), DbError> {
    let class: i32 = row.try_get("", "class")?;
    let account = AccountRow {
        id: AccountId::from_uuid(row.try_get("", "id")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        person: row.try_get::<Option<Uuid>>("", "person_id")?.map(PersonId::from_uuid),
        path: row.try_get("", "path")?,
        class: Class::from_code(class)
            .ok_or(DbError::Inconsistent { table: "account", what: "unknown class" })?,
    };
    Ok((account, Balance::new(row.try_get("", "balance_fen")?)))
}

/// Opens accounts at zero; those that exist stay as they are.
pub(super) async fn open(tx: &Tx, mut rows: Vec<AccountRow>) -> Result<(), DbError> {
    rows.sort_unstable_by_key(|row| row.id);
    rows.dedup_by_key(|row| row.id);
    let columns = vec![
        ("id", Column::Uuid(rows.iter().map(|r| r.id.uuid()).collect())),
        ("school_id", Column::I64(rows.iter().map(|r| r.school.number()).collect())),
        ("person_id", Column::OptUuid(rows.iter().map(|r| r.person.map(PersonId::uuid)).collect())),
        ("path", Column::Text(rows.iter().map(|r| r.path.clone()).collect())),
        ("class", Column::I32(rows.iter().map(|r| r.class.code()).collect())),
        ("balance_fen", Column::I64(vec![0; rows.len()])),
    ];
    tx.insert_rows("account", Rows::new(columns), "ON CONFLICT (id) DO NOTHING").await?;
    Ok(())
}

/// What was posted before under the kinds and references of `asked`.
pub(super) async fn posted_before(tx: &Tx, asked: &[Keyed<'_>]) -> Result<Vec<Record>, DbError> {
    let each = || asked.iter().map(|keyed| keyed.transfer);
    let rows = Rows::new(vec![
        ("school_id", Column::I64(each().map(|t| t.school.number()).collect())),
        ("kind", Column::Text(each().map(|t| t.kind.name().to_owned()).collect())),
        ("reference", Column::Text(each().map(|t| t.reference.clone()).collect())),
    ]);
    let sql = "SELECT t.* FROM {rows} JOIN transfer t ON t.school_id = r.school_id \
               AND t.kind = r.kind AND t.reference = r.reference";
    let found = tx.select_rows(sql, rows).await?;
    with_legs(tx, &found).await
}

/// Transfers with their legs, from rows of `transfer`.
pub(super) async fn with_legs(tx: &Tx, found: &[QueryResult]) -> Result<Vec<Record>, DbError> {
    let mut records = found.iter().map(record).collect::<Result<Vec<_>, _>>()?;
    if records.is_empty() {
        return Ok(records);
    }
    let ids = records.iter().map(|record| record.id.uuid()).collect();
    let sql = "SELECT l.* FROM {rows} JOIN leg l ON l.transfer_id = r.id \
               ORDER BY l.transfer_id, l.ordinal";
    let mut legs: HashMap<Uuid, Vec<KeyedLeg>> = HashMap::new();
    for row in tx.select_rows(sql, Rows::new(vec![("id", Column::Uuid(ids))])).await? {
        legs.entry(row.try_get("", "transfer_id")?).or_default().push(leg(&row)?);
    }
    for record in &mut records {
        record.legs = legs.remove(&record.id.uuid()).unwrap_or_default();
    }
    Ok(records)
}

fn leg(row: &QueryResult) -> Result<KeyedLeg, DbError> {
    Ok(KeyedLeg {
        from: AccountId::from_uuid(row.try_get("", "from_account")?),
        to: AccountId::from_uuid(row.try_get("", "to_account")?),
        amount: Fen::new(row.try_get("", "amount_fen")?)
            .map_err(|_| DbError::Inconsistent { table: "leg", what: "negative amount" })?,
    })
}

fn record(row: &QueryResult) -> Result<Record, DbError> {
    Ok(Record {
        id: TransferId::from_uuid(row.try_get("", "id")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        batch: row.try_get("", "batch_id")?,
        ordinal: row.try_get("", "ordinal")?,
        kind: row.try_get("", "kind")?,
        reference: row.try_get("", "reference")?,
        person: row.try_get::<Option<Uuid>>("", "person_id")?.map(PersonId::from_uuid),
        nature: row.try_get("", "nature")?,
        at: Timestamp::from_micros(row.try_get("", "at")?),
        value_day: Day::from_number(row.try_get("", "value_day")?),
        legs: Vec::new(),
    })
}

/// The posted part of a batch of one school.
#[derive(Debug)]
pub(super) struct BatchRow {
    pub(super) id: Uuid,
    pub(super) school: SchoolId,
    pub(super) transfers: i32,
    pub(super) digest: Hash,
}

/// Writes accepted transfers, moved balances, and what the sealer will need.
pub(super) async fn append(
    tx: &Tx,
    records: &[(Record, Hash)],
    moved: Vec<(AccountId, Balance)>,
    batches: &[BatchRow],
    tails: Vec<(Uuid, AccountId, Balance)>,
) -> Result<(), DbError> {
    let (ids, balances): (Vec<_>, Vec<_>) =
        moved.into_iter().map(|(id, balance)| (id.uuid(), balance.get())).unzip();
    let moved = ids.len();
    let accounts = Rows::new(vec![("id", Column::Uuid(ids)), ("balance", Column::I64(balances))]);
    let insert = |table, rows| Write::Insert { table, rows, suffix: "" };
    let written = tx
        .write_all(vec![
            Write::Update {
                table: "account",
                rows: accounts,
                set: "balance_fen = r.balance",
                guard: "true",
            },
            insert("transfer", transfer_rows(records)),
            insert("leg", leg_rows(records)),
            insert("unsealed", unsealed_rows(batches)),
            insert("tail", tail_rows(&tails)),
        ])
        .await?;
    if written.first().map(|n| usize::try_from(*n)) != Some(Ok(moved)) {
        return Err(DbError::Raced { table: "account" });
    }
    Ok(())
}

fn unsealed_rows(batches: &[BatchRow]) -> Rows {
    Rows::new(vec![
        ("batch_id", Column::Uuid(batches.iter().map(|b| b.id).collect())),
        ("school_id", Column::I64(batches.iter().map(|b| b.school.number()).collect())),
        ("transfers", Column::I32(batches.iter().map(|b| b.transfers).collect())),
        ("digest", Column::Bytes(batches.iter().map(|b| b.digest.to_vec()).collect())),
    ])
}

fn tail_rows(tails: &[(Uuid, AccountId, Balance)]) -> Rows {
    Rows::new(vec![
        ("batch_id", Column::Uuid(tails.iter().map(|(batch, ..)| *batch).collect())),
        ("account_id", Column::Uuid(tails.iter().map(|(_, account, _)| account.uuid()).collect())),
        ("delta_fen", Column::I64(tails.iter().map(|(.., delta)| delta.get()).collect())),
    ])
}

fn transfer_rows(records: &[(Record, Hash)]) -> Rows {
    let each = || records.iter().map(|(record, _)| record);
    Rows::new(vec![
        ("id", Column::Uuid(each().map(|r| r.id.uuid()).collect())),
        ("school_id", Column::I64(each().map(|r| r.school.number()).collect())),
        ("batch_id", Column::Uuid(each().map(|r| r.batch).collect())),
        ("ordinal", Column::I32(each().map(|r| r.ordinal).collect())),
        ("kind", Column::Text(each().map(|r| r.kind.clone()).collect())),
        ("reference", Column::Text(each().map(|r| r.reference.clone()).collect())),
        ("person_id", Column::OptUuid(each().map(|r| r.person.map(PersonId::uuid)).collect())),
        ("nature", Column::I32(each().map(|r| r.nature).collect())),
        ("at", Column::I64(each().map(|r| r.at.micros()).collect())),
        ("value_day", Column::I32(each().map(|r| r.value_day.number()).collect())),
        ("digest", Column::Bytes(records.iter().map(|(_, digest)| digest.to_vec()).collect())),
    ])
}

fn leg_rows(records: &[(Record, Hash)]) -> Rows {
    let each = || {
        records.iter().flat_map(|(record, _)| {
            (0_i32..).zip(&record.legs).map(|(ordinal, leg)| (record.id.uuid(), ordinal, leg))
        })
    };
    Rows::new(vec![
        ("transfer_id", Column::Uuid(each().map(|(id, ..)| id).collect())),
        ("ordinal", Column::I32(each().map(|(_, ordinal, _)| ordinal).collect())),
        ("from_account", Column::Uuid(each().map(|(.., leg)| leg.from.uuid()).collect())),
        ("to_account", Column::Uuid(each().map(|(.., leg)| leg.to.uuid()).collect())),
        ("amount_fen", Column::I64(each().map(|(.., leg)| leg.amount.get()).collect())),
    ])
}

/// Locks the school's sealing; `None` while somebody else holds it.
pub(super) async fn lock_head(tx: &Tx, school: SchoolId) -> Result<Option<Head>, DbError> {
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

fn hash(row: &QueryResult, column: &str, table: &'static str) -> Result<Hash, DbError> {
    let bytes: Vec<u8> = row.try_get("", column)?;
    bytes.try_into().map_err(|_| DbError::Inconsistent { table, what: "a hash has 32 bytes" })
}

/// Takes waiting batches out of the queue.
pub(super) async fn take_unsealed(
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

/// Appends links to the chain.
pub(super) async fn append_seals(tx: &Tx, seals: &[(Seal, Hash)]) -> Result<(), DbError> {
    let each = || seals.iter().map(|(seal, _)| seal);
    let rows = Rows::new(vec![
        ("school_id", Column::I64(each().map(|s| s.school.number()).collect())),
        ("position", Column::I64(each().map(|s| s.position).collect())),
        ("batch_id", Column::Uuid(each().map(|s| s.batch).collect())),
        ("transfers", Column::I32(each().map(|s| s.transfers).collect())),
        ("digest", Column::Bytes(each().map(|s| s.digest.to_vec()).collect())),
        ("sealed_at", Column::I64(each().map(|s| s.sealed_at.micros()).collect())),
        ("hash", Column::Bytes(seals.iter().map(|(_, hash)| hash.to_vec()).collect())),
    ]);
    tx.insert_rows("seal", rows, "").await?;
    Ok(())
}

/// Moves the end of the chain on.
pub(super) async fn move_head(tx: &Tx, school: SchoolId, head: Head) -> Result<(), DbError> {
    let rows = Rows::new(vec![
        ("school_id", Column::I64(vec![school.number()])),
        ("position", Column::I64(vec![head.position])),
        ("hash", Column::Bytes(vec![head.hash.to_vec()])),
    ]);
    tx.update_rows("seal_head", rows, "position = r.position, hash = r.hash").await?;
    Ok(())
}

/// Folds the hot tail of sealed batches into the accounts' balances.
pub(super) async fn fold(tx: &Tx, batches: Vec<Uuid>) -> Result<(), DbError> {
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

/// The schools that have something to seal.
pub(super) async fn schools_with_unsealed(db: &Db) -> Result<Vec<SchoolId>, DbError> {
    let sql = "SELECT DISTINCT school_id FROM unsealed ORDER BY school_id";
    let found = db.conn().query_all_raw(Statement::from_string(db.backend(), sql)).await?;
    let mut schools = Vec::with_capacity(found.len());
    for row in found {
        schools.push(SchoolId::from_number(row.try_get("", "school_id")?));
    }
    Ok(schools)
}

/// How many batches wait for their seal, at all schools.
pub(super) async fn count_unsealed(db: &Db) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) AS waiting FROM unsealed";
    let found = db.conn().query_one_raw(Statement::from_string(db.backend(), sql)).await?;
    let row = found.ok_or(DbError::Inconsistent { table: "unsealed", what: "no count" })?;
    Ok(row.try_get("", "waiting")?)
}
