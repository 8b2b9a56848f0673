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
    /// WeChat's number of it.
    pub(super) number: String,
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
    let more = json!({
        "status": refund.status.name(),
        "channel": "ORIGINAL",
        "create_time": rfc3339(refund.created_at),
        "funds_account": "AVAILABLE",
        "amount": {
            "total": payment.total_fen, "refund": amount, "from": [],
            "payer_total": payment.total_fen, "payer_refund": amount,
            "settlement_refund": amount, "settlement_total": payment.total_fen,
            "discount_refund": 0, "currency": "CNY",
        },
        "promotion_detail": [],
    });
    with(common(payment, refund), more)
}

/// As a callback carries it: without an app and a currency.
pub(super) fn notified(payment: &Payment, refund: &Refund) -> Value {
    let more = json!({
        "mchid": payment.mchid,
        "refund_status": refund.status.name(),
        "amount": {
            "total": payment.total_fen, "refund": refund.amount_fen,
            "payer_total": payment.total_fen, "payer_refund": refund.amount_fen,
        },
    });
    with(common(payment, refund), more)
}

fn common(payment: &Payment, refund: &Refund) -> Value {
    let transaction = payment.paid().map(|paid| paid.transaction_id.as_str());
    let common = json!({
        "refund_id": refund.number,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": transaction.unwrap_or_default(),
        "out_trade_no": payment.out_trade_no,
        "user_received_account": "支付用户零钱",
    });
    match refund.status {
        RefundStatus::Success(at) => with(common, json!({ "success_time": rfc3339(at) })),
        RefundStatus::Processing | RefundStatus::Closed | RefundStatus::Abnormal => common,
    }
}

/// An object with the members of another, which replace its own.
pub(super) fn with(mut object: Value, more: Value) -> Value {
    if let (Some(members), Value::Object(more)) = (object.as_object_mut(), more) {
        members.extend(more);
    }
    object
}
