//! Posting in phases: read everything, decide in memory, then write. A batch costs the same number
//! of statements for one transfer as for fifty.
//!
//! | phase | [`post_all`] | [`LockedAccounts`] | [`UnlockedAccounts`] |
//! | --- | --- | --- | --- |
//! | lock the persons; open new ones (rare) | 1 (+ 2) | 1 (+ 2) | – |
//! | read accounts; open missing ones (rare) | 1 (+ 2) | 1 (+ 1) | 1 |
//! | read what was posted before under these references | 1 (+ 1 if any) | – | – |
//! | decide | 0 | 0 | 0 |
//! | append transfers, legs, balances, seal queue, hot tail | 1 (SQLite: 5) | 1 (SQLite: 5) | 1 |
//! | begin and commit | 2 | 2 | – |
//!
//! Check and posting are atomic in all three: a transaction that locked the persons has exclusive
//! access to them, and a statement without locks writes only if every version is unchanged.
//!
//! [`LockedAccounts`]: super::LockedAccounts
//! [`UnlockedAccounts`]: super::UnlockedAccounts

use super::{
    account::{Account, AccountId, AccountRow, Class, PersonAccount},
    decide::{AccountState, Book, Outcome, Posted, Refusal},
    store::{self, Append, BatchRow},
    transfer::{BadTransfer, Hash, Keyed, Kind, Record, Transfer, TransferId, batch_digest},
};
use crate::base::{
    clock::Timestamp,
    db::{DbError, Source, Tx, TxError},
    ids::{PersonId, SchoolId, uuid_at},
    money::Balance,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// Why a whole batch did not post.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// An invalid transfer: a defect in the caller.
    #[error(transparent)]
    Bad(#[from] BadTransfer),
    /// The ledger refused a transfer that its caller decided on known balances: a defect in the
    /// caller.
    #[error("the ledger refused a transfer that was decided on known balances: {0}")]
    Refused(#[from] Refusal),
}

impl TxError for LedgerError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Bad(_) | Self::Refused(_) => None,
        }
    }
}

impl Record {
    /// The transfer that was posted under this kind and reference, if there is one.
    pub async fn posted(
        tx: &Tx,
        (school, kind): (SchoolId, Kind),
        reference: &str,
    ) -> Result<Option<Self>, DbError> {
        let asked = std::iter::once((school.number(), kind.name(), reference)).collect();
        Ok(store::records(tx, &asked).await?.pop())
    }

    /// The transfers that were posted under this kind and these references.
    pub async fn all_posted(
        tx: &Tx,
        kind: Kind,
        of: &[(SchoolId, String)],
    ) -> Result<Vec<Self>, DbError> {
        let asked: BTreeSet<_> = of
            .iter()
            .map(|(school, reference)| (school.number(), kind.name(), reference.as_str()))
            .collect();
        if asked.is_empty() { Ok(Vec::new()) } else { store::records(tx, &asked).await }
    }
}

/// Posts a batch of transfers, deciding them in order. Outcomes are in the order of the transfers;
/// a refused transfer does not affect the others. Nothing is durable until the caller commits.
pub async fn post_all(
    tx: &Tx,
    now: Timestamp,
    transfers: &[Transfer],
) -> Result<Vec<Outcome>, LedgerError> {
    let incoming = Incoming::new(transfers)?;
    let accounts = accounts_under_lock(tx, &incoming).await?;
    let before = store::posted_before(tx, &incoming.transfers).await?;
    let mut book = Book::default();
    for state in accounts {
        book.know_account(state);
    }
    for record in &before {
        book.know_record(record);
    }
    let (outcomes, accepted) = decide(&mut book, &incoming.transfers, now);
    if !accepted.is_empty() {
        let append = batch(&book, accepted, &incoming.heads())?;
        store::append(tx, &append, Vec::new()).await?;
    }
    Ok(outcomes)
}

/// Transfers to be posted, with the persons and accounts that they touch.
pub(super) struct Incoming<'a> {
    pub(super) transfers: Vec<Keyed<'a>>,
    persons: Persons,
}

/// Distinct persons, each with the school.
pub(super) type Persons = HashSet<(SchoolId, PersonId)>;

impl<'a> Incoming<'a> {
    pub(super) fn new(transfers: &'a [Transfer]) -> Result<Self, BadTransfer> {
        let persons = transfers.iter().filter_map(|t| Some((t.school, t.person?))).collect();
        let transfers = transfers.iter().map(Transfer::keyed).collect::<Result<_, _>>()?;
        Ok(Self { transfers, persons })
    }

    /// The keys of the rows that serve as the persons' locks; a row's version is the person's
    /// version.
    pub(super) fn heads(&self) -> Vec<AccountId> {
        heads(&self.persons)
    }

    /// The distinct touched accounts that belong to no person.
    fn hot(&self) -> Vec<AccountState> {
        let touched = self.transfers.iter().flat_map(|keyed| &keyed.accounts);
        let ids: HashSet<AccountId> =
            touched.filter(|row| row.class == Class::Hot).map(|row| row.id).collect();
        let state = |id| AccountState {
            id,
            person: None,
            class: Class::Hot,
            balance: Balance::default(),
            version: 0,
        };
        ids.into_iter().map(state).collect()
    }

