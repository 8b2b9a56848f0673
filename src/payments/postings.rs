//! What a received payment posts. One payment posts once, wherever its money goes: all these postings
//! have the same kind and reference.

use crate::{
    base::{clock::Timestamp, ids::SchoolId, money::Fen},
    ledger::{
        account::{Account, Name, NotAName, SchoolAccount},
        transfer::{Kind, Leg, Nature, Transfer},
    },
    orders::{
        fact::{PaidFact, Provider},
        order::{Order, Payment, PaymentState},
    },
};

/// Money that a provider received for us.
pub const RECEIVED: Kind = Kind::new("received");

/// What a posting says of the payment that it records.
#[derive(Clone, Copy, Debug)]
pub struct Receipt<'a> {
    /// The provider that took the money.
    pub provider: Provider,
    /// The merchant number it was paid to.
    pub merchant: &'a str,
    /// The provider's number of the payment.
    pub transaction_id: &'a str,
    /// The full amount.
    pub amount: Fen,
    /// When the provider took the money.
    pub paid_at: Timestamp,
}

impl<'a> From<&'a PaidFact> for Receipt<'a> {
    fn from(fact: &'a PaidFact) -> Self {
        Self {
            provider: fact.provider,
            merchant: &fact.merchant,
            transaction_id: &fact.transaction_id,
            amount: fact.amount,
            paid_at: fact.paid_at,
        }
    }
}

impl<'a> Receipt<'a> {
    /// Of a stored payment, if it is paid.
    pub fn of(payment: &'a Payment) -> Option<Self> {
        match &payment.state {
            PaymentState::Paid { transaction_id, paid_at } => Some(Self {
                provider: payment.provider,
                merchant: &payment.merchant,
                transaction_id,
                amount: payment.amount,
                paid_at: *paid_at,
            }),
            PaymentState::Open | PaymentState::Closed => None,
        }
    }

    /// `provider:merchant:transaction`.
    pub fn reference(&self) -> String {
        format!("{}:{}:{}", self.provider.code(), self.merchant, self.transaction_id)
    }
}

/// The money of a paid order: clearing → the account that its purpose credits.
pub fn received(order: &Order, receipt: Receipt<'_>, to: Account) -> Result<Transfer, NotAName> {
    let person = match to {
        Account::Person(_) | Account::Card(..) => Some(order.person),
        Account::School(_) => None,
    };
    let transfer = from_clearing(order.school, receipt, to)?;
    Ok(Transfer { person, ..transfer })
}

/// Money that pays no order: clearing → suspense. It is real; a case asks staff whose it is.
pub fn surplus_received(school: SchoolId, receipt: Receipt<'_>) -> Result<Transfer, NotAName> {
    from_clearing(school, receipt, Account::School(SchoolAccount::Suspense))
}

fn from_clearing(
    school: SchoolId,
    receipt: Receipt<'_>,
    to: Account,
) -> Result<Transfer, NotAName> {
    let clearing = SchoolAccount::Clearing(Name::parse(receipt.provider.code())?);
    Ok(Transfer {
        school,
        person: None,
        kind: RECEIVED,
        reference: receipt.reference(),
        nature: Nature::Fact,
        value_day: receipt.paid_at.day(),
        legs: vec![Leg { from: Account::School(clearing), to, amount: receipt.amount }],
    })
}

/// `provider:merchant:transaction`.
pub fn reference(fact: &PaidFact) -> String {
    Receipt::from(fact).reference()
}
