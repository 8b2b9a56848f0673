//! Orders, the payments that try to pay them, and the providers' messages about those.
//!
//! Invariant: a state changes by compare-and-set only, on the state that it was read in.
//! Invariant: a provider's fact is recorded whatever it says; none is refused.
//! Invariant: an idempotency key of a person makes one order, however often it comes.
//! Absent on purpose: there is no "mark as paid". Only a checked fact pays.

pub mod gateway;
pub mod order;
mod store;

use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Tx},
    ids::{PersonId, SchoolId},
};
use gateway::PaidFact;
use order::{Attempt, OrderId, PaymentId};
use std::collections::HashMap;

/// An order that is about to be made, with its first payment.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// The order and its payment.
    pub attempt: Attempt,
    /// Method and path that the key belongs to.
    pub scope: &'static str,
    /// The client's idempotency key.
    pub key: String,
    /// SHA-256 of what was asked.
    pub request_hash: [u8; 32],
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

/// What came of making an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// It was made now.
    New,
    /// The same request made it before.
    Before(OrderId),
    /// The key made something else before.
    KeyReused,
}

/// Makes an order, or finds the one that its key made before.
pub async fn make(db: &Db, new: &NewOrder) -> Result<Made, DbError> {
    let person = new.attempt.order.person;
    if let Some(before) = made_before(db, person, new).await? {
        return Ok(before);
    }
    match db.in_tx_once(async |tx| store::insert(tx, new).await).await {
        Ok(()) => Ok(Made::New),
        // Another request with the same key was quicker.
        Err(error) if error.is_unique_violation() => {
            made_before(db, person, new).await?.ok_or(error)
        }
        Err(error) => Err(error),
    }
}

async fn made_before(db: &Db, person: PersonId, new: &NewOrder) -> Result<Option<Made>, DbError> {
    let before = store::by_key(db, person, new.scope, &new.key).await?;
    Ok(before.map(
        |(hash, order)| {
            if hash == new.request_hash { Made::Before(order) } else { Made::KeyReused }
        },
    ))
}

/// An order of the person, with its newest payment.
pub async fn of_person(db: &Db, person: PersonId, id: OrderId) -> Result<Option<Attempt>, DbError> {
    store::of_person(db, person, id).await
}

/// How many orders of the person wait for their payment.
pub async fn count_open(db: &Db, person: PersonId) -> Result<u64, DbError> {
    store::count_open(db, person).await
}

/// Locks payments with their orders; those that do not exist are missing from the answer.
pub async fn lock(
    tx: &Tx,
    payments: impl Iterator<Item = PaymentId>,
) -> Result<HashMap<PaymentId, Attempt>, DbError> {
    store::lock(tx, payments).await
}

/// Saves attempts as `(was, is)`, with the messages and cases that go with them.
pub async fn save(
    tx: &Tx,
    moved: &[(Attempt, Attempt)],
    messages: &[Message<'_>],
    cases: &[Case],
) -> Result<(), DbError> {
    store::save(tx, moved, messages, cases).await
}
