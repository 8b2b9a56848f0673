//! A ledger in a few lines of memory, to hold the real one against.

use crate::ledger::support::{KIND, NOW, account, leg, person};
use onecard::{
    base::ids::{PersonId, SchoolId},
    ledger::{
        Outcome, Posted, Refusal,
        account::{Account, CardAccount, PersonAccount},
        transfer::{Leg, Nature, Transfer},
    },
};
use proptest::prelude::{Strategy, any};
use rand::{Rng, RngExt};
use std::collections::HashMap;

const ACCOUNTS: [&str; 12] = [
    "e",
    "transition",
    "card1",
    "card2",
    "hold",
    "goods",
    "writing1",
    "frozen2",
    "wechat",
    "alipay",
    "canteen",
    "suspense",
];

/// A random posting, as plain numbers that shrink well.
#[derive(Clone, Debug)]
pub struct Act {
    pub person: u16,
    pub fact: bool,
    pub reference: u32,
    pub legs: Vec<(u8, u8, u16)>,
}

impl Act {
    /// Acts of so many persons under so many references.
    pub fn strategy(persons: u16, references: u32) -> impl Strategy<Value = Self> {
        let leg = (0..12_u8, 0..11_u8, 1..500_u16);
        (0..persons, any::<bool>(), 0..references, proptest::collection::vec(leg, 1..=3))
            .prop_map(|(person, fact, reference, legs)| Self { person, fact, reference, legs })
    }

    /// One of so many persons.
    pub fn random(chance: &mut impl Rng, persons: u16, reference: u32) -> Self {
        let legs = chance.random_range(1..=3);
        Self {
            person: chance.random_range(0..persons),
            fact: chance.random(),
            reference,
            legs: (0..legs)
                .map(|_| {
                    let ends = (chance.random_range(0..12), chance.random_range(0..11));
                    (ends.0, ends.1, chance.random_range(1..500))
                })
                .collect(),
        }
    }

    /// As a transfer in the books of `school`, whose persons begin at number `first`.
    pub fn transfer(&self, school: SchoolId, first: u64) -> Transfer {
        let of = first + u64::from(self.person);
        let legs: Vec<Leg> = self
            .legs
            .iter()
            .map(|(from, to, fen)| {
                let to = if to < from { *to } else { to + 1 };
                let [from, to] = [*from, to].map(|n| account(ACCOUNTS[usize::from(n)], of));
                leg(from, to, i64::from(*fen))
            })
            .collect();
        let of_person = |a: &Account| !matches!(a, Account::School(_));
        let personal = legs.iter().any(|leg| of_person(&leg.from) || of_person(&leg.to));
        Transfer {
            school,
            person: personal.then(|| person(of)),
            kind: KIND,
            reference: self.reference.to_string(),
            nature: if self.fact { Nature::Fact } else { Nature::Command },
            value_day: NOW.day(),
            legs,
        }
    }
}

/// What the ledger must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    New,
    Replayed,
    Differs,
    Insufficient,
}

impl Answer {
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Ok(Posted::New(_)) => Self::New,
            Ok(Posted::Replayed(_)) => Self::Replayed,
            Err(Refusal::ReplayDiffers) => Self::Differs,
            Err(Refusal::Insufficient) => Self::Insufficient,
            Err(Refusal::Overflow) => panic!("these amounts cannot overflow"),
        }
    }
}

/// The books of one school.
#[derive(Debug, Default)]
pub struct Model {
    posted: HashMap<String, Transfer>,
    persons: HashMap<PersonId, HashMap<Account, i64>>,
    school: HashMap<Account, i64>,
}

impl Model {
    pub fn post(&mut self, transfer: &Transfer) -> Answer {
        if let Some(known) = self.posted.get(&transfer.reference) {
            return if known == transfer { Answer::Replayed } else { Answer::Differs };
        }
        let before = transfer.person.map(|p| self.persons.get(&p).cloned().unwrap_or_default());
        let before = before.unwrap_or_default();
        let (mut after, mut school) = (before.clone(), Vec::new());
        for leg in &transfer.legs {
            for (end, fen) in [(&leg.from, -leg.amount.get()), (&leg.to, leg.amount.get())] {
                match end {
                    Account::School(_) => school.push((end.clone(), fen)),
                    Account::Person(_) | Account::Card(..) => {
                        *after.entry(end.clone()).or_default() += fen;
                    }
                }
            }
        }
        if transfer.nature == Nature::Command && falls_below_zero(&before, &after) {
            return Answer::Insufficient;
        }
        for (account, fen) in school {
            *self.school.entry(account).or_default() += fen;
        }
        if let Some(person) = transfer.person {
            self.persons.insert(person, after);
        }
        self.posted.insert(transfer.reference.clone(), transfer.clone());
        Answer::New
    }

    /// Card, transition, e-account of everybody.
    pub fn persons(&self) -> impl Iterator<Item = (PersonId, [i64; 3])> {
        self.persons.iter().map(|(person, accounts)| {
            let part = |wanted: fn(&Account) -> bool| {
                accounts.iter().filter(|(account, _)| wanted(account)).map(|(_, fen)| fen).sum()
            };
            let parts = [
                part(|a| matches!(a, Account::Card(_, CardAccount::Card))),
                part(|a| matches!(a, Account::Person(PersonAccount::Transition))),
                part(|a| matches!(a, Account::Person(PersonAccount::EAccount))),
            ];
            (*person, parts)
        })
    }

    /// The school's accounts.
    pub fn school(&self) -> impl Iterator<Item = (&Account, i64)> {
        self.school.iter().map(|(account, fen)| (account, *fen))
    }
}

fn spendable(account: &Account) -> bool {
    use PersonAccount::{EAccount, Transition};
    matches!(account, Account::Person(EAccount | Transition) | Account::Card(_, CardAccount::Card))
}

fn falls_below_zero(before: &HashMap<Account, i64>, after: &HashMap<Account, i64>) -> bool {
    let sum = |accounts: &HashMap<Account, i64>| -> i64 {
        accounts.iter().filter(|(account, _)| spendable(account)).map(|(_, fen)| fen).sum()
    };
    let falls = |before: i64, after: i64| after < 0 && after < before;
    let guarded = |(account, fen): (&Account, &i64)| {
        !spendable(account) && falls(before.get(account).copied().unwrap_or(0), *fen)
    };
    falls(sum(before), sum(after)) || after.iter().any(guarded)
}
