//! Compares the account rows with the sums of the history.
//!
//! Laws: key, person and class of every account match its path; every balance is the sum of its
//! legs; all accounts of a school sum to zero; no person's debt exceeds what facts debited.

use super::report::{Finding, Law, Subject, counted};
use crate::{
    base::{
        db::{DbError, Tx},
        ids::{PersonId, SchoolId},
    },
    ledger::{
        account::{AccountId, AccountRow, Class},
        store,
        transfer::{Nature, Record},
    },
};
use std::collections::{BTreeMap, HashMap};

/// A sum of 64-bit amounts that cannot overflow.
type Sum = i128;

/// The sums of the history for one account.
#[derive(Debug)]
struct Sums {
    school: SchoolId,
    person: Option<PersonId>,
    class: Class,
    /// Legs of sealed batches.
    sealed: Sum,
    /// Legs of unsealed batches.
    waiting: Sum,
    /// Rows of `tail`.
    tail: Sum,
    /// The total that facts debited; kept for guarded accounts.
    fact_debits: Sum,
}

/// The sums over a person's spendable accounts.
#[derive(Debug, Default)]
struct Purse {
    balance: Sum,
    fact_debits: Sum,
}

/// All accounts with the sums so far.
#[derive(Debug)]
pub(super) struct Books {
    sums: HashMap<AccountId, Sums>,
    purses: HashMap<PersonId, Purse>,
    pub(super) accounts: Finding,
}

