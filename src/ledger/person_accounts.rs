//! Accounts of persons that a journey reads before it decides what to post, and the posting of its
//! decision: under the persons' locks, or without locks if nothing changed since the read. Also the
//! locks alone, for changes that are no posting.

use super::{
    LedgerError,
    account::{Account, AccountId, AccountRow, Class, PersonAccount},
    balances::PersonBalances,
    decide::{AccountState, Book},
    post::{Incoming, Persons, batch, decide, heads, lock, lock_of},
    store::{self, Append},
    transfer::Transfer,
};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Deadline, Found, Question, Source, Tx, Write},
    ids::{PersonId, SchoolId},
    money::Balance,
};
use std::collections::HashSet;

/// Persons with all their accounts, as they were read.
#[derive(Debug)]
pub struct PersonAccounts {
    persons: Persons,
    accounts: Vec<AccountState>,
}

/// Accounts of persons that this transaction has locked: they cannot change before it posts.
#[derive(Debug)]
pub struct LockedAccounts(PersonAccounts);

/// Accounts read without locks: a decision on them is written only if no posting to these persons
/// committed since the read, and in time.
#[derive(Debug)]
pub struct UnlockedAccounts {
    read: PersonAccounts,
    until: Option<Deadline>,
}

/// Persons whose locks this transaction holds until it ends, and whose versions it has raised.
///
/// Whoever changes something that a charge depends on and that is no posting, such as a person's
/// standing, takes one: a charge under locks waits and then reads the change, and one without locks
/// that has read before it is not written.
#[derive(Debug)]
pub struct HeldPersons(Persons);

impl HeldPersons {
    /// Holds persons. To be called before this transaction locks anything else: charges lock persons
    /// first.
    pub async fn hold(tx: &Tx, persons: Persons) -> Result<Self, DbError> {
        if !persons.is_empty() {
            lock(tx, &persons).await?;
            store::raise_versions(tx, &heads(&persons)).await?;
        }
        Ok(Self(persons))
    }

    /// True if this person is held.
    pub fn has(&self, school: SchoolId, person: PersonId) -> bool {
        self.0.contains(&(school, person))
    }
}

impl PersonAccounts {
    fn of(persons: Persons, accounts: &[Found]) -> Result<Self, DbError> {
        Ok(Self { persons, accounts: store::account_states(accounts)? })
    }

    /// The spendable balances of one of these persons.
    pub fn balances(&self, school: SchoolId, person: PersonId) -> Result<PersonBalances, DbError> {
        if !self.persons.contains(&(school, person)) {
            let what = "a person whose accounts were not read";
            return Err(DbError::Inconsistent { table: "account", what });
        }
        let transition = Account::Person(PersonAccount::Transition);
        let transition = transition.row(school, Some(person)).map(|row| row.id);
        let spendable = self
            .accounts
            .iter()
            .filter(|state| state.person == Some(person) && state.class == Class::Spendable);
        let parts = spendable.map(|state| (state.id, state.balance));
        PersonBalances::of(parts, lock_of(school, person), transition)
    }
}

impl LockedAccounts {
    /// Locks persons and reads their accounts and the existing ones of `others`: two queries, and
    /// two more if a person is new.
    pub async fn lock(
        tx: &Tx,
        persons: Persons,
        others: &[(SchoolId, Account)],
    ) -> Result<Self, DbError> {
        lock(tx, &persons).await?;
        let [accounts] = Source::Tx(tx).ask([question(&persons, others)]).await?;
        Ok(Self(PersonAccounts::of(persons, &accounts)?))
    }

    /// The accounts to decide on.
    pub const fn accounts(&self) -> &PersonAccounts {
        &self.0
    }

    /// Posts transfers that were decided on these accounts, together with the writes to other
    /// tables in `beside`: one statement on PostgreSQL.
    ///
    /// The references must be new: a used one violates a unique key, and the caller retries the
    /// transaction, which then reads the earlier decision. A refusal is an error because the
    /// balances were known.
    pub async fn post(
        self,
        tx: &Tx,
        now: Timestamp,
        transfers: &[Transfer],
        beside: Vec<Write>,
    ) -> Result<(), LedgerError> {
        let incoming = Incoming::new(transfers)?;
        let mut accounts = self.0.accounts;
        let missing = incoming.missing(&accounts);
        if !missing.is_empty() {
            accounts.extend(missing.iter().map(at_zero));
            store::open(tx, missing).await?;
        }
        let append = decided(accounts, &incoming, now)?;
        Ok(store::append(tx, &append, beside).await?)
    }
}

impl UnlockedAccounts {
    /// A question for the accounts of the persons and the existing ones of `others`.
    pub fn question(persons: &Persons, others: &[(SchoolId, Account)]) -> Question {
        question(persons, others)
    }

    /// The accounts in the answer to [`UnlockedAccounts::question`].
    pub fn of(persons: Persons, answer: &[Found]) -> Result<Self, DbError> {
        Ok(Self { read: PersonAccounts::of(persons, answer)?, until: None })
    }

    /// The same, to be written before this deadline: [`UnlockedAccounts::post`] may wait for locks.
    #[must_use]
    pub fn until(self, until: Deadline) -> Self {
        Self { until: Some(until), ..self }
    }

    /// The accounts to decide on.
    pub const fn accounts(&self) -> &PersonAccounts {
        &self.read
    }

    /// Posts like [`LockedAccounts::post`], in one statement that is its own transaction.
    /// PostgreSQL only.
    ///
    /// Returns a transient error and writes nothing if a person's accounts changed since they were
    /// read, a reference was used before, an account must be opened first, a guard in `beside` fails,
    /// or the deadline has passed. The caller then decides again under locks.
    pub async fn post(
        self,
        db: &Db,
        now: Timestamp,
        transfers: &[Transfer],
        beside: Vec<Write>,
    ) -> Result<(), LedgerError> {
        let incoming = Incoming::new(transfers)?;
        if !incoming.missing(&self.read.accounts).is_empty() {
            return Err(DbError::Raced { table: "account" }.into());
        }
        let append = decided(self.read.accounts, &incoming, now)?;
        Ok(store::append_at_once(db, &append, beside, self.until).await?)
    }
}

fn question(persons: &Persons, others: &[(SchoolId, Account)]) -> Question {
    let others = others.iter().filter_map(|(school, account)| account.row(*school, None));
    let others: HashSet<AccountId> = others.map(|row| row.id).collect();
    let persons = persons.iter().map(|(_, person)| *person).collect();
    store::accounts(persons, others.into_iter().collect())
}

/// The writes of transfers that were decided on these accounts. A refusal is an error because the
/// balances were known.
fn decided(
    accounts: Vec<AccountState>,
    incoming: &Incoming<'_>,
    now: Timestamp,
) -> Result<Append, LedgerError> {
    let mut book = Book::default();
    for state in accounts {
        book.know_account(state);
    }
    let (outcomes, accepted) = decide(&mut book, &incoming.transfers, now);
    for outcome in outcomes {
        outcome?;
    }
    Ok(batch(&book, accepted, &incoming.heads())?)
}

/// The state of an account that is being opened. A person's account is opened under the person's
/// lock, so no concurrent posting can touch it. The balance of a school's account is not checked.
const fn at_zero(row: &AccountRow) -> AccountState {
    AccountState {
        id: row.id,
        person: row.person,
        class: row.class,
        balance: Balance::ZERO,
        version: 0,
    }
}
