//! One refund of a payment, and what may happen to it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::payment::Payment;
use crate::callbacks::Callback;
use crate::clock::rfc3339;

/// A payment has at most so many refunds.
pub(super) const MOST: usize = 50;
/// The time between two refunds of a payment.
pub(super) const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// A payment can be refunded for a year.
pub(super) const AGE: TimeDelta = TimeDelta::days(365);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefundStatus {
    Processing,
    Success(DateTime<Utc>),
    Closed,
    Abnormal,
}

impl RefundStatus {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success(_) => "SUCCESS",
            Self::Closed => "CLOSED",
            Self::Abnormal => "ABNORMAL",
        }
    }
}

#[derive(Debug)]
pub(super) struct Refund {
    pub(super) out_refund_no: String,
    pub(super) refund_id: String,
    pub(super) amount_fen: i64,
    pub(super) notify_url: String,
    pub(super) created_at: DateTime<Utc>,
    /// The first request: a repetition must equal it.
    pub(super) request: Value,
    pub(super) status: RefundStatus,
    /// Reports its end.
    pub(super) callback: Arc<Callback>,
}

/// As the API answers it: without the merchant.
pub(super) fn answered(payment: &Payment, refund: &Refund) -> Value {
    let amount = refund.amount_fen;
    let mut answer = common(payment, refund);
    answer["status"] = refund.status.name().into();
    answer["channel"] = "ORIGINAL".into();
    answer["create_time"] = rfc3339(refund.created_at).into();
    answer["funds_account"] = "AVAILABLE".into();
    answer["amount"] = json!({
        "total": payment.total_fen, "refund": amount, "from": [],
        "payer_total": payment.total_fen, "payer_refund": amount,
        "settlement_refund": amount, "settlement_total": payment.total_fen,
        "discount_refund": 0, "currency": "CNY",
    });
    answer["promotion_detail"] = json!([]);
    answer
}

/// As a callback carries it: without an app and a currency.
pub(super) fn notified(payment: &Payment, refund: &Refund) -> Value {
    let mut notified = common(payment, refund);
    notified["mchid"] = payment.mchid.as_str().into();
    notified["refund_status"] = refund.status.name().into();
    notified["amount"] = json!({
        "total": payment.total_fen, "refund": refund.amount_fen,
        "payer_total": payment.total_fen, "payer_refund": refund.amount_fen,
    });
    notified
}

fn common(payment: &Payment, refund: &Refund) -> Value {
    let transaction = payment.paid().map(|paid| paid.transaction_id.as_str());
    let mut common = json!({
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": transaction.unwrap_or_default(),
        "out_trade_no": payment.out_trade_no,
        "user_received_account": "支付用户零钱",
    });
    if let RefundStatus::Success(at) = refund.status {
        common["success_time"] = rfc3339(at).into();
    }
    common
}
