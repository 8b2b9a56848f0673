//! Posting: phases with names. Everything is read under the persons' locks, decided in memory, and
//! only then written; a batch costs the same few statements for one transfer as for fifty.
//!
//! | phase | round trips |
//! | --- | --- |
//! | lock the persons; open new ones (rare) | 1 (+ 2) (PostgreSQL) |
//! | read accounts; open missing ones (rare) | 1 (+ 2) |
//! | read what was posted before under these references | 1 (+ 1 if any) |
//! | decide | 0 |
//! | append transfers, legs, balances, seal queue, hot tail | 1 (SQLite: 5) |

use super::{
    account::{Account, AccountId, AccountRow, PersonAccount},
    decide::{Book, Outcome, Posted, Refusal},
    store::{self, BatchRow},
    transfer::{BadTransfer, Hash, Keyed, Record, Transfer, TransferId, batch_digest},
};
use crate::base::{
    clock::Timestamp,
    db::{DbError, Tx, TxError},
    ids::{PersonId, SchoolId, uuid_at},
    money::Balance,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// Why a whole batch did not post.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A transfer that is none: a defect in the caller.
    #[error(transparent)]
    Bad(#[from] BadTransfer),
}

impl TxError for LedgerError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Bad(_) => None,
        }
    }
}

/// Posts transfers one after the other, in one go. The answers are in the order of the questions;
/// one that is refused does not disturb its neighbours. Nothing counts until the caller commits.
pub async fn post_all(
    tx: &Tx,
    now: Timestamp,
    transfers: &[Transfer],
) -> Result<Vec<Outcome>, LedgerError> {
    let asked = transfers.iter().map(Transfer::keyed).collect::<Result<Vec<_>, _>>()?;
    let mut book = read_accounts(tx, &asked).await?;
    for record in store::posted_before(tx, &asked).await? {
        book.know_record(record);
    }
    let (outcomes, accepted) = decide(&mut book, &asked, now);
    if !accepted.is_empty() {
        append(tx, &book, accepted).await?;
    }
    Ok(outcomes)
}

/// Posts one transfer.
pub async fn post(tx: &Tx, now: Timestamp, transfer: &Transfer) -> Result<Outcome, LedgerError> {
    let outcome = post_all(tx, now, std::slice::from_ref(transfer)).await?.pop();
    // One question has one answer; should that ever fail, nothing may be believed posted.
    Ok(outcome.unwrap_or(Err(Refusal::Overflow)))
}

