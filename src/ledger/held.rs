//! Persons under their locks: for a journey that must know balances before it can say what to post.

use super::{
    LedgerError,
    account::{Account, AccountId, AccountRow, Class, PersonAccount},
    balances::PersonBalances,
    decide::{AccountState, Book},
    post::{Asked, Persons, batch, decide, heads, lock, lock_of},
    store::{self, Append},
    transfer::Transfer,
};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Found, Question, Source, Tx, Write},
    ids::{PersonId, SchoolId},
    money::Balance,
};
use std::collections::HashSet;

/// Locks persons until the transaction ends: what is decided about them now is decided alone.
/// Postings take the same lock, all in one order; those that take none find another version of the
/// person than they read.
pub async fn lock_persons(tx: &Tx, persons: &[(SchoolId, PersonId)]) -> Result<(), DbError> {
    let persons = persons.iter().copied().collect();
    lock(tx, &persons).await?;
    store::raise_versions(tx, heads(&persons)).await
}

/// Persons with every account that they have, as it stands and will stand until it is posted to:
/// this transaction has locked them, or they are [`Watched`].
#[derive(Debug)]
pub struct Held {
    persons: Persons,
    accounts: Vec<AccountState>,
}

/// Persons that nobody has locked, with every account that they have: what is decided on these
/// balances counts if nobody else has decided about the persons when it is written.
#[derive(Debug)]
pub struct Watched(Held);

impl Held {
    /// Locks persons and reads their accounts, and those of `others` that exist: two queries, and
    /// two more for somebody new.
    pub async fn lock(
        tx: &Tx,
        persons: Persons,
        others: &[(SchoolId, Account)],
    ) -> Result<Self, DbError> {
        lock(tx, &persons).await?;
        let [accounts] = Source::Tx(tx).ask([question(&persons, others)]).await?;
        Ok(Self { persons, accounts: store::account_states(&accounts)? })
    }

    /// What a locked person may spend, as it stands and will stand until this transaction posts.
    pub fn balances(&self, school: SchoolId, person: PersonId) -> Result<PersonBalances, DbError> {
        if !self.persons.contains(&(school, person)) {
            return Err(DbError::Inconsistent { table: "account", what: "read without a lock" });
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

    /// Posts transfers that were decided on these balances, together with the writes that stand in
    /// `beside`, of other tables: one statement on PostgreSQL.
    ///
    /// Their references are new: one that was used before is a unique violation, after which the
    /// transaction is to be run again by whoever knows what was decided before. A refusal is an
    /// error, for the balances were known.
    pub async fn post(
        self,
        tx: &Tx,
        now: Timestamp,
        transfers: &[Transfer],
        beside: Vec<Write>,
    ) -> Result<(), LedgerError> {
        let asked = Asked::new(transfers)?;
        let mut accounts = self.accounts;
        let missing = asked.missing(&accounts);
        if !missing.is_empty() {
            accounts.extend(missing.iter().map(at_zero));
            store::open(tx, missing).await?;
        }
        let append = decided(accounts, &asked, now)?;
        Ok(store::append_with(tx, &append, beside).await?)
    }
}

impl Watched {
    /// The accounts of the persons, and those of `others` that exist.
    pub fn question(persons: &Persons, others: &[(SchoolId, Account)]) -> Question {
        question(persons, others)
    }

    /// The persons, as the answer to [`Watched::question`] shows them.
    pub fn of(persons: Persons, accounts: &[Found]) -> Result<Self, DbError> {
        Ok(Self(Held { persons, accounts: store::account_states(accounts)? }))
    }

    /// The balances to decide on.
    pub const fn held(&self) -> &Held {
        &self.0
    }

    /// Posts as [`Held::post`], in one statement that is its own transaction. False, with nothing
    /// written, where anything is not as it was read, a reference was used before, an account must
    /// be opened first, or a guard among `beside` does not hold: to be decided again under lock.
    /// PostgreSQL only.
    pub async fn post(
        self,
        db: &Db,
        now: Timestamp,
        transfers: &[Transfer],
        beside: Vec<Write>,
    ) -> Result<bool, LedgerError> {
        let asked = Asked::new(transfers)?;
        if !asked.missing(&self.0.accounts).is_empty() {
            return Ok(false);
        }
        let append = decided(self.0.accounts, &asked, now)?;
        Ok(store::append_at_once(db, &append, beside).await?)
    }
}

fn question(persons: &Persons, others: &[(SchoolId, Account)]) -> Question {
    let others = others.iter().filter_map(|(school, account)| account.row(*school, None));
    let others: HashSet<AccountId> = others.map(|row| row.id).collect();
    let persons = persons.iter().map(|(_, person)| *person).collect();
    store::accounts(persons, others.into_iter().collect())
}

/// What transfers write that were decided on these accounts. A refusal is an error, for the
/// balances were known.
fn decided(
    accounts: Vec<AccountState>,
    asked: &Asked<'_>,
    now: Timestamp,
) -> Result<Append, LedgerError> {
    let mut book = Book::default();
    for state in accounts {
        book.know_account(state);
    }
    let (outcomes, accepted) = decide(&mut book, &asked.transfers, now);
    for outcome in outcomes {
        outcome?;
    }
    Ok(batch(&book, accepted, &asked.heads())?)
}

/// An account that is being opened. A person's is opened under the person's lock, so that nobody
/// posts to it meanwhile. The balance of the school's is not looked at.
const fn at_zero(row: &AccountRow) -> AccountState {
    AccountState {
        id: row.id,
        person: row.person,
        class: row.class,
        balance: Balance::ZERO,
        version: 0,
    }
}
