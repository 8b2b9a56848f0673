//! What a received payment posts. One payment posts once, wherever its money goes: both postings
//! are of the same kind and reference.

use crate::{
    base::ids::SchoolId,
    ledger::{
        account::{Account, Name, NotAName, PersonAccount, SchoolAccount},
        transfer::{Kind, Leg, Nature, Transfer},
    },
    orders::{gateway::PaidFact, order::Order},
};

/// Money that a provider took in for us.
pub const RECEIVED: Kind = Kind::new("received");

/// A top-up that was paid: clearing → 电子账户.
pub fn top_up_received(order: &Order, fact: &PaidFact) -> Result<Transfer, NotAName> {
    let to = Account::Person(PersonAccount::EAccount);
    let mut transfer = received(order.school, fact, to)?;
    transfer.person = Some(order.person);
    Ok(transfer)
}

/// Money that no order wants: clearing → suspense. It is real; staff will say whose it is.
pub fn surplus_received(school: SchoolId, fact: &PaidFact) -> Result<Transfer, NotAName> {
    received(school, fact, Account::School(SchoolAccount::Suspense))
}

fn received(school: SchoolId, fact: &PaidFact, to: Account) -> Result<Transfer, NotAName> {
    let provider = fact.provider.code();
    let clearing = SchoolAccount::Clearing(Name::parse(provider)?);
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
