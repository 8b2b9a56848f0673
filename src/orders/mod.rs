//! Orders, their payments and refunds, and the providers' messages about payments.
//!
//! Invariant: a state changes only by compare-and-set on the state that was read.
//! Invariant: a fact from a provider is always recorded, never refused.
//! Invariant: no more is asked back of a payment than was paid, and its refunds are sent one after the
//! other. Whoever changes one holds the payment.
//! Invariant: an idempotency key of a person creates at most one order or payment.
//! Absent on purpose: there is no "mark as paid". Only a checked fact pays an order.

pub mod audit;
pub mod due;
pub mod fact;
pub mod listing;
pub mod order;
pub mod purpose;
pub mod refund;
pub mod refunds;
mod store;
pub mod transactions;

use crate::base::{
    clock::Timestamp,
    db::{Authority, Db, DbError, Tx, TxError, Write},
    ids::{PersonId, SchoolId},
};
use fact::{PaidFact, Provider};
use order::{Attempt, Order, OrderId, Payment, PaymentId};
use std::collections::HashMap;
use uuid::Uuid;

impl Order {
    /// The tables whose rows carry a MAC.
    pub const AUTHORITY: &[&Authority] =
        &[&store::authentic::ORDER, &store::authentic::PAYMENT, &store::refunds::REFUND];
}

/// An idempotency key with its scope and the hash of its request.
#[derive(Clone, Debug)]
pub struct RequestKey {
    /// The method and path that the key applies to.
    pub scope: String,
    /// The client's key.
    pub key: String,
    /// The SHA-256 of the request.
    pub request_hash: [u8; 32],
}

/// An order to be created with its first payment.
#[derive(Clone, Debug)]
pub struct OrderDraft {
    /// The order and its payment.
    pub attempt: Attempt,
    /// The request that creates it.
    pub request: RequestKey,
    /// When the sweep first checks the payment.
    pub look_at: Timestamp,
    /// The order is refused if the person already has this many orders that await payment.
    pub most_open: u64,
}

/// One more payment of an order.
#[derive(Clone, Debug)]
pub struct PaymentDraft {
    /// The order.
    pub order: OrderId,
    /// The payment.
    pub payment: Payment,
    /// The request that creates it.
    pub request: RequestKey,
    /// When the sweep first checks it.
    pub look_at: Timestamp,
}

/// A provider's checked message, to be stored as received.
#[derive(Clone, Debug)]
pub struct ReceivedMessage<'a> {
    /// The school at whose callback path it arrived.
    pub school: SchoolId,
    /// The provider that sent it.
    pub provider: Provider,
    /// The provider's id of the message.
    pub notification_id: &'a str,
    /// Our number of the payment that it names; empty where it names none.
    pub out_trade_no: &'a str,
    /// The provider's number of that payment; empty where it names none.
    pub transaction_id: &'a str,
    /// The effect of the message.
    pub verdict: &'static str,
    /// The body as received, still encrypted.
    pub body: &'a [u8],
    /// The headers that it was signed with, as text.
    pub headers: String,
    /// When it arrived.
    pub received_at: Timestamp,
    /// Whether the provider has to be asked about it.
    pub ask: bool,
}

/// A provider's checked answer that moved money, or a message that moved some to suspense, to be
/// stored as received.
#[derive(Clone, Debug)]
pub struct ReceivedAnswer<'a> {
    /// False for a message.
    pub asked: bool,
    /// The school whose ledger it moved.
    pub school: SchoolId,
    /// What the answer says.
    pub fact: &'a PaidFact,
    /// The headers that it was signed with, as text.
    pub headers: String,
    /// The body as received.
    pub body: &'a [u8],
    /// When it was checked.
    pub received_at: Timestamp,
}

/// The outcome of a request under an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created<Id> {
    /// Created now.
    New,
    /// The same request created it before.
    Before(Id),
    /// The key was used for another request.
    KeyReused,
}

/// Why no payment was added to an order.
#[derive(Debug, thiserror::Error)]
pub enum AddPaymentError {
    /// The order is paid, closed or expired, or has the maximum number of payments.
    #[error("the order can no longer be paid")]
    NotPayable,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for AddPaymentError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::NotPayable => None,
        }
    }
}

/// Why no order was created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The person has too many orders that await payment.
    #[error("too many orders await payment")]
    TooManyOpen,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for CreateError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::TooManyOpen => None,
        }
    }
}

