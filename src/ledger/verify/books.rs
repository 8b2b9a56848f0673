//! Compares the account rows with the sums of the history.
//!
//! Laws: key, person and class of every account match its path; every balance is the sum of its
//! legs; all accounts of a school sum to zero; no person's debt exceeds the debt at the start and
//! what facts debited since.

use super::{
    report::{Finding, Law, Subject, counted},
    start::Starts,
};
use crate::{
    base::{
        db::{DbError, Tx},
        ids::{PersonId, SchoolId},
    },
    ledger::{
        account::{AccountId, AccountRow, Class},
        closing::{BalanceDigest, Closing},
        store,
        transfer::{Hash, Nature, Record},
    },
};
use std::collections::{BTreeMap, HashMap};

/// A sum of 64-bit amounts that cannot overflow.
type Sum = i128;

/// The sums of the history since the start for one account.
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
    start: Sum,
    balance: Sum,
    fact_debits: Sum,
}

/// What all balances of a school are at three points.
#[derive(Debug)]
struct OfSchool {
    sum: Sum,
    start: BalanceDigest,
    sealed: BalanceDigest,
}

/// The digest of the balances of each school at its last seal.
pub(super) type Digests = BTreeMap<SchoolId, Hash>;

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
    pub(super) async fn close(
        mut self,
        tx: &Tx,
        starts: &Starts,
    ) -> Result<([Finding; 4], Digests), DbError> {
        let mut balances = Finding::new(Law::Balances);
        self.add_tails(tx, &mut balances).await?;
        let mut debts = Finding::new(Law::Debts);
        let mut schools: BTreeMap<SchoolId, OfSchool> = BTreeMap::new();
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
                let start = balance - sums.folded();
                let school = schools.entry(row.school).or_insert_with(|| OfSchool::new(row.school));
                school.add(row.id, balance + sums.tail, [start, start + sums.sealed]);
                if starts.record(row.school).is_none() {
                    check_balance(row, balance, sums, &mut balances);
                }
                check_tail(row, sums, &mut balances);
                self.owe(row, [start, balance], &mut debts);
            }
        }
        balances.checked = counted(count(self.sums.len()), "account");
        debts.checked = counted(count(self.purses.len()), "person");
        for (person, Purse { start, balance, fact_debits }) in &self.purses {
            let subject = Subject::Person(*person);
            check_debt(subject, [*start, *balance], *fact_debits, &mut debts);
        }
        let zero_sum = zero_sum(&schools);
        let digests = digests(schools, starts, &mut balances);
        Ok(([self.accounts, balances, zero_sum, debts], digests))
    }
}

impl Books {
    /// Checks the debt of a guarded account, and adds up a person's spendable ones.
    fn owe(&mut self, row: &AccountRow, [start, balance]: [Sum; 2], debts: &mut Finding) {
        match (row.class, row.person) {
            (Class::Spendable, Some(person)) => {
                let purse = self.purses.entry(person).or_default();
                purse.balance += balance;
                purse.start += start;
            }
            (Class::Guarded, _) => {
                let fact_debits = self.sums.get(&row.id).map_or(0, |sums| sums.fact_debits);
                check_debt(Subject::Account(row.id.uuid()), [start, balance], fact_debits, debts);
            }
            (Class::Spendable, None) | (Class::Hot, _) => {}
        }
    }
}

impl Sums {
    /// The legs that the account's row counts.
    const fn folded(&self) -> Sum {
        match self.class {
            Class::Hot => self.sealed,
            Class::Spendable | Class::Guarded => self.sealed + self.waiting,
        }
    }
}

impl OfSchool {
    fn new(school: SchoolId) -> Self {
        Self { sum: 0, start: BalanceDigest::new(school), sealed: BalanceDigest::new(school) }
    }

    fn add(&mut self, account: AccountId, balance: Sum, [start, sealed]: [Sum; 2]) {
        self.sum += balance;
        // Sums of altered legs may exceed 64 bits; no record was made with such a balance.
        let fen = |sum| i64::try_from(sum).unwrap_or(i64::MIN);
        self.start.add(account.uuid(), fen(start));
        self.sealed.add(account.uuid(), fen(sealed));
    }
}

/// Compares the balances at the start of each school with its closing record.
fn digests(
    schools: BTreeMap<SchoolId, OfSchool>,
    starts: &Starts,
    balances: &mut Finding,
) -> Digests {
    let mut digests: Digests = BTreeMap::new();
    let mut at_start: Digests = BTreeMap::new();
    for (id, school) in schools {
        at_start.insert(id, school.start.finish());
        digests.insert(id, school.sealed.finish());
    }
    for Closing { school, head, balances: closed, .. } in starts.records() {
        let nothing = || Closing::genesis(*school).balances;
        if at_start.remove(school).unwrap_or_else(nothing) != *closed {
            let what = format!(
                "balances less the legs since are not those that were closed at seal {}: \
                 a full verify names the accounts",
                head.position
            );
            balances.report(Subject::School(*school), what);
        }
    }
    digests
}

fn check_balance(row: &AccountRow, balance: Sum, sums: &Sums, balances: &mut Finding) {
    let folded = sums.folded();
    if balance != folded {
        let what = format!("{} says {balance} fen, its legs {folded}", row.path);
        balances.report(Subject::Account(row.id.uuid()), what);
    }
}

fn check_tail(row: &AccountRow, sums: &Sums, balances: &mut Finding) {
    let tail = match row.class {
        Class::Hot => sums.waiting,
        Class::Spendable | Class::Guarded => 0,
    };
    if sums.tail != tail {
        let what = format!("{} has a tail of {} fen, its legs {tail}", row.path, sums.tail);
        balances.report(Subject::Account(row.id.uuid()), what);
    }
}

fn check_debt(subject: Subject, [start, balance]: [Sum; 2], fact_debits: Sum, debts: &mut Finding) {
    if -balance > fact_debits + (-start).max(0) {
        let what = match start.min(0) {
            0 => format!("{balance} fen, though facts took away {fact_debits} in all"),
            debt => format!("{balance} fen, though facts took away {fact_debits} since {debt}"),
        };
        debts.report(subject, what);
    }
}

fn zero_sum(schools: &BTreeMap<SchoolId, OfSchool>) -> Finding {
    let mut finding = Finding::new(Law::ZeroSum);
    finding.checked = counted(count(schools.len()), "school");
    for (school, OfSchool { sum, .. }) in schools.iter().filter(|(_, school)| school.sum != 0) {
        finding.report(Subject::School(*school), format!("all accounts sum to {sum} fen"));
    }
    finding
}

pub(super) fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
