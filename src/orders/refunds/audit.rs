//! What the audit of refunds asks.

use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::SchoolId,
    },
    orders::{
        refund::{Refund, RefundId},
        store::refunds_audit as store,
    },
};

/// How many refunds of a school must have postings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefundCounts {
    /// Money was held for so many.
    pub held: u64,
    /// So many are done.
    pub done: u64,
    /// What was held for so many was returned.
    pub returned: u64,
    /// The money of so many, which was paid more than once, was credited instead.
    pub credited: u64,
}

/// What ended a refund, as it was kept.
#[derive(Clone, Debug)]
pub struct KeptRefund {
    /// The merchant's number of the refund.
    pub number: String,
    /// `done` or `closed`.
    pub outcome: String,
    /// False for a message.
    pub asked: bool,
    /// Our number of the payment.
    pub out_trade_no: String,
    /// The provider's number of the payment.
    pub transaction_id: String,
    /// The headers that it was signed with.
    pub headers: String,
    /// The body as received.
    pub body: Vec<u8>,
    /// When it was checked.
    pub received_at: Timestamp,
}

/// Refunds by their ids.
pub async fn by_ids(tx: &Tx, ids: &[RefundId]) -> Result<Vec<Refund>, DbError> {
    store::by_ids(tx, ids.iter().map(|id| id.uuid()).collect()).await
}

/// Refunds by the merchants' numbers; several merchants may have one of the same number.
pub async fn by_numbers(tx: &Tx, numbers: Vec<String>) -> Result<Vec<Refund>, DbError> {
    store::by_numbers(tx, numbers).await
}

/// Refunds after this one, a page at a time.
pub async fn after(tx: &Tx, after: Option<RefundId>) -> Result<Vec<Refund>, DbError> {
    store::after(tx, after).await
}

/// Counts the refunds of each school.
pub async fn counts(tx: &Tx) -> Result<Vec<(SchoolId, RefundCounts)>, DbError> {
    store::counts(tx).await
}

/// What was kept about refunds with these numbers.
pub async fn kept(tx: &Tx, numbers: Vec<String>) -> Result<Vec<KeptRefund>, DbError> {
    store::kept(tx, numbers).await
}

/// Law: no more of a transaction is back than its payment is for. Answers the refunds of those that break
/// it, at most a thousand.
pub async fn overdrawn(tx: &Tx) -> Result<Vec<RefundId>, DbError> {
    store::overdrawn(tx).await
}
