//! What the audit of payments asks about orders.

use super::{
    order::{Attempt, OrderId},
    store,
};
use crate::base::{
    clock::Timestamp,
    db::{DbError, Tx},
    ids::SchoolId,
};

/// A provider's name, the merchant number there and the number of a transaction.
pub type TransactionKey = (String, String, String);

/// The paid payments of the orders that these transactions paid, each with its order.
pub async fn paid_with(
    tx: &Tx,
    transactions: Vec<TransactionKey>,
) -> Result<Vec<Attempt>, DbError> {
    store::audit::paid_with(tx, transactions).await
}

/// A provider's message or answer, as it was kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The provider's number of the payment.
    pub transaction_id: String,
    /// The headers that it was signed with; `None` for messages that were kept without.
    pub headers: Option<String>,
    /// The body as received.
    pub body: Vec<u8>,
    /// When it was checked.
    pub received_at: Timestamp,
    /// Our number of the payment that was asked about; `None` for a message.
    pub asked: Option<String>,
}

/// The messages and answers about these transactions; a message may be about the same number at
/// another merchant.
pub async fn kept(tx: &Tx, transactions: Vec<TransactionKey>) -> Result<Vec<Kept>, DbError> {
    store::audit::kept(tx, transactions).await
}

/// Since when messages are kept with their headers, and answers at all.
pub async fn kept_since(tx: &Tx) -> Result<Timestamp, DbError> {
    store::audit::kept_since(tx).await
}

/// Counts the paid payments of each school.
pub async fn count_paid(tx: &Tx) -> Result<Vec<(SchoolId, u64)>, DbError> {
    store::audit::count_paid(tx).await
}

/// Paid payments after this one, each with its order; a page at a time.
pub async fn paid_after(
    tx: &Tx,
    after: Option<super::order::PaymentId>,
) -> Result<Vec<Attempt>, DbError> {
    store::audit::paid_after(tx, after).await
}

/// Law: an order is paid if and only if one of its payments is. Answers the orders that break it,
/// among those created since the time, if one is given; at most a thousand.
pub async fn unpaid(tx: &Tx, since: Option<Timestamp>) -> Result<Vec<OrderId>, DbError> {
    store::audit::unpaid(tx, since).await
}
