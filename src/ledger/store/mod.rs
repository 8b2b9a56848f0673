//! The ledger's SQL, in this folder only. This file holds the statements of posting.

mod audit;
mod balances;
mod placed;
mod read;
mod seals;
mod statement;

pub(super) use audit::*;
pub(super) use balances::{hot_balance, spendable};
pub(super) use placed::*;
pub(super) use read::{account_states, with_legs};
pub use seals::SealingState;
pub(super) use seals::{
    append_seal, fold, heads, lock_head, move_head, schools_with_unsealed, take_unsealed,
};
pub(super) use statement::{days, lines};

use super::{
    account::{AccountId, AccountRow},
    decide::Moved,
    transfer::{Hash, Keyed, Record},
};
use crate::base::{
    db::{Column, Db, DbError, Deadline, Question, Rows, Tx, Write},
    ids::{PersonId, SchoolId},
    money::Balance,
};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Locks persons by the rows of their 电子账户, in key order, so that two batches cannot deadlock.
/// Returns the number of locked rows. On SQLite a write transaction is already exclusive.
pub(super) async fn lock(tx: &Tx, mut heads: Vec<AccountId>) -> Result<usize, DbError> {
    if !tx.has_row_locks() || heads.is_empty() {
        return Ok(heads.len());
    }
    heads.sort_unstable();
    let ids = heads.into_iter().map(AccountId::uuid).collect();
    let sql = "SELECT a.id FROM account a WHERE a.id {keys1} ORDER BY a.id FOR UPDATE";
    Ok(tx.select_keys(sql, vec![Column::Uuid(ids)]).await?.len())
}

/// Raises the versions of locked persons, so that nothing decided on what was read before is written
/// without locks.
pub(super) async fn raise_versions(tx: &Tx, heads: &[AccountId]) -> Result<(), DbError> {
    let ids = heads.iter().map(|head| head.uuid()).collect();
    let rows = Rows::new(vec![("id", Column::Uuid(ids))]);
    // SQLite locks no rows, and somebody may have no accounts there yet: nothing to be raised.
    tx.update_rows("account", rows, "version = account.version + 1").await?;
    Ok(())
}

/// A question for all accounts of the persons and the existing ones of `others`.
pub(super) fn accounts(persons: Vec<PersonId>, others: Vec<AccountId>) -> Question {
    let persons = Column::Uuid(persons.into_iter().map(PersonId::uuid).collect());
    let others = Column::Uuid(others.into_iter().map(AccountId::uuid).collect());
    Question {
        columns: read::ACCOUNT_STATE,
        from: "(SELECT * FROM account WHERE person_id {keys1} \
               UNION ALL SELECT * FROM account WHERE id {keys2}) a",
        keys: vec![persons, others],
    }
}

/// Inserts accounts with balance zero; existing ones are left unchanged.
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

/// Transfers posted before under the kinds and references of `asked`.
pub(super) async fn posted_before(tx: &Tx, asked: &[Keyed<'_>]) -> Result<Vec<Record>, DbError> {
    // Deduplicated: a repeated key would join its row and legs twice.
    let once = asked
        .iter()
        .map(|Keyed { transfer: t, .. }| (t.school.number(), t.kind.name(), t.reference.as_str()))
        .collect();
    records(tx, &once).await
}

/// Transfers by school, kind and reference.
pub(super) async fn records(
    tx: &Tx,
    once: &BTreeSet<(i64, &str, &str)>,
) -> Result<Vec<Record>, DbError> {
    let rows = Rows::new(vec![
        ("school_id", Column::I64(once.iter().map(|(school, ..)| *school).collect())),
        ("kind", Column::Text(once.iter().map(|(_, kind, _)| (*kind).to_owned()).collect())),
        ("reference", Column::Text(once.iter().map(|(.., r)| (*r).to_owned()).collect())),
    ]);
    let same = "t.school_id = r.school_id AND t.kind = r.kind AND t.reference = r.reference";
    // Keeps PostgreSQL from scanning `transfer` first, however few rows it estimates.
    let sql = if tx.has_row_locks() {
        format!(
            "SELECT t.* FROM {{rows}} \
             CROSS JOIN LATERAL (SELECT * FROM transfer t WHERE {same} LIMIT 1) t"
        )
    } else {
        format!("SELECT t.* FROM {{rows}} JOIN transfer t ON {same}")
    };
    let found = tx.select_rows(&sql, rows).await?;
    with_legs(tx, &found).await
}

/// The posted part of a batch of one school.
#[derive(Debug)]
pub(super) struct BatchRow {
    pub(super) id: Uuid,
    pub(super) school: SchoolId,
    pub(super) transfers: i32,
    pub(super) digest: Hash,
}

/// The rows that a batch of postings writes.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) records: Vec<(Record, Hash)>,
    /// Persons' changed accounts, and each person's 电子账户 even if its balance is unchanged: its
    /// version is the person's version. A write that finds a version other than the one read has
    /// lost a race.
    pub(super) moved: Vec<Moved>,
    pub(super) batches: Vec<BatchRow>,
    pub(super) tails: Vec<(Uuid, AccountId, Balance)>,
}

impl Append {
    fn writes(&self) -> Vec<Write> {
        let insert = |table, rows| Write::Insert { table, rows, suffix: "" };
        vec![
            Write::Update {
                table: "account",
                rows: moved_rows(&self.moved),
                set: "balance_fen = r.balance, version = account.version + 1",
                guard: "account.version = r.version",
            },
            insert("transfer", transfer_rows(&self.records)),
            insert("leg", leg_rows(&self.records)),
            insert("unsealed", unsealed_rows(&self.batches)),
            insert("tail", tail_rows(&self.tails)),
        ]
    }
}

/// Writes a batch, and the writes to other tables in `beside`, within a transaction.
pub(super) async fn append(tx: &Tx, batch: &Append, beside: Vec<Write>) -> Result<(), DbError> {
    let mut writes = batch.writes();
    writes.extend(beside);
    tx.write_all(writes).await
}

/// Like [`append`], as a transaction of its own in one round trip. PostgreSQL only.
pub(super) async fn append_at_once(
    db: &Db,
    batch: &Append,
    beside: Vec<Write>,
    until: Option<Deadline>,
) -> Result<(), DbError> {
    let mut writes = batch.writes();
    writes.extend(beside);
    db.write_at_once(writes, until).await
}

fn moved_rows(moved: &[Moved]) -> Rows {
    Rows::new(vec![
        ("id", Column::Uuid(moved.iter().map(|m| m.id.uuid()).collect())),
        ("balance", Column::I64(moved.iter().map(|m| m.balance.get()).collect())),
        ("version", Column::I64(moved.iter().map(|m| m.version).collect())),
    ])
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