impl Books {
    /// Reads the chart of accounts.
    pub(super) async fn open(tx: &Tx) -> Result<Self, DbError> {
        let accounts = Finding::new(Law::Accounts);
        let mut books = Self { sums: HashMap::new(), purses: HashMap::new(), accounts };
        let mut after = None;
        loop {
            let page = store::accounts_after(tx, after).await?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.id);
            for found in &page {
                match &found.said {
                    Some((row, _)) => books.know(row),
                    None => books.accounts.report(Subject::Account(found.id), "cannot be read"),
                }
            }
        }
        books.accounts.checked = counted(count(books.sums.len()), "account");
        Ok(books)
    }

    fn know(&mut self, row: &AccountRow) {
        if !row.fits_its_path() {
            let what = format!("key, person or class do not fit the path {}", row.path);
            self.accounts.report(Subject::Account(row.id.uuid()), what);
        }
        let sums = Sums {
            school: row.school,
            person: row.person,
            class: row.class,
            sealed: 0,
            waiting: 0,
            tail: 0,
            fact_debits: 0,
        };
        self.sums.insert(row.id, sums);
    }

    /// Adds a transfer's legs, and checks that the accounts belong to its school and person.
    pub(super) fn add(&mut self, record: &Record, sealed: bool) {
        let mut moved: Vec<(AccountId, Sum)> = Vec::with_capacity(2 * record.legs.len());
        for leg in &record.legs {
            let amount = Sum::from(leg.amount.get());
            for (id, change) in [(leg.from, -amount), (leg.to, amount)] {
                match moved.iter_mut().find(|(known, _)| *known == id) {
                    Some((_, sum)) => *sum += change,
                    None => moved.push((id, change)),
                }
            }
        }
        let fact = record.nature == Nature::Fact.code();
        let mut purse = 0;
        for (id, change) in moved {
            let Some(sums) = self.sums.get_mut(&id) else {
                let subject = Subject::Transfer(record.id);
                self.accounts.report(subject, format!("moves the unknown account {}", id.uuid()));
                continue;
            };
            if sums.school != record.school
                || (sums.person.is_some() && sums.person != record.person)
            {
                let what = format!("moves account {} of another school or person", id.uuid());
                self.accounts.report(Subject::Transfer(record.id), what);
            }
            *(if sealed { &mut sums.sealed } else { &mut sums.waiting }) += change;
            match sums.class {
                Class::Guarded if fact => sums.fact_debits += (-change).max(0),
                Class::Spendable => purse += change,
                Class::Guarded | Class::Hot => {}
            }
        }
        if let (true, true, Some(person)) = (fact, purse < 0, record.person) {
            self.purses.entry(person).or_default().fact_debits -= purse;
        }
    }

    /// Adds the unsealed tail, and checks that its batches are unsealed.
    pub(super) async fn add_tails(
        &mut self,
        tx: &Tx,
        balances: &mut Finding,
    ) -> Result<(), DbError> {
        let mut after = None;
        loop {
            let page = store::tails_after(tx, after).await?;
            let Some((last, _)) = page.last() else {
                break;
            };
            after = Some(*last);
            for ((_, account), delta) in &page {
                match self.sums.get_mut(&AccountId::from_uuid(*account)) {
                    Some(sums) => sums.tail += Sum::from(*delta),
                    None => balances.report(Subject::Account(*account), "has a tail but no row"),
                }
            }
        }
        for batch in store::leftovers(tx, store::Leftover::Tails).await? {
            balances.report(Subject::Batch(batch), "has a tail but does not wait for its seal");
        }
        Ok(())
    }

    /// Compares every balance with the history.
    pub(super) async fn close(mut self, tx: &Tx) -> Result<[Finding; 4], DbError> {
        let mut balances = Finding::new(Law::Balances);
        self.add_tails(tx, &mut balances).await?;
        let mut debts = Finding::new(Law::Debts);
        let mut schools: BTreeMap<SchoolId, Sum> = BTreeMap::new();
        let mut after = None;
        loop {
            let page = store::accounts_after(tx, after).await?;
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.id);
            for (row, balance) in page.iter().filter_map(|found| found.said.as_ref()) {
                let Some(sums) = self.sums.get(&row.id) else {
                    continue;
                };
                let balance = Sum::from(balance.get());
                *schools.entry(row.school).or_default() += balance + sums.tail;
                check_balance(row, balance, sums, &mut balances);
                match (row.class, row.person) {
                    (Class::Spendable, Some(person)) => {
                        self.purses.entry(person).or_default().balance += balance;
                    }
                    (Class::Guarded, _) => {
                        let subject = Subject::Account(row.id.uuid());
                        check_debt(subject, balance, sums.fact_debits, &mut debts);
                    }
                    (Class::Spendable, None) | (Class::Hot, _) => {}
                }
            }
        }
        balances.checked = counted(count(self.sums.len()), "account");
        debts.checked = counted(count(self.purses.len()), "person");
        for (person, purse) in &self.purses {
            check_debt(Subject::Person(*person), purse.balance, purse.fact_debits, &mut debts);
        }
        Ok([self.accounts, balances, zero_sum(&schools), debts])
    }
}

fn check_balance(row: &AccountRow, balance: Sum, sums: &Sums, balances: &mut Finding) {
    let subject = Subject::Account(row.id.uuid());
    let (folded, tail) = match row.class {
        Class::Hot => (sums.sealed, sums.waiting),
        Class::Spendable | Class::Guarded => (sums.sealed + sums.waiting, 0),
    };
    if balance != folded {
        let path = &row.path;
        balances.report(subject, format!("{path} says {balance} fen, its legs {folded}"));
    }
    if sums.tail != tail {
        let (path, said) = (&row.path, sums.tail);
        balances.report(subject, format!("{path} has a tail of {said} fen, its legs {tail}"));
    }
}

fn check_debt(subject: Subject, balance: Sum, fact_debits: Sum, debts: &mut Finding) {
    if -balance > fact_debits {
        let what = format!("{balance} fen, though facts took away {fact_debits} in all");
        debts.report(subject, what);
    }
}

fn zero_sum(schools: &BTreeMap<SchoolId, Sum>) -> Finding {
    let mut finding = Finding::new(Law::ZeroSum);
    finding.checked = counted(count(schools.len()), "school");
    for (school, sum) in schools.iter().filter(|(_, sum)| **sum != 0) {
        finding.report(Subject::School(*school), format!("all accounts sum to {sum} fen"));
    }
    finding
}

pub(super) fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
