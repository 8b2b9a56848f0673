//! What is due: open payments that the provider is to be asked about, messages that disagreed with
//! their order, and idempotency keys that have had their day.
//!
//! Invariant: whatever is taken is taken by a commit, until the end of its lease: two servers do not
//! take the same, and what a dying server held is due again afterwards.

use super::{
    order::{Attempt, OrderId, PaymentId},
    store,
};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Tx},
    ids::SchoolId,
};
use uuid::Uuid;

/// A message that disagreed with its order: only the provider's own answer is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The message.
    pub message: Uuid,
    /// Whose callback path it came to.
    pub school: SchoolId,
    /// The number it names.
    pub out_trade_no: String,
    /// When it came.
    pub received_at: Timestamp,
}

/// What is taken until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Due by then.
    pub now: Timestamp,
    /// Ours until then; unlike any other time, for it also names the claim.
    pub lease: Timestamp,
    /// At most so many.
    pub most: i64,
}

/// Takes open payments that are due, the longest due first.
pub async fn claim_payments(db: &Db, claim: Claim) -> Result<Vec<Attempt>, DbError> {
    let Claim { now, lease, most } = claim;
    let take = async |tx: &_| store::due::claim_payments(tx, now, lease, most).await;
    let taken = db.in_tx(take).await?;
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    db.in_snapshot(async |tx| store::save::attempts(tx, taken.into_iter()).await).await
}

/// Has a payment that is still open looked at again at `next`.
pub async fn look_again(
    db: &Db,
    id: PaymentId,
    lease: Timestamp,
    next: Timestamp,
) -> Result<(), DbError> {
    db.in_tx(async |tx| store::due::look_again(tx, id, lease, next).await).await
}

/// Has the open payments of orders looked at by `look_at`; answers how many there are.
pub async fn hurry(
    tx: &Tx,
    orders: impl Iterator<Item = OrderId>,
    look_at: Timestamp,
) -> Result<u64, DbError> {
    store::hurry(tx, orders, look_at).await
}

/// Takes messages that the provider is to be asked about, the longest due first.
pub async fn claim_questions(db: &Db, claim: Claim) -> Result<Vec<Question>, DbError> {
    let Claim { now, lease, most } = claim;
    db.in_tx(async |tx| store::due::claim_questions(tx, now, lease, most).await).await
}

/// Has a message asked about again at `next`; never, where the provider has answered.
pub async fn ask_again(
    db: &Db,
    question: &Question,
    next: Option<Timestamp>,
) -> Result<(), DbError> {
    db.in_tx(async |tx| store::due::ask_again(tx, question.message, next).await).await
}

/// Deletes at most so many idempotency keys that are older; answers how many.
pub async fn forget_keys(db: &Db, older_than: Timestamp, most: i64) -> Result<u64, DbError> {
    db.in_tx(async |tx| store::due::forget_keys(tx, older_than, most).await).await
}
