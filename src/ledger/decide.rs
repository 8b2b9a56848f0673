//! Decides without I/O which transfers of a batch post, which are replays and which are refused.
//! Nothing is written until the whole batch has been decided.

use super::{
    account::{AccountId, Class},
    transfer::{Keyed, KeyedLeg, Nature, Record, Transfer, TransferId},
};
use crate::base::{
    ids::{PersonId, SchoolId},
    money::Balance,
};
use std::collections::{BTreeSet, HashMap};

/// The outcome of an accepted transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// Posted now.
    New(TransferId),
    /// The same transfer was posted before.
    Replayed(TransferId),
}

/// Why a transfer was not posted. Nothing was written for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A command would take the person's balance below zero.
    #[error("the person has insufficient funds")]
    Insufficient,
    /// The same kind and reference were posted with different content; an operator must
    /// investigate.
    #[error("another transfer was posted under this reference")]
    ReplayDiffers,
    /// A balance would exceed 64 bits.
    #[error("a balance would overflow")]
    Overflow,
}

/// The outcome of one transfer of a batch.
pub type Outcome = Result<Posted, Refusal>;

/// An account's state as it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct AccountState {
    pub(super) id: AccountId,
    pub(super) person: Option<PersonId>,
    pub(super) class: Class,
    /// Ignored for hot accounts.
    pub(super) balance: Balance,
    /// Incremented by each write to a person's account.
    pub(super) version: i64,
}

/// An account's new balance, with the version that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    pub(super) id: AccountId,
    pub(super) balance: Balance,
    pub(super) version: i64,
}

/// School, kind and reference: the unique key of a transfer.
type Once<'a> = (SchoolId, &'a str, &'a str);

/// The transfer that already has a kind and reference.
#[derive(Clone, Copy, Debug)]
enum Known<'a> {
    /// Posted before.
    Before(&'a Record),
    /// Accepted earlier in this batch.
    Now(TransferId, &'a Transfer),
}

/// The balances and history that a batch is decided on, updated by each decision.
#[derive(Debug, Default)]
pub(super) struct Book<'a> {
    accounts: HashMap<AccountId, AccountState>,
    spendable: HashMap<PersonId, Balance>,
    posted: HashMap<Once<'a>, Known<'a>>,
    /// Touched accounts, each with its balance before the first change.
    touched: HashMap<AccountId, Balance>,
}

impl<'a> Book<'a> {
    /// Adds an account that the transfers may touch.
    pub(super) fn know_account(&mut self, state: AccountState) {
        let before = self.accounts.insert(state.id, state);
        if let (None, Class::Spendable, Some(person)) = (before, state.class, state.person) {
            let sum = self.spendable.entry(person).or_default();
            *sum = sum.plus(state.balance).unwrap_or(*sum);
        }
    }

    /// Adds a transfer that was posted before.
    pub(super) fn know_record(&mut self, record: &'a Record) {
        let once = (record.school, record.kind.as_str(), record.reference.as_str());
        self.posted.insert(once, Known::Before(record));
    }

    /// Decides one transfer, to be posted under `id`, and updates the balances.
    pub(super) fn decide(&mut self, asked: &'a Keyed<'a>, id: TransferId) -> Outcome {
        let transfer = asked.transfer;
        let once = (transfer.school, transfer.kind.name(), transfer.reference.as_str());
        if let Some(known) = self.posted.get(&once) {
            let (id, same) = match known {
                Known::Before(record) => (record.id, record.says_the_same(asked)),
                Known::Now(id, before) => (*id, *before == transfer),
            };
            return if same { Ok(Posted::Replayed(id)) } else { Err(Refusal::ReplayDiffers) };
        }
        let may_be_refused = transfer.nature == Nature::Command;
        let after = self.after(&asked.legs).ok_or(Refusal::Overflow)?;
        if may_be_refused && self.takes_below_zero(&after) {
            return Err(Refusal::Insufficient);
        }
        // The transfer is accepted from here on.
        for (id, balance) in after {
            self.move_to(id, balance);
        }
        self.posted.insert(once, Known::Now(id, transfer));
        Ok(Posted::New(id))
    }

    /// Each touched account's balance after the legs; `None` on overflow.
    fn after(&self, legs: &[KeyedLeg]) -> Option<Vec<(AccountId, Balance)>> {
        let mut after: Vec<(AccountId, Balance)> = Vec::with_capacity(2 * legs.len());
        let mut at = |id: AccountId, change: &dyn Fn(Balance) -> Option<Balance>| {
            let known = after.iter_mut().find(|(known, _)| *known == id);
            if let Some((_, balance)) = known {
                *balance = change(*balance)?;
            } else {
                let balance = self.accounts.get(&id).map(|s| s.balance).unwrap_or_default();
                after.push((id, change(balance)?));
            }
            Some(())
        };
        for leg in legs {
            at(leg.from, &|balance| balance.debited(leg.amount))?;
            at(leg.to, &|balance| balance.credited(leg.amount))?;
        }
        Some(after)
    }

    /// True if a person's spendable sum or a guarded account would decrease and end below zero. A
    /// negative balance may increase: crediting a person in debt is allowed.
    fn takes_below_zero(&self, after: &[(AccountId, Balance)]) -> bool {
        let mut change: HashMap<PersonId, i128> = HashMap::new();
        for (id, balance) in after {
            let Some(standing) = self.accounts.get(id) else {
                continue;
            };
            match (standing.class, standing.person) {
                (Class::Guarded, _) => {
                    if balance.is_negative() && *balance < standing.balance {
                        return true;
                    }
                }
                (Class::Spendable, Some(person)) => {
                    *change.entry(person).or_default() +=
                        i128::from(balance.get()) - i128::from(standing.balance.get());
                }
                (Class::Spendable, None) | (Class::Hot, _) => {}
            }
        }
        change.into_iter().any(|(person, change)| {
            let sum = self.spendable.get(&person).copied().unwrap_or_default();
            change < 0 && i128::from(sum.get()) + change < 0
        })
    }

    fn move_to(&mut self, id: AccountId, balance: Balance) {
        let Some(standing) = self.accounts.get_mut(&id) else {
            return;
        };
        let before = standing.balance;
        standing.balance = balance;
        self.touched.entry(id).or_insert(before);
        if let (Class::Spendable, Some(person)) = (standing.class, standing.person) {
            let sum = self.spendable.entry(person).or_default();
            let moved = balance.get().saturating_sub(before.get());
            *sum = Balance::new(sum.get().saturating_add(moved));
        }
    }

    /// The accounts whose balance changed, and all of `heads`, in key order. A person's account
    /// with no net change is not written: the version of the person's head already records that a
    /// transfer was decided.
    pub(super) fn moved(&self, heads: &[AccountId]) -> Vec<Moved> {
        let stands = |id: &AccountId, before: &Balance| {
            let now = self.accounts.get(id);
            now.is_some_and(|state| state.person.is_some() && state.balance == *before)
        };
        let moved = self.touched.iter().filter(|(id, before)| !stands(id, before));
        let ids: BTreeSet<AccountId> = moved.map(|(id, _)| id).chain(heads).copied().collect();
        ids.into_iter()
            .filter_map(|id| Some((id, self.accounts.get(&id)?)))
            .filter(|(_, standing)| standing.class != Class::Hot)
            .map(|(id, state)| Moved { id, balance: state.balance, version: state.version })
            .collect()
    }

    /// True for accounts that are folded by the sealer.
    pub(super) fn is_hot(&self, id: AccountId) -> bool {
        self.accounts.get(&id).is_some_and(|standing| standing.class == Class::Hot)
    }
}
