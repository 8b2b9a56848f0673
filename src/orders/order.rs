//! The states of orders and payments, and the pure rules by which a paid fact changes them.
//!
//! A fact is recorded, never refused: it is expected, a repeat, a surplus payment, or a
//! disagreement.

use super::{
    fact::{PaidFact, Provider},
    purpose::Purpose,
    refund::{Refund, shown_instead},
};
use crate::base::{
    clock::Timestamp,
    ids::{PersonId, SchoolId},
    money::Fen,
};

/// The maximum number of payments of an order.
pub const MAX_PAYMENTS: usize = 5;

crate::uuid_id! {
    /// An order.
    OrderId
}

crate::uuid_id! {
    /// One attempt to pay an order.
    PaymentId
}

impl PaymentId {
    /// Our number of the payment at the provider: 32 hex digits.
    pub fn out_trade_no(self) -> String {
        self.uuid().simple().to_string()
    }

    /// Parses such a number; `None` if it does not have our format.
    pub fn from_out_trade_no(number: &str) -> Option<Self> {
        let plain = number.len() == 32
            && number.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if plain { uuid::Uuid::try_parse(number).ok().map(Self::from_uuid) } else { None }
    }
}

/// The state of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// Not paid yet.
    AwaitingPayment,
    /// Paid; what was bought is not delivered yet.
    Paid {
        /// When the provider took the money.
        paid_at: Timestamp,
    },
    /// Paid and delivered.
    Fulfilled {
        /// When the provider took the money.
        paid_at: Timestamp,
    },
    /// Not paid in time.
    Closed,
}

/// The state that an order takes when it is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateOncePaid {
    /// Something is still to be delivered.
    Paid,
    /// Paying it delivers it.
    Fulfilled,
}

impl StateOncePaid {
    const fn at(self, paid_at: Timestamp) -> OrderState {
        match self {
            Self::Paid => OrderState::Paid { paid_at },
            Self::Fulfilled => OrderState::Fulfilled { paid_at },
        }
    }
}

impl OrderState {
    /// The name in storage and in answers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AwaitingPayment => "awaiting_payment",
            Self::Paid { .. } => "paid",
            Self::Fulfilled { .. } => "fulfilled",
            Self::Closed => "closed",
        }
    }

    /// When the order was paid, if it was.
    pub const fn paid_at(self) -> Option<Timestamp> {
        match self {
            Self::Paid { paid_at } | Self::Fulfilled { paid_at } => Some(paid_at),
            Self::AwaitingPayment | Self::Closed => None,
        }
    }

    /// Parses the stored columns; `None` if they contradict each other.
    pub fn from_columns(code: &str, paid_at: Option<Timestamp>) -> Option<Self> {
        match (code, paid_at) {
            ("awaiting_payment", None) => Some(Self::AwaitingPayment),
            ("paid", Some(paid_at)) => Some(Self::Paid { paid_at }),
            ("fulfilled", Some(paid_at)) => Some(Self::Fulfilled { paid_at }),
            ("closed", None) => Some(Self::Closed),
            _ => None,
        }
    }
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Our id.
    pub id: OrderId,
    /// The school.
    pub school: SchoolId,
    /// The person who ordered.
    pub person: PersonId,
    /// What was ordered.
    pub purpose: Purpose,
    /// The price.
    pub amount: Fen,
    /// The current state.
    pub state: OrderState,
    /// When it was created.
    pub created_at: Timestamp,
    /// From this time on it cannot be paid.
    pub expires_at: Timestamp,
}

impl Order {
    /// True while a new payment may be started.
    pub fn is_payable(&self, now: Timestamp) -> bool {
        self.state == OrderState::AwaitingPayment && now < self.expires_at
    }
}

/// The state of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// Not known to be paid.
    Open,
    /// Paid, according to the provider.
    Paid {
        /// The provider's number.
        transaction_id: String,
        /// When the provider took the money.
        paid_at: Timestamp,
    },
    /// Can no longer be paid at the provider.
    Closed,
}

impl PaymentState {
    /// The name in storage.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid { .. } => "paid",
            Self::Closed => "closed",
        }
    }

    /// Parses the stored columns; `None` if they contradict each other.
    pub fn from_columns(
        code: &str,
        transaction_id: Option<String>,
        paid_at: Option<Timestamp>,
    ) -> Option<Self> {
        match (code, transaction_id, paid_at) {
            ("open", None, None) => Some(Self::Open),
            ("closed", None, None) => Some(Self::Closed),
            ("paid", Some(transaction_id), Some(paid_at)) => {
                Some(Self::Paid { transaction_id, paid_at })
            }
            _ => None,
        }
    }
}

