//! What refunds are to staff: what can go back, and what an approval makes. `payments` decides.

use super::standing::MoneyStanding;
use crate::{
    approvals::ApprovalId,
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::{PersonId, SchoolId},
        money::Fen,
    },
    orders::{
        fact::Provider,
        order::{OrderId, PaymentId},
    },
};
use std::{collections::HashMap, fmt};
use uuid::Uuid;

/// What is to be refunded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundTarget {
    /// The payment that paid this order.
    Order(OrderId),
    /// This payment.
    Payment(PaymentId),
}

/// What can be refunded now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundQuote {
    /// The payment.
    pub payment: PaymentId,
    /// The order that it paid, or was to pay.
    pub order: OrderId,
    /// Who took the money.
    pub provider: Provider,
    /// How much of it.
    pub refundable: Fen,
    /// Whether it is taken from what the person has here, who may have spent it.
    pub from_balance: bool,
    /// Whose money it is.
    pub person: PersonId,
    /// The number (学号, 工号) of the person whose money it is.
    pub person_no: String,
}

/// A refund that two persons agreed on.
#[derive(Clone, Debug)]
pub struct ApprovedRefund {
    /// The request. The refund belongs to it, once.
    pub approval: ApprovalId,
    /// The school.
    pub school: SchoolId,
    /// The payment.
    pub payment: PaymentId,
    /// How much.
    pub amount: Fen,
    /// Why, as the payer may read it.
    pub reason: String,
}

/// The ending of a refund that two persons agreed on.
#[derive(Clone, Copy, Debug)]
pub struct EndedRefund {
    /// The request.
    pub approval: ApprovalId,
    /// The school.
    pub school: SchoolId,
    /// The refund.
    pub refund: Uuid,
    /// As [`RefundDesk::ask_before_ending`] answered.
    pub sent_at: Option<Timestamp>,
}

/// Why there is no refund.
#[derive(Debug, thiserror::Error)]
pub enum RefundRefusal {
    /// No such order or payment at the school.
    #[error("no such payment")]
    NoSuchPayment,
    /// The payment was not made, or its provider does not refund it.
    #[error("the payment cannot be refunded")]
    NotRefundable,
    /// More than can be refunded.
    #[error("only {} fen can be refunded", .refundable.get())]
    TooMuch {
        /// How much can be.
        refundable: Fen,
    },
    /// The person has spent the money meanwhile.
    #[error("the money was spent")]
    Spent {
        /// How much is missing, where that is known.
        short: Option<Fen>,
    },
    /// It has ended, or was not sent: there is nothing to be ended.
    #[error("the refund is not for staff to end")]
    NotEndable,
    /// It was sent a moment ago.
    #[error("the refund was sent a moment ago")]
    JustSent,
    /// The provider knows the refund, and says how it ends.
    #[error("the provider knows the refund")]
    KnownThere,
    /// The provider was asked about the order a moment ago.
    #[error("the provider was asked a moment ago")]
    AskedJustNow,
    /// The provider does not say whether it knows the refund.
    #[error("the provider could not be asked about the refund")]
    Silent,
    /// The refund failed inside.
    #[error("the refund failed: {0}")]
    Failed(String),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// What decides about refunds, and makes them.
#[async_trait::async_trait(?Send)]
pub trait RefundDesk: fmt::Debug + Send + Sync {
    /// What can be refunded now of what is asked for.
    async fn quote(
        &self,
        school: SchoolId,
        target: RefundTarget,
    ) -> Result<RefundQuote, RefundRefusal>;

    /// Makes a refund in the transaction that approves it, and returns its id: decides again, under the
    /// locks of payment and person, holds the money, and enqueues what tells the provider. Calls nobody.
    async fn make(
        &self,
        tx: &Tx,
        refund: &ApprovedRefund,
        now: Timestamp,
    ) -> Result<Uuid, RefundRefusal>;

    /// What would be ended: a refund of the school that was sent, and not a moment ago.
    async fn endable(&self, school: SchoolId, refund: Uuid) -> Result<RefundQuote, RefundRefusal>;

    /// Asks the provider about a refund that is to be ended. Returns when it was last sent; an error
    /// unless the provider says that it does not know it.
    async fn ask_before_ending(&self, refund: Uuid) -> Result<Option<Timestamp>, RefundRefusal>;

    /// Ends a refund in the transaction that approves it: what was held goes back to the person. Calls
    /// nobody.
    async fn end(&self, tx: &Tx, ended: EndedRefund, now: Timestamp) -> Result<(), RefundRefusal>;

    /// Asks the provider about a refund of a payment of the school, with the payment's number there, that was made
    /// there, by its number there, and settles
    /// the answer as any other: its word moves the money, not the question. False unless it says that the
    /// refund has ended.
    async fn ask_about(
        &self,
        school: SchoolId,
        payment: (PaymentId, &str),
        number: &str,
    ) -> Result<bool, RefundRefusal>;

    /// Asks the provider now about what is unknown of an order, and settles its answers as any other. An error
    /// where it was asked a moment ago, or does not answer in time: what is unknown stays unknown.
    async fn ask_now(&self, school: SchoolId, of: RefundTarget) -> Result<(), RefundRefusal>;

    /// Called after the commit of [`RefundDesk::make`] and of [`RefundDesk::end`]: what was enqueued, or
    /// waited, may be delivered.
    fn made(&self);

    /// Where the money of these refunds is.
    async fn standings(&self, refunds: &[Uuid]) -> Result<HashMap<Uuid, MoneyStanding>, DbError>;

    /// The same with the orders of these refunds and of these payments, by their ids: one query.
    async fn listed(
        &self,
        refunds: &[Uuid],
        payments: &[Uuid],
    ) -> Result<HashMap<Uuid, (Option<MoneyStanding>, OrderId)>, DbError>;
}
