//! What a received payment posts. One payment posts once, wherever its money goes: all these postings
//! have the same kind and reference.

use crate::{
    base::{clock::Timestamp, ids::SchoolId, money::Fen},
    ledger::{
        account::{Account, Name, NotAName, PersonAccount, SchoolAccount},
        transfer::{Kind, Leg, Nature, Transfer},
    },
    orders::{
        fact::{PaidFact, Provider},
        order::{Order, Payment, PaymentState},
        refund::{Refund, RefundFrom, RefundProgress},
    },
};

/// Money that a provider received for us.
pub const RECEIVED: Kind = Kind::new("received");

/// Money of a top-up that is held, to go back to the payer.
pub const REFUND_HELD: Kind = Kind::new("refund_held");
/// Money that went back to the payer.
pub const REFUNDED: Kind = Kind::new("refunded");
/// Money that was held and does not go back.
pub const REFUND_RETURNED: Kind = Kind::new("refund_returned");
/// Money that was paid more than once, and that the provider does not give back.
pub(super) const SURPLUS_CREDITED: Kind = Kind::new("surplus_credited");

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

const E_ACCOUNT: Account = Account::Person(PersonAccount::EAccount);
const HELD: Account = Account::Person(PersonAccount::Refund);

/// The money of an approved refund: `e_account` → `refund`. `None` if nothing of the person's was held.
pub fn refund_held(refund: &Refund) -> Option<Transfer> {
    let approved_at = refund.approved_at.filter(|_| refund.was_held())?;
    Some(Transfer {
        kind: REFUND_HELD,
        nature: Nature::Command,
        value_day: approved_at.day(),
        ..within_person(refund, E_ACCOUNT, HELD)
    })
}

/// What was held goes to the person again: `refund` → `e_account`. `None` if it did not.
pub fn refund_returned(refund: &Refund) -> Option<Transfer> {
    let returned_at = refund.returned_at.filter(|_| refund.was_held())?;
    Some(Transfer {
        kind: REFUND_RETURNED,
        nature: Nature::Fact,
        value_day: returned_at.day(),
        ..within_person(refund, HELD, E_ACCOUNT)
    })
}

/// What was paid more than once is the person's: suspense → `e_account`. `None` if it is not.
pub(super) fn surplus_credited(refund: &Refund) -> Option<Transfer> {
    let credited_at = refund.returned_at.filter(|_| refund.is_credited())?;
    Some(Transfer {
        kind: SURPLUS_CREDITED,
        nature: Nature::Fact,
        value_day: credited_at.day(),
        ..within_person(refund, Account::School(SchoolAccount::Suspense), E_ACCOUNT)
    })
}

fn within_person(refund: &Refund, from: Account, to: Account) -> Transfer {
    Transfer {
        school: refund.school,
        person: Some(refund.person),
        kind: REFUND_HELD,
        reference: refund.id.number(),
        nature: Nature::Fact,
        value_day: refund.created_at.day(),
        legs: vec![Leg { from, to, amount: refund.amount }],
    }
}

/// The money of a refund that is done → clearing: from where it was held, from suspense, or from the
/// person's 电子账户, which may be left in debt. `None` if it is not done.
pub fn refunded(refund: &Refund) -> Result<Option<Transfer>, NotAName> {
    let RefundProgress::Done { at } = refund.progress else { return Ok(None) };
    let (person, from) = match refund.comes_from() {
        RefundFrom::Suspense => (None, Account::School(SchoolAccount::Suspense)),
        RefundFrom::Held => (Some(refund.person), HELD),
        RefundFrom::EAccount => (Some(refund.person), E_ACCOUNT),
    };
    let clearing = SchoolAccount::Clearing(Name::parse(refund.provider.code())?);
    Ok(Some(Transfer {
        school: refund.school,
        person,
        kind: REFUNDED,
        reference: refund.reference(),
        nature: Nature::Fact,
        value_day: at.day(),
        legs: vec![Leg { from, to: Account::School(clearing), amount: refund.amount }],
    }))
}
