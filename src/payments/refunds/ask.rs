//! What staff do with refunds. Each function is one step of a transaction that its caller commits,
//! together with the approval and the entry of the audit log; then the outbox is to be woken.

use super::{job, source_of};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx, TxError},
        money::Fen,
        outbox,
    },
    ledger::{self, LedgerError, LockedAccounts, Refusal, account::NotAName},
    orders::{
        self,
        order::{Attempt, PaymentId, PaymentState},
        refund::{Refund, RefundId, left_of, not_promised},
        refunds,
    },
    payments::{news, postings},
};
use std::collections::HashSet;
use uuid::Uuid;

/// What staff ask for.
#[derive(Clone, Copy, Debug)]
pub struct AskedRefund {
    /// The payment.
    pub payment: PaymentId,
    /// What is to go back.
    pub amount: Fen,
    /// The request of two persons that it belongs to, and no other refund.
    pub approval: Uuid,
}

/// Why a refund was not asked for or decided on.
#[derive(Debug, thiserror::Error)]
pub enum RefundError {
    /// No such payment or refund.
    #[error("no such payment or refund")]
    NotFound,
    /// The payment is not paid.
    #[error("the payment is not paid")]
    NotPaid,
    /// An amount of zero, or more than what is left of the payment.
    #[error("{left} are left to be refunded")]
    TooMuch {
        /// What may still be asked back.
        left: Fen,
    },
    /// The person has spent it: 电子账户 and 过渡余额 hold less.
    #[error("the money was spent")]
    Spent {
        /// How much is missing, where that is known.
        short: Option<Fen>,
    },
    /// The refund was decided on before, or was sent.
    #[error("the refund was decided on before")]
    Decided,
    /// It was sent a moment ago: how it ends may not be known at the provider yet.
    #[error("the refund was sent a moment ago")]
    JustSent,
    /// The provider knows the refund: it says how it ends.
    #[error("the provider knows the refund")]
    KnownThere,
    /// The provider does not say whether it knows the refund.
    #[error("the provider could not be asked about the refund")]
    Silent,
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger refused a transfer that it never refuses.
    #[error("the ledger refused a refund: {0}")]
    Refused(Refusal),
    /// A provider's name that cannot be an account's.
    #[error(transparent)]
    Name(#[from] NotAName),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for RefundError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Ledger(error) => error.db(),
            Self::NotFound
            | Self::NotPaid
            | Self::TooMuch { .. }
            | Self::Spent { .. }
            | Self::Decided
            | Self::JustSent
            | Self::KnownThere
            | Self::Silent
            | Self::Refused(_)
            | Self::Name(_) => None,
        }
    }
}

/// Asks for a refund. Nothing is held and nothing is sent before [`approve`].
pub async fn ask(tx: &Tx, asked: AskedRefund, now: Timestamp) -> Result<Refund, RefundError> {
    let attempt = locked(tx, asked.payment).await?;
    let PaymentState::Paid { transaction_id, .. } = &attempt.payment.state else {
        return Err(RefundError::NotPaid);
    };
    let known = refunds::of_payment(tx, asked.payment).await?;
    let left = left_of(attempt.payment.amount, transaction_id, &known);
    if asked.amount.is_zero() || asked.amount > left {
        return Err(RefundError::TooMuch { left });
    }
    let source = source_of(tx, &attempt, transaction_id).await?.ok_or(RefundError::NotPaid)?;
    let refund = Refund::asked(&attempt, source, asked.amount, (asked.approval, now));
    let refund = refund.ok_or(RefundError::NotPaid)?;
    refunds::insert(tx, &refund).await?;
    Ok(refund)
}

/// Approves a refund: holds its money and enqueues it.
pub async fn approve(tx: &Tx, id: RefundId, now: Timestamp) -> Result<Refund, RefundError> {
    let (_, was) = locked_refund(tx, id).await?;
    let is = was.approve(now).ok_or(RefundError::Decided)?;
    // Somebody may have given some of it back at the provider since it was asked for.
    let known = refunds::of_payment(tx, is.payment).await?;
    let left = not_promised(is.total, &is.transaction_id, &known);
    if is.amount > left {
        return Err(RefundError::TooMuch { left });
    }
    hold(tx, &is, now).await?;
    refunds::save(tx, &was, &is).await?;
    outbox::enqueue(tx, &[job(&is, now)]).await?;
    news::tell_refund(tx, &is, "refunding", now).await?;
    Ok(is)
}

/// Declines a refund, or takes an approved one back before it was sent: what was held is the person's
/// again.
pub async fn decline(tx: &Tx, id: RefundId, now: Timestamp) -> Result<Refund, RefundError> {
    let (attempt, was) = locked_refund(tx, id).await?;
    let is = was.decline(now).ok_or(RefundError::Decided)?;
    let returned: Vec<_> = postings::refund_returned(&is).into_iter().collect();
    for outcome in ledger::post_all(tx, now, &returned).await? {
        outcome.map_err(RefundError::Refused)?;
    }
    refunds::save(tx, &was, &is).await?;
    if was.progress.is_open() {
        news::tell_refund_end(tx, &attempt.order, &is, now).await?;
    }
    Ok(is)
}

/// Holds the money of the person: at most what is in 电子账户 and 过渡余额, never what a card's chip
/// holds.
async fn hold(tx: &Tx, refund: &Refund, now: Timestamp) -> Result<(), RefundError> {
    let Some(transfer) = postings::refund_held(refund) else { return Ok(()) };
    let owner = (refund.school, refund.person);
    let accounts = LockedAccounts::lock(tx, HashSet::from([owner]), &[]).await?;
    let balances = accounts.accounts().balances(refund.school, refund.person)?;
    let spendable = balances.e_account.plus(balances.transition);
    let least = spendable.map(|sum| sum.min(balances.total()));
    let missing = least.map(|least| refund.amount.get().saturating_sub(least.get()));
    if missing.is_none_or(|missing| missing > 0) {
        return Err(RefundError::Spent { short: missing.and_then(|fen| Fen::new(fen).ok()) });
    }
    for outcome in ledger::post_all(tx, now, &[transfer]).await? {
        match outcome {
            Ok(_) => {}
            Err(Refusal::Insufficient) => return Err(RefundError::Spent { short: None }),
            Err(refusal) => return Err(RefundError::Refused(refusal)),
        }
    }
    Ok(())
}

async fn locked(tx: &Tx, payment: PaymentId) -> Result<Attempt, RefundError> {
    let found = orders::lock(tx, std::iter::once(payment)).await?.remove(&payment);
    found.ok_or(RefundError::NotFound)
}

pub(super) async fn locked_refund(tx: &Tx, id: RefundId) -> Result<(Attempt, Refund), RefundError> {
    let payment = refunds::payment_of(tx, id).await?.ok_or(RefundError::NotFound)?;
    let attempt = locked(tx, payment).await?;
    let known = refunds::of_payment(tx, payment).await?;
    let refund = known.into_iter().find(|refund| refund.id == id);
    Ok((attempt, refund.ok_or(RefundError::NotFound)?))
}
