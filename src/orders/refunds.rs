//! Refunds as others record them. Whoever changes one has locked its payment ([`super::lock`]).

pub mod audit;

use super::{
    fact::RefundFact,
    order::{Order, OrderId, PaymentId},
    refund::{Refund, RefundId},
    store,
};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Tx},
    ids::{PersonId, SchoolId},
    money::Fen,
};
use std::collections::HashMap;

/// A checked message or answer that ended a refund, to be stored as received.
#[derive(Clone, Debug)]
pub struct RefundAnswer<'a> {
    /// False for a message.
    pub asked: bool,
    /// The school whose ledger it moved.
    pub school: SchoolId,
    /// What it says.
    pub fact: &'a RefundFact,
    /// `done` or `closed`.
    pub outcome: &'static str,
    /// The headers that it was signed with, as text.
    pub headers: String,
    /// The body as received.
    pub body: &'a [u8],
    /// When it was checked.
    pub received_at: Timestamp,
}

/// Inserts a refund, unless it is there. True if it was inserted now.
pub async fn insert(tx: &Tx, new: &Refund) -> Result<bool, DbError> {
    store::refunds::insert(tx, new).await
}

/// Saves the new state by compare-and-set on the one that was read.
pub async fn save(tx: &Tx, was: &Refund, is: &Refund) -> Result<(), DbError> {
    store::refunds::save(tx, was, is).await
}

/// The refunds of a payment, oldest first. One that is not authentic is an error.
pub async fn of_payment(tx: &Tx, payment: PaymentId) -> Result<Vec<Refund>, DbError> {
    store::refunds::of_payment(tx, payment).await
}

/// The payment of a refund.
pub async fn payment_of(tx: &Tx, id: RefundId) -> Result<Option<PaymentId>, DbError> {
    store::refunds::payment_of(tx, id).await
}

/// The payments that paid an order, oldest first.
pub async fn paid_payments(tx: &Tx, order: OrderId) -> Result<Vec<PaymentId>, DbError> {
    store::refunds::paid_payments(tx, order).await
}

/// What the provider said was given back of a payment in all, as far as it says how much. What is
/// `told` now is kept, unless it said more before.
pub async fn given_back(
    tx: &Tx,
    payment: PaymentId,
    told: Option<Fen>,
) -> Result<Option<Fen>, DbError> {
    if let Some(total) = told {
        store::refunds::set_given_back(tx, payment, total).await?;
    }
    store::refunds::given_back(tx, payment).await
}

/// The refunds with these ids, and the orders of these payments: one statement.
pub async fn with_orders(
    db: &Db,
    ids: &[RefundId],
    payments: &[PaymentId],
) -> Result<(Vec<Refund>, HashMap<PaymentId, OrderId>), DbError> {
    store::subjects::refunds_and_orders(db, ids, payments).await
}

/// The refunds of orders, oldest first.
pub async fn of_orders(
    db: &Db,
    orders: &[OrderId],
) -> Result<HashMap<OrderId, Vec<Refund>>, DbError> {
    store::refunds::of_orders_now(db, orders).await
}

/// The orders of the person that these postings are refunds of, by reference: the number of a refund, or
/// [`Refund::reference`]. References of another form are ignored.
pub async fn of_postings(
    db: &Db,
    person: PersonId,
    references: &[&str],
) -> Result<HashMap<String, OrderId>, DbError> {
    let numbers = references.iter().flat_map(|reference| Refund::numbers_in(reference));
    let numbers = numbers.map(str::to_owned);
    let refunds = store::refunds::of_person(db, person, numbers.collect()).await?;
    let named =
        |refund: &Refund| [refund.reference(), refund.id.number()].map(|name| (name, refund.order));
    Ok(refunds.iter().flat_map(named).collect())
}

/// The state that an order shows while money of it goes back, if it does.
pub async fn shown_instead(tx: &Tx, order: &Order) -> Result<Option<&'static str>, DbError> {
    let refunds = store::refunds::of_order(tx, order.id).await?;
    Ok(super::refund::shown_instead(order.amount, &refunds))
}

/// Keeps what ended a refund, so that its signature can be checked again.
pub async fn keep(tx: &Tx, kept: &RefundAnswer<'_>) -> Result<(), DbError> {
    store::refunds::keep(tx, kept).await
}
