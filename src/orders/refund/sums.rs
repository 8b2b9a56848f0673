//! What the refunds of a payment come to.

use super::{Refund, RefundProgress, RefundReason, RefundSource};
use crate::base::money::Fen;

/// What may still be asked back of a transaction: what was paid, less every refund of it that has not
/// failed, and less what was credited in the place of a refund.
pub fn left_of(total: Fen, transaction_id: &str, refunds: &[Refund]) -> Fen {
    left(total, transaction_id, refunds, |refund| match refund.progress {
        RefundProgress::Failed { .. } => refund.is_credited(),
        RefundProgress::Asked
        | RefundProgress::Requested
        | RefundProgress::Sent
        | RefundProgress::Done { .. } => true,
    })
}

/// What may still be approved of it: what was paid, less every refund that was approved and has not
/// failed, those made past us, and what was credited in the place of a refund.
pub fn not_promised(total: Fen, transaction_id: &str, refunds: &[Refund]) -> Fen {
    left(total, transaction_id, refunds, |refund| match refund.progress {
        RefundProgress::Requested | RefundProgress::Sent | RefundProgress::Done { .. } => true,
        RefundProgress::Asked => false,
        RefundProgress::Failed { .. } => refund.is_credited(),
    })
}

/// What the provider may still have given back of it: what was paid, less every refund that is done.
pub fn not_given_back(total: Fen, transaction_id: &str, refunds: &[Refund]) -> Fen {
    left(total, transaction_id, refunds, |refund| match refund.progress {
        RefundProgress::Done { .. } => true,
        RefundProgress::Asked
        | RefundProgress::Requested
        | RefundProgress::Sent
        | RefundProgress::Failed { .. } => false,
    })
}

impl Refund {
    /// Whether the refunds of a transaction that are done come to what the provider says was given back of
    /// it in all; `None` if it did not say how much.
    pub fn explain(total: Fen, transaction_id: &str, refunds: &[Self], told: Option<Fen>) -> bool {
        let left = not_given_back(total, transaction_id, refunds);
        let by_others = |refund: &Self| {
            refund.why == RefundReason::Provider && refund.transaction_id == transaction_id
        };
        match told {
            Some(told) => total.minus(left).is_some_and(|done| done >= told),
            // Refunds of ours tell nothing about one that was made past us.
            None => left.is_zero() || refunds.iter().any(by_others),
        }
    }
}

fn left(
    total: Fen,
    transaction_id: &str,
    refunds: &[Refund],
    counts: impl Fn(&Refund) -> bool,
) -> Fen {
    let counted =
        refunds.iter().filter(|refund| refund.transaction_id == transaction_id && counts(refund));
    counted.fold(total, |left, refund| left.minus(refund.amount).unwrap_or_default())
}

/// The state that an order shows instead of its own: `refunding` while a refund is open, `refunded`
/// once the money that was credited for it is all back.
pub fn shown_instead(price: Fen, refunds: &[Refund]) -> Option<&'static str> {
    if refunds.iter().any(|refund| refund.progress.is_open()) {
        return Some("refunding");
    }
    let back = refunds.iter().filter(|refund| refund.source == RefundSource::EAccount);
    let back = back.filter(|refund| matches!(refund.progress, RefundProgress::Done { .. }));
    let left = back.fold(price, |left, refund| left.minus(refund.amount).unwrap_or_default());
    left.is_zero().then_some("refunded")
}