/// Locks the persons and reads every account they have and every other account that is touched.
async fn read_accounts(tx: &Tx, asked: &[Keyed<'_>]) -> Result<Book, DbError> {
    let persons: HashSet<(SchoolId, PersonId)> =
        asked.iter().filter_map(|k| Some((k.transfer.school, k.transfer.person?))).collect();
    let core: Vec<AccountRow> = persons.iter().flat_map(|(s, p)| core_accounts(*s, *p)).collect();
    lock(tx, &persons, &core).await?;
    let touched: HashMap<AccountId, &AccountRow> =
        asked.iter().flat_map(|k| &k.accounts).map(|row| (row.id, row)).collect();
    let mut accounts = read_locked(tx, &persons, &touched).await?;
    let known: HashSet<AccountId> = accounts.iter().map(|(row, _)| row.id).collect();
    let missing: Vec<AccountRow> = touched
        .values()
        .map(|row| (*row).clone())
        .chain(core)
        .filter(|row| !known.contains(&row.id))
        .collect();
    if !missing.is_empty() {
        store::open(tx, missing).await?;
        accounts = read_locked(tx, &persons, &touched).await?;
    }
    let mut book = Book::default();
    for (row, balance) in &accounts {
        book.know_account(row, *balance);
    }
    Ok(book)
}

/// Locks the persons. Only a row that exists can be locked: whoever is new is opened first, or
/// another transaction might open him between the locking and the reading, and spend meanwhile.
async fn lock(
    tx: &Tx,
    persons: &HashSet<(SchoolId, PersonId)>,
    core: &[AccountRow],
) -> Result<(), DbError> {
    let heads: Vec<_> = persons.iter().map(|(school, person)| lock_of(*school, *person)).collect();
    if store::lock(tx, heads.clone()).await? == heads.len() {
        return Ok(());
    }
    store::open(tx, core.to_vec()).await?;
    if store::lock(tx, heads.clone()).await? == heads.len() {
        return Ok(());
    }
    Err(DbError::Raced { table: "account" })
}

async fn read_locked(
    tx: &Tx,
    persons: &HashSet<(SchoolId, PersonId)>,
    touched: &HashMap<AccountId, &AccountRow>,
) -> Result<Vec<(AccountRow, Balance)>, DbError> {
    let hot = touched.values().filter(|row| row.person.is_none()).map(|row| row.id).collect();
    store::accounts(tx, persons.iter().map(|(_, person)| *person).collect(), hot).await
}

/// The two accounts that every person has. They are opened together, so that whoever holds the
/// lock on the first sees the second.
fn core_accounts(school: SchoolId, person: PersonId) -> impl Iterator<Item = AccountRow> {
    [PersonAccount::EAccount, PersonAccount::Transition]
        .into_iter()
        .filter_map(move |account| Account::Person(account).row(school, Some(person)))
}

/// The account whose row is the person's lock.
pub(super) fn lock_of(school: SchoolId, person: PersonId) -> AccountId {
    let path = format!("person/{person}/{}", PersonAccount::EAccount.code());
    AccountId::of_path(school, &path)
}

fn decide(book: &mut Book, asked: &[Keyed<'_>], now: Timestamp) -> (Vec<Outcome>, Vec<Record>) {
    let mut batches: HashMap<SchoolId, (Uuid, i32)> = HashMap::new();
    let mut accepted = Vec::with_capacity(asked.len());
    let mut outcomes = Vec::with_capacity(asked.len());
    for keyed in asked {
        let transfer = keyed.transfer;
        let (batch, ordinal) = batches.entry(transfer.school).or_insert_with(|| (uuid_at(now), 0));
        let record = Record {
            id: TransferId::new(now),
            school: transfer.school,
            batch: *batch,
            ordinal: *ordinal,
            kind: transfer.kind.name().to_owned(),
            reference: transfer.reference.clone(),
            person: transfer.person,
            nature: transfer.nature.code(),
            at: now,
            value_day: transfer.value_day,
            legs: keyed.legs.clone(),
        };
        let outcome = book.decide(keyed, record.clone());
        if let Ok(Posted::New(_)) = outcome {
            *ordinal += 1;
            accepted.push(record);
        }
        outcomes.push(outcome);
    }
    (outcomes, accepted)
}

async fn append(tx: &Tx, book: &Book, accepted: Vec<Record>) -> Result<(), DbError> {
    let mut digests: BTreeMap<Uuid, (SchoolId, Vec<Hash>)> = BTreeMap::new();
    let mut tails: BTreeMap<(Uuid, AccountId), Balance> = BTreeMap::new();
    let mut records = Vec::with_capacity(accepted.len());
    for record in accepted {
        let digest = record.digest();
        digests.entry(record.batch).or_insert((record.school, Vec::new())).1.push(digest);
        for leg in &record.legs {
            let ends = [(leg.from, -leg.amount.get()), (leg.to, leg.amount.get())];
            for (account, change) in ends.into_iter().filter(|(id, _)| book.is_hot(*id)) {
                let delta = tails.entry((record.batch, account)).or_default();
                *delta = delta
                    .plus(Balance::new(change))
                    .ok_or(DbError::Inconsistent { table: "tail", what: "sum past 64 bits" })?;
            }
        }
        records.push((record, digest));
    }
    let batches: Vec<BatchRow> = digests
        .into_iter()
        .map(|(id, (school, digests))| BatchRow {
            id,
            school,
            transfers: i32::try_from(digests.len()).unwrap_or(i32::MAX),
            digest: batch_digest(&digests),
        })
        .collect();
    let tails = tails.into_iter().map(|((batch, id), delta)| (batch, id, delta)).collect();
    store::append(tx, &records, book.moved(), &batches, tails).await
}
