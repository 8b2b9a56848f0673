//! Orders, the payments that try to pay them, and the providers' messages about those.
//!
//! Invariant: a state changes by compare-and-set only, on the state that it was read in.
//! Invariant: a provider's fact is recorded whatever it says; none is refused.
//! Invariant: an idempotency key of a person makes one order or payment, however often it comes.
//! Absent on purpose: there is no "mark as paid". Only a checked fact pays.

pub mod cases;
pub mod due;
pub mod gateway;
pub mod order;
mod store;

use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Tx, TxError},
    ids::{PersonId, SchoolId},
};
use gateway::PaidFact;
use order::{Attempt, Order, OrderId, Payment, PaymentId, WholeOrder};
use std::collections::HashMap;
use uuid::Uuid;

/// What an idempotency key belongs to, and what was asked under it.
#[derive(Clone, Debug)]
pub struct Keyed {
    /// Method and path that the key belongs to.
    pub scope: String,
    /// The client's idempotency key.
    pub key: String,
    /// SHA-256 of what was asked.
    pub request_hash: [u8; 32],
}

/// An order that is about to be made, with its first payment.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// The order and its payment.
    pub attempt: Attempt,
    /// Under which key.
    pub keyed: Keyed,
    /// When the sweep first looks at the payment.
    pub look_at: Timestamp,
    /// It is made where fewer orders of the person wait for their payment.
    pub most_open: u64,
}

/// One more payment of an order.
#[derive(Clone, Debug)]
pub struct NewPayment {
    /// Of this order.
    pub order: OrderId,
    /// The payment.
    pub payment: Payment,
    /// Under which key.
    pub keyed: Keyed,
    /// When the sweep first looks at it.
    pub look_at: Timestamp,
}

/// A provider's checked message, to be kept as it came.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Whose callback path it came to.
    pub school: SchoolId,
    /// The provider's id of the message.
    pub notification_id: &'a str,
    /// What it says.
    pub fact: &'a PaidFact,
    /// What it did.
    pub verdict: &'static str,
    /// The exact bytes, still encrypted.
    pub body: &'a [u8],
    /// When it came.
    pub received_at: Timestamp,
    /// Whether the provider is to be asked about it.
    pub ask: bool,
}

/// Something that staff must look at, once for each subject.
#[derive(Clone, Debug)]
pub struct Case {
    /// Where.
    pub school: SchoolId,
    /// What sort.
    pub kind: &'static str,
    /// What about: unique within school and kind.
    pub subject: String,
    /// What was found; no personal data.
    pub detail: String,
    /// When.
    pub opened_at: Timestamp,
}

/// What came of making something under an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made<Id> {
    /// It was made now.
    New,
    /// The same request made it before.
    Before(Id),
    /// The key made something else before.
    KeyReused,
}

/// Why an order got no further payment.
#[derive(Debug, thiserror::Error)]
pub enum NotTried {
    /// It is paid, closed, expired, or was tried too often.
    #[error("the order can no longer be paid")]
    NotPayable,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for NotTried {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::NotPayable => None,
        }
    }
}

/// Why no order was made.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// As many of the person as may be wait for their payment.
    #[error("too many orders wait for their payment")]
    TooManyOpen,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for NotMade {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::TooManyOpen => None,
        }
    }
}

/// Makes an order, or finds the one that its key made before. On PostgreSQL orders that are made at
/// the same moment do not count each other: there may be a few more than `most_open`.
pub async fn make(db: &Db, new: &NewOrder) -> Result<Made<OrderId>, NotMade> {
    let person = new.attempt.order.person;
    let insert = async |tx: &Tx| {
        if store::count_open(tx.conn(), person).await? >= new.most_open {
            return Err(NotMade::TooManyOpen);
        }
        Ok(store::insert(tx, new).await?)
    };
    let made = made_under(db, person, &new.keyed, insert).await?;
    Ok(made.map(OrderId::from_uuid))
}

/// Makes one more payment of an order of the person, or finds the one that its key made before.
pub async fn add_payment(
    db: &Db,
    person: PersonId,
    new: &NewPayment,
) -> Result<Made<PaymentId>, NotTried> {
    let insert = async |tx: &Tx| match store::lock_order(tx, person, new.order).await? {
        Some((order, true)) if order.is_payable(new.payment.created_at) => {
            Ok(store::insert_another(tx, &order, new).await?)
        }
        Some(_) | None => Err(NotTried::NotPayable),
    };
    Ok(made_under(db, person, &new.keyed, insert).await?.map(PaymentId::from_uuid))
}