/// One attempt to pay an order through one provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Payment {
    /// Our id; the provider knows it as [`PaymentId::out_trade_no`].
    pub id: PaymentId,
    /// The provider that takes the money.
    pub provider: Provider,
    /// Our merchant number there.
    pub merchant: String,
    /// The app that the payer's identity belongs to.
    pub app_id: String,
    /// The payer's identity at the provider.
    pub payer: String,
    /// The payer's user id, where the identity above is an open id and the user has both: messages may
    /// name either.
    pub payer_user_id: Option<String>,
    /// The amount.
    pub amount: Fen,
    /// The current state.
    pub state: PaymentState,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Payment {
    /// True for each id by which the provider may name the payer.
    fn is_payer(&self, id: &str) -> bool {
        self.payer == id || self.payer_user_id.as_deref() == Some(id)
    }
}

/// Omits the payer: the openid is personal data.
impl std::fmt::Debug for Payment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payment")
            .field("id", &self.id)
            .field("provider", &self.provider)
            .field("amount", &self.amount)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A payment and the order that it tries to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The order.
    pub order: Order,
    /// The payment.
    pub payment: Payment,
}

/// An order with all its payments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeOrder {
    /// The order.
    pub order: Order,
    /// Its payments, oldest first; at least one and at most [`MAX_PAYMENTS`].
    pub payments: Vec<Payment>,
    /// Their refunds, oldest first.
    pub refunds: Vec<Refund>,
}

impl WholeOrder {
    /// The state that is shown: that of the order, or that of the money that goes back.
    pub fn shown_state(&self) -> &'static str {
        let instead = shown_instead(self.order.amount, &self.refunds);
        instead.unwrap_or_else(|| self.order.state.code())
    }

    /// The attempts that may still be paid.
    pub fn open_attempts(&self) -> impl Iterator<Item = Attempt> {
        let open = self.payments.iter().filter(|payment| payment.state == PaymentState::Open);
        open.map(|payment| Attempt { order: self.order.clone(), payment: payment.clone() })
    }
}

/// The effect of a paid fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It pays the order: payment and order change their state.
    Settled(Attempt),
    /// It was settled before.
    AlreadySettled,
    /// Another payment has already paid the order: the money goes to suspense.
    SecondPayment(Attempt),
    /// The provider names another transaction for a payment that has one.
    SecondTransaction,
    /// The fact differs from the payment that we requested.
    Disagrees(Disagreement),
}

/// The field in which a fact and its payment differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// Another provider, merchant or app.
    Merchant,
    /// Another amount.
    Amount,
    /// Paid by someone other than the person who ordered.
    Payer,
}

impl Disagreement {
    /// The name in cases and logs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Merchant => "merchant",
            Self::Amount => "amount",
            Self::Payer => "payer",
        }
    }
}

impl Attempt {
    /// Decides the effect of `fact` on this attempt; an order that it pays becomes `once_paid`. A
    /// closed order is treated as open, because the student has paid for it.
    pub fn settle(&self, fact: &PaidFact, once_paid: StateOncePaid) -> Settlement {
        if let Some(difference) = self.disagreement(fact) {
            return Settlement::Disagrees(difference);
        }
        match (&self.payment.state, self.order.state) {
            (PaymentState::Paid { transaction_id, .. }, _) => {
                if *transaction_id == fact.transaction_id {
                    Settlement::AlreadySettled
                } else {
                    Settlement::SecondTransaction
                }
            }
            (
                PaymentState::Open | PaymentState::Closed,
                OrderState::AwaitingPayment | OrderState::Closed,
            ) => {
                let mut paid = self.paid(fact);
                paid.order.state = once_paid.at(fact.paid_at);
                Settlement::Settled(paid)
            }
            (
                PaymentState::Open | PaymentState::Closed,
                OrderState::Paid { .. } | OrderState::Fulfilled { .. },
            ) => Settlement::SecondPayment(self.paid(fact)),
        }
    }

    fn paid(&self, fact: &PaidFact) -> Self {
        let mut paid = self.clone();
        paid.payment.state = PaymentState::Paid {
            transaction_id: fact.transaction_id.clone(),
            paid_at: fact.paid_at,
        };
        paid
    }

    fn disagreement(&self, fact: &PaidFact) -> Option<Disagreement> {
        let payment = &self.payment;
        if payment.provider != fact.provider
            || payment.merchant != fact.merchant
            || payment.app_id != fact.app_id
        {
            Some(Disagreement::Merchant)
        } else if payment.amount != fact.amount {
            Some(Disagreement::Amount)
        } else if !fact.payer.is_empty() && !fact.payer.iter().any(|id| payment.is_payer(id)) {
            Some(Disagreement::Payer)
        } else {
            None
        }
    }

    /// Closes a payment that the provider no longer accepts; `None` if it is not open. An unpaid
    /// order without other open payments is closed too.
    pub fn close(&self, others_open: bool) -> Option<Self> {
        if self.payment.state != PaymentState::Open {
            return None;
        }
        let mut closed = self.clone();
        closed.payment.state = PaymentState::Closed;
        if self.order.state == OrderState::AwaitingPayment && !others_open {
            closed.order.state = OrderState::Closed;
        }
        Some(closed)
    }
}

#[cfg(test)]
mod tests;
