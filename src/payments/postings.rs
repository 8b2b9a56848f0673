//! What a received payment posts. One payment posts once, wherever its money goes: all these postings
//! have the same kind and reference.

use crate::{
    base::ids::SchoolId,
    ledger::{
        account::{Account, Name, NotAName, SchoolAccount},
        transfer::{Kind, Leg, Nature, Transfer},
    },
    orders::{fact::PaidFact, order::Order},
};

/// Money that a provider received for us.
pub const RECEIVED: Kind = Kind::new("received");

/// The money of a paid order: clearing → the account that its purpose credits.
pub fn received(order: &Order, fact: &PaidFact, to: Account) -> Result<Transfer, NotAName> {
    let person = match to {
        Account::Person(_) | Account::Card(..) => Some(order.person),
        Account::School(_) => None,
    };
    let transfer = from_clearing(order.school, fact, to)?;
    Ok(Transfer { person, ..transfer })
}

/// Money that pays no order: clearing → suspense. It is real; a case asks staff whose it is.
pub fn surplus_received(school: SchoolId, fact: &PaidFact) -> Result<Transfer, NotAName> {
    from_clearing(school, fact, Account::School(SchoolAccount::Suspense))
}

fn from_clearing(school: SchoolId, fact: &PaidFact, to: Account) -> Result<Transfer, NotAName> {
    let clearing = SchoolAccount::Clearing(Name::parse(fact.provider.code())?);
    Ok(Transfer {
        school,
        person: None,
        kind: RECEIVED,
        reference: reference(fact),
        nature: Nature::Fact,
        value_day: fact.paid_at.day(),
        legs: vec![Leg { from: Account::School(clearing), to, amount: fact.amount }],
    })
}

/// `provider:merchant:transaction`.
pub fn reference(fact: &PaidFact) -> String {
    format!("{}:{}:{}", fact.provider.code(), fact.merchant, fact.transaction_id)
}
