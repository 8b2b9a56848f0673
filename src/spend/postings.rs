//! The postings of a charge and of its reversal.

use crate::{
    base::{
        clock::Timestamp,
        ids::{PersonId, SchoolId},
    },
    cards::{Drawn, charges::Act},
    ledger::{
        account::{Account, Name, NotAName, SchoolAccount},
        transfer::{Kind, Leg, Nature, Transfer},
    },
};

/// A charge at a till.
pub const SPENT: Kind = Kind::new("spent");
/// The reversal of a charge.
pub const SPENT_BACK: Kind = Kind::new("spent_back");

/// The parties of a charge, and its till transaction.
#[derive(Clone, Copy, Debug)]
pub struct Parties<'a> {
    /// The school.
    pub school: SchoolId,
    /// The payer.
    pub person: PersonId,
    /// The till transaction.
    pub act: Act,
    /// The account that is paid.
    pub payee: &'a Account,
}

/// The account of the merchant with this code.
pub fn merchant_account(code: &str) -> Result<Account, NotAName> {
    Ok(Account::School(SchoolAccount::Merchant(Name::parse(code)?)))
}

/// 电子账户 → 过渡余额, for the shortfall; 过渡余额 → the payee.
pub fn spent(parties: &Parties<'_>, drawn: &Drawn, at: Timestamp) -> Transfer {
    transfer(parties, SPENT, drawn.legs(parties.payee), at)
}

/// The same legs in reverse.
pub fn spent_back(parties: &Parties<'_>, drawn: &Drawn, at: Timestamp) -> Transfer {
    transfer(parties, SPENT_BACK, drawn.legs_back(parties.payee), at)
}

fn transfer(parties: &Parties<'_>, kind: Kind, legs: Vec<Leg>, at: Timestamp) -> Transfer {
    Transfer {
        school: parties.school,
        person: Some(parties.person),
        kind,
        reference: reference(parties.act),
        nature: Nature::Command,
        value_day: at.day(),
        legs,
    }
}

/// `{terminal}:{seq}`, the terminal as 32 hex digits: a till transaction can post only once.
pub fn reference((terminal, seq): Act) -> String {
    format!("{}:{seq}", terminal.simple())
}
