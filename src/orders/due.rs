//! Due work: open payments and messages to ask the provider about, and idempotency keys to delete.
//!
//! Invariant: claiming a row commits a lease: two servers do not claim the same row, and the rows
//! of a crashed server are due again when the lease expires.

use super::{
    fact::Provider,
    order::{Attempt, OrderId, PaymentId},
    store,
};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Tx},
    ids::SchoolId,
};
use uuid::Uuid;

/// A message that is not trusted by itself: the provider is asked about the payment that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// The message.
    pub message: Uuid,
    /// The school at whose callback path it arrived.
    pub school: SchoolId,
    /// The provider that sent it.
    pub provider: Provider,
    /// Our number of the payment that it names.
    pub out_trade_no: String,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The headers that it was signed with, as text; empty for messages that were kept without.
    pub headers: String,
    /// The body as received.
    pub body: Vec<u8>,
}

/// How it goes with a provider at a school.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderPulse {
    /// The provider.
    pub provider: Provider,
    /// When a message of it was last accepted.
    pub heard_at: Option<Timestamp>,
    /// How many open payments it should have been asked about, and was not.
    pub overdue: u64,
    /// Since when the first of them.
    pub overdue_since: Option<Timestamp>,
}

impl ProviderPulse {
    /// Of all providers at a school: one query.
    pub async fn of_school(
        db: &Db,
        school: SchoolId,
        now: Timestamp,
    ) -> Result<Vec<Self>, DbError> {
        store::due::provider_pulses(db, school, now).await
    }
}

/// Which rows are claimed, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Rows due by this time are claimed.
    pub now: Timestamp,
    /// When the lease expires. It differs from any other time of the row, so it also identifies the
    /// lease.
    pub until: Timestamp,
    /// The maximum number of rows.
    pub most: i64,
}

/// Claims due open payments, the longest overdue first.
pub async fn claim_payments(db: &Db, lease: Lease) -> Result<Vec<Attempt>, DbError> {
    let taken = db.in_tx(async |tx| store::due::claim_payments(tx, lease).await).await?;
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    db.in_snapshot(async |tx| store::save::attempts(tx, taken.into_iter()).await).await
}

/// Schedules the next check of a payment that is still open and under this lease.
pub async fn look_again(
    db: &Db,
    id: PaymentId,
    lease_until: Timestamp,
    next: Timestamp,
) -> Result<(), DbError> {
    db.in_tx(async |tx| store::due::look_again(tx, id, lease_until, next).await).await
}

/// Makes the open payments of orders due at `look_at`; returns how many there are.
pub async fn make_due(
    tx: &Tx,
    orders: impl Iterator<Item = OrderId>,
    look_at: Timestamp,
) -> Result<u64, DbError> {
    store::make_due(tx, orders, look_at).await
}

/// Claims messages that the provider has to be asked about, the longest overdue first.
pub async fn claim_inquiries(db: &Db, lease: Lease) -> Result<Vec<Inquiry>, DbError> {
    db.in_tx(async |tx| store::due::claim_inquiries(tx, lease).await).await
}

/// Schedules the next inquiry about a message; `None` once the provider has answered.
pub async fn ask_again(db: &Db, inquiry: &Inquiry, next: Option<Timestamp>) -> Result<(), DbError> {
    db.in_tx(async |tx| store::due::ask_again(tx, inquiry.message, next).await).await
}

/// Deletes at most `most` idempotency keys older than `older_than`; returns how many.
pub async fn delete_keys(db: &Db, older_than: Timestamp, most: i64) -> Result<u64, DbError> {
    db.in_tx(async |tx| store::due::delete_keys(tx, older_than, most).await).await
}
