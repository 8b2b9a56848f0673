//! What a paid order becomes, by its purpose: which account is credited, which state follows, and
//! what is to be delivered. A new purpose does not compile until it is decided here.

use crate::{
    ledger::account::{Account, PersonAccount},
    orders::{order::StateOncePaid, purpose::Purpose},
};

/// What a payment of an order of some purpose does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fulfilment {
    /// The money is the person's, or buys something for the person.
    Credit {
        /// Where the money goes.
        account: Account,
        /// The state of the order.
        state: StateOncePaid,
        /// What remains to be done after the commit.
        delivery: Delivery,
    },
    /// Not built. Such orders are refused; money that arrives for one all the same goes to suspense,
    /// with a case, and the order stays `paid`.
    Unavailable,
}

/// What is delivered to somebody else for a paid order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Nothing: the credit is what was bought.
    Nothing,
}

/// What a payment of an order of this purpose does.
pub(super) const fn of(purpose: Purpose) -> Fulfilment {
    match purpose {
        Purpose::CardTopUp => Fulfilment::Credit {
            account: Account::Person(PersonAccount::EAccount),
            state: StateOncePaid::Fulfilled,
            delivery: Delivery::Nothing,
        },
        Purpose::WalletTopUp
        | Purpose::Electricity
        | Purpose::ColdWater
        | Purpose::Shower
        | Purpose::NetworkFee => Fulfilment::Unavailable,
    }
}

/// True where orders of this purpose may be created.
pub(super) fn is_available(purpose: Purpose) -> bool {
    match of(purpose) {
        Fulfilment::Credit { .. } => true,
        Fulfilment::Unavailable => false,
    }
}

impl Fulfilment {
    /// The state of an order that was paid.
    pub(super) const fn state(&self) -> StateOncePaid {
        match self {
            Self::Credit { state, .. } => *state,
            Self::Unavailable => StateOncePaid::Paid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_card_top_up_credits_the_e_account() {
        let e_account = Account::Person(PersonAccount::EAccount);
        for purpose in Purpose::ALL {
            let credits = match of(purpose) {
                Fulfilment::Credit { account, .. } => account == e_account,
                Fulfilment::Unavailable => false,
            };
            assert_eq!(credits, purpose == Purpose::CardTopUp, "{purpose:?}");
        }
    }
}