    /// Reads all accounts of the persons and the existing ones of `hot`.
    async fn read(
        &self,
        source: Source<'_>,
        hot: &[AccountState],
    ) -> Result<Vec<AccountState>, DbError> {
        let persons = self.persons.iter().map(|(_, person)| *person).collect();
        let accounts = store::accounts(persons, hot.iter().map(|state| state.id).collect());
        let [accounts] = source.ask([accounts]).await?;
        store::account_states(&accounts)
    }

    /// Required accounts that are not among the `known` ones.
    pub(super) fn missing(&self, known: &[AccountState]) -> Vec<AccountRow> {
        let known: HashSet<AccountId> = known.iter().map(|state| state.id).collect();
        let touched = self.transfers.iter().flat_map(|keyed| &keyed.accounts).cloned();
        touched.chain(core(&self.persons)).filter(|row| !known.contains(&row.id)).collect()
    }
}

/// Locks the persons, reads their accounts and the other touched ones, and opens missing ones.
async fn accounts_under_lock(
    tx: &Tx,
    incoming: &Incoming<'_>,
) -> Result<Vec<AccountState>, DbError> {
    lock(tx, &incoming.persons).await?;
    let hot = incoming.hot();
    let accounts = incoming.read(tx.into(), &hot).await?;
    let missing = incoming.missing(&accounts);
    if missing.is_empty() {
        return Ok(accounts);
    }
    store::open(tx, missing).await?;
    incoming.read(tx.into(), &hot).await
}

/// Locks the persons. Only a row that exists can be locked, so a new person's accounts are opened
/// first: another transaction could otherwise open them between the lock and the read, and spend.
pub(super) async fn lock(tx: &Tx, persons: &Persons) -> Result<(), DbError> {
    let heads = heads(persons);
    if store::lock(tx, heads.clone()).await? == heads.len() {
        return Ok(());
    }
    store::open(tx, core(persons)).await?;
    if store::lock(tx, heads.clone()).await? == heads.len() {
        return Ok(());
    }
    Err(DbError::Raced { table: "account" })
}

pub(super) fn heads(persons: &Persons) -> Vec<AccountId> {
    persons.iter().map(|(school, person)| lock_of(*school, *person)).collect()
}

/// The two accounts that every person has. They are opened together, so that a transaction that
/// locks the first also sees the second.
fn core(persons: &Persons) -> Vec<AccountRow> {
    let of = |school, person| {
        [PersonAccount::EAccount, PersonAccount::Transition]
            .into_iter()
            .filter_map(move |account| Account::Person(account).row(school, Some(person)))
    };
    persons.iter().flat_map(|(school, person)| of(*school, *person)).collect()
}

/// The account whose row serves as the person's lock.
pub(super) fn lock_of(school: SchoolId, person: PersonId) -> AccountId {
    let path = format!("person/{person}/{}", PersonAccount::EAccount.code());
    AccountId::of_path(school, &path)
}

pub(super) fn decide<'a>(
    book: &mut Book<'a>,
    asked: &'a [Keyed<'a>],
    now: Timestamp,
) -> (Vec<Outcome>, Vec<Record>) {
    let mut batches: HashMap<SchoolId, (Uuid, i32)> = HashMap::new();
    let mut accepted = Vec::with_capacity(asked.len());
    let mut outcomes = Vec::with_capacity(asked.len());
    for keyed in asked {
        let outcome = book.decide(keyed, TransferId::new(now));
        if let Ok(Posted::New(id)) = outcome {
            let school = keyed.transfer.school;
            let (batch, ordinal) = batches.entry(school).or_insert_with(|| (uuid_at(now), 0));
            accepted.push(record(keyed, id, now, (*batch, *ordinal)));
            *ordinal += 1;
        }
        outcomes.push(outcome);
    }
    (outcomes, accepted)
}

fn record(keyed: &Keyed<'_>, id: TransferId, now: Timestamp, place: (Uuid, i32)) -> Record {
    let transfer = keyed.transfer;
    Record {
        id,
        school: transfer.school,
        batch: place.0,
        ordinal: place.1,
        kind: transfer.kind.name().to_owned(),
        reference: transfer.reference.clone(),
        person: transfer.person,
        nature: transfer.nature.code(),
        at: now,
        value_day: transfer.value_day,
        legs: keyed.legs.clone(),
    }
}

/// The rows that accepted transfers write.
pub(super) fn batch(
    book: &Book<'_>,
    accepted: Vec<Record>,
    heads: &[AccountId],
) -> Result<Append, DbError> {
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
    let batches = digests
        .into_iter()
        .map(|(id, (school, digests))| BatchRow {
            id,
            school,
            transfers: i32::try_from(digests.len()).unwrap_or(i32::MAX),
            digest: batch_digest(&digests),
        })
        .collect();
    let tails = tails.into_iter().map(|((batch, id), delta)| (batch, id, delta)).collect();
    Ok(Append { records, moved: book.moved(heads), batches, tails })
}