/// Creates an order, or finds the one that its key created before. `admit` runs first in the
/// transaction and decides whether the person may order; it must hold the person, so that of orders
/// at once each counts those before it.
pub async fn create<E: TxError + From<CreateError>>(
    db: &Db,
    new: &OrderDraft,
    admit: impl AsyncFn(&Tx) -> Result<(), E>,
) -> Result<Created<OrderId>, E> {
    let person = new.attempt.order.person;
    let insert = async |tx: &Tx| -> Result<(), E> {
        admit(tx).await?;
        if store::count_open(tx.conn(), person).await? >= new.most_open {
            return Err(CreateError::TooManyOpen.into());
        }
        Ok(store::insert(tx, new).await?)
    };
    let created = create_once(db, person, &new.request, insert).await?;
    Ok(created.map(OrderId::from_uuid))
}

/// Creates one more payment of the person's order, or finds the one that its key created before.
pub async fn add_payment(
    db: &Db,
    person: PersonId,
    new: &PaymentDraft,
) -> Result<Created<PaymentId>, AddPaymentError> {
    let insert = async |tx: &Tx| match store::lock_order(tx, person, new.order).await? {
        Some((order, true)) if order.is_payable(new.payment.created_at) => {
            Ok(store::insert_another(tx, &order, new).await?)
        }
        Some(_) | None => Err(AddPaymentError::NotPayable),
    };
    Ok(create_once(db, person, &new.request, insert).await?.map(PaymentId::from_uuid))
}

/// Inserts under an idempotency key, unless the key was used before.
async fn create_once<E: TxError>(
    db: &Db,
    person: PersonId,
    request: &RequestKey,
    insert: impl AsyncFn(&Tx) -> Result<(), E>,
) -> Result<Created<Uuid>, E> {
    if let Some(before) = created_before(db, person, request).await? {
        return Ok(before);
    }
    match db.in_tx_once(insert).await {
        Ok(()) => Ok(Created::New),
        // A concurrent request with the same key may have committed first and caused this refusal.
        Err(error) if error.db().is_none_or(DbError::is_unique_violation) => {
            created_before(db, person, request).await?.ok_or(error)
        }
        Err(error) => Err(error),
    }
}

async fn created_before(
    db: &Db,
    person: PersonId,
    request: &RequestKey,
) -> Result<Option<Created<Uuid>>, DbError> {
    let before = store::by_key(db, person, request).await?;
    Ok(before.map(|(hash, made)| {
        if hash == request.request_hash { Created::Before(made) } else { Created::KeyReused }
    }))
}

impl<Id> Created<Id> {
    fn map<Other>(self, convert: impl FnOnce(Id) -> Other) -> Created<Other> {
        match self {
            Self::New => Created::New,
            Self::Before(id) => Created::Before(convert(id)),
            Self::KeyReused => Created::KeyReused,
        }
    }
}

/// Counts the person's orders that await payment.
pub async fn count_open(db: &Db, person: PersonId) -> Result<u64, DbError> {
    store::count_open(db.conn(), person).await
}

/// Locks payments with their orders; those that do not exist are left out.
pub async fn lock(
    tx: &Tx,
    payments: impl Iterator<Item = PaymentId>,
) -> Result<HashMap<PaymentId, Attempt>, DbError> {
    store::save::lock(tx, payments).await
}

/// Reads a payment with its order, without a lock; `None` if there is none, or it is not authentic.
pub async fn read(tx: &Tx, payment: PaymentId) -> Result<Option<Attempt>, DbError> {
    Ok(store::save::attempts(tx, std::iter::once(payment)).await?.pop())
}

/// Stores answers, together with other rows. The first of each transaction stays.
pub fn write_of_answers(answers: &[ReceivedAnswer<'_>]) -> Write {
    store::save::write_of_answers(answers)
}

/// Saves attempts as `(was, is)`, together with messages and the writes of other modules.
pub async fn save(
    tx: &Tx,
    moved: &[(Attempt, Attempt)],
    messages: &[ReceivedMessage<'_>],
    beside: Vec<Write>,
) -> Result<(), DbError> {
    store::save::save(tx, moved, messages, beside).await
}

/// Closes a payment that the provider no longer accepts, and also its order if no other payment is
/// open; returns the closed order. A payment that was paid concurrently is left unchanged.
pub async fn close(tx: &Tx, id: PaymentId) -> Result<Option<Order>, DbError> {
    let Some(was) = store::save::lock(tx, std::iter::once(id)).await?.remove(&id) else {
        return Ok(None);
    };
    let others_open = store::has_others_open(tx, &was).await?;
    let Some(is) = was.close(others_open) else { return Ok(None) };
    let closed = (was.order != is.order).then(|| is.order.clone());
    store::save::save(tx, &[(was, is)], &[], Vec::new()).await?;
    Ok(closed)
}

/// Expires an unpaid order now and makes its open payments due at `look_at`. Returns false, with
/// nothing changed, if it had expired before.
pub async fn expire(
    db: &Db,
    id: OrderId,
    now: Timestamp,
    look_at: Timestamp,
) -> Result<bool, DbError> {
    db.in_tx(async |tx| store::expire(tx, id, now, look_at).await).await
}