/// Inserts under an idempotency key, unless the key made something before.
async fn made_under<E: TxError>(
    db: &Db,
    person: PersonId,
    keyed: &Keyed,
    insert: impl AsyncFn(&Tx) -> Result<(), E>,
) -> Result<Made<Uuid>, E> {
    if let Some(before) = made_before(db, person, keyed).await? {
        return Ok(before);
    }
    match db.in_tx_once(insert).await {
        Ok(()) => Ok(Made::New),
        // Another request with the same key was quicker; what it made may be why this was refused.
        Err(error) if error.db().is_none_or(DbError::is_unique_violation) => {
            made_before(db, person, keyed).await?.ok_or(error)
        }
        Err(error) => Err(error),
    }
}

async fn made_before(
    db: &Db,
    person: PersonId,
    keyed: &Keyed,
) -> Result<Option<Made<Uuid>>, DbError> {
    let before = store::by_key(db, person, keyed).await?;
    Ok(before.map(
        |(hash, made)| {
            if hash == keyed.request_hash { Made::Before(made) } else { Made::KeyReused }
        },
    ))
}

impl<Id> Made<Id> {
    fn map<Other>(self, convert: impl FnOnce(Id) -> Other) -> Made<Other> {
        match self {
            Self::New => Made::New,
            Self::Before(id) => Made::Before(convert(id)),
            Self::KeyReused => Made::KeyReused,
        }
    }
}

/// An order of the person, with its payments.
pub async fn of_person(
    db: &Db,
    person: PersonId,
    id: OrderId,
) -> Result<Option<WholeOrder>, DbError> {
    store::of_person(db, person, id).await
}

/// Orders of the person, newest first, from below `before`.
pub async fn page_of_person(
    db: &Db,
    person: PersonId,
    before: Option<OrderId>,
    limit: u64,
) -> Result<Vec<WholeOrder>, DbError> {
    store::page_of_person(db, person, before, limit).await
}

/// Which orders of the person were paid by what the ledger calls `provider:merchant:transaction`.
/// References of another form are no payment's.
pub async fn of_postings(
    db: &Db,
    person: PersonId,
    references: &[&str],
) -> Result<HashMap<String, OrderId>, DbError> {
    store::of_postings(db, person, references).await
}

/// How many orders of the person wait for their payment.
pub async fn count_open(db: &Db, person: PersonId) -> Result<u64, DbError> {
    store::count_open(db.conn(), person).await
}

/// Locks payments with their orders; those that do not exist are missing from the answer.
pub async fn lock(
    tx: &Tx,
    payments: impl Iterator<Item = PaymentId>,
) -> Result<HashMap<PaymentId, Attempt>, DbError> {
    store::save::lock(tx, payments).await
}

/// Saves attempts as `(was, is)`, with the messages and cases that go with them.
pub async fn save(
    tx: &Tx,
    moved: &[(Attempt, Attempt)],
    messages: &[Message<'_>],
    cases: &[Case],
) -> Result<(), DbError> {
    store::save::save(tx, moved, messages, cases).await
}

/// Closes a payment that the provider will not take any more, and with it an order that no other
/// payment can pay: that order is the answer. One that was paid meanwhile stays as it is.
pub async fn close(tx: &Tx, id: PaymentId) -> Result<Option<Order>, DbError> {
    let Some(was) = store::save::lock(tx, std::iter::once(id)).await?.remove(&id) else {
        return Ok(None);
    };
    let others_open = store::has_others_open(tx, &was).await?;
    let Some(is) = was.close(others_open) else { return Ok(None) };
    let closed = (was.order != is.order).then(|| is.order.clone());
    store::save::save(tx, &[(was, is)], &[], &[]).await?;
    Ok(closed)
}

/// Ends the time in which an unpaid order may be paid. Its open payments are due at `look_at`.
/// False where it had ended before: then nothing changes.
pub async fn expire(
    db: &Db,
    id: OrderId,
    now: Timestamp,
    look_at: Timestamp,
) -> Result<bool, DbError> {
    db.in_tx(async |tx| store::expire(tx, id, now, look_at).await).await
}
