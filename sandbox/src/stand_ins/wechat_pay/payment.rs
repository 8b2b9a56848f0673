//! One payment and what may happen to it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::refund::{Refund, RefundStatus};
use crate::callbacks::Callback;

/// A prepay id opens the cashier for two hours, whatever `time_expire` says.
pub(super) const PREPAY_LIFETIME: TimeDelta = TimeDelta::hours(2);

/// Earlier prepay ids of a payment stay good; so many of them are kept.
const MOST_PREPAYS: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    NotPaid,
    Paid(Paid),
    Closed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paid {
    pub(super) transaction_id: String,
    pub(super) at: DateTime<Utc>,
}

#[derive(Debug)]
pub(super) struct Prepay {
    pub(super) id: String,
    pub(super) expires_at: DateTime<Utc>,
}

#[derive(Debug)]
pub(super) struct Payment {
    pub(super) out_trade_no: String,
    pub(super) appid: String,
    pub(super) mchid: String,
    pub(super) description: String,
    pub(super) total_fen: i64,
    pub(super) attach: Option<String>,
    pub(super) notify_url: String,
    pub(super) openid: String,
    pub(super) created_at: DateTime<Utc>,
    /// The last moment of paying; fixed by the first request.
    pub(super) pay_by: DateTime<Utc>,
    /// The first request: every later one must equal it.
    pub(super) request: Value,
    pub(super) prepays: Vec<Prepay>,
    pub(super) state: State,
    /// How often the payer tried and failed.
    pub(super) failures: u32,
    /// Reports the payment once it is paid.
    pub(super) callback: Arc<Callback>,
    /// Oldest first.
    pub(super) refunds: Vec<Refund>,
}

/// Why a payment cannot be paid now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPayable {
    #[error("订单已支付")]
    Paid,
    #[error("订单已关闭")]
    Closed,
    #[error("已超过订单的支付期限")]
    Late,
}

impl Payment {
    pub(super) fn payable(&self, now: DateTime<Utc>) -> Result<(), NotPayable> {
        match self.state {
            State::Paid(_) => Err(NotPayable::Paid),
            State::Closed => Err(NotPayable::Closed),
            State::NotPaid if now > self.pay_by => Err(NotPayable::Late),
            State::NotPaid => Ok(()),
        }
    }

    /// Nothing more will happen to it by itself, so it may be removed.
    pub(super) fn finished(&self, now: DateTime<Utc>) -> bool {
        match self.state {
            State::Paid(_) => {
                let refunds = self.refunds.iter().map(|refund| &refund.callback);
                let mut all = std::iter::once(&self.callback).chain(refunds);
                all.all(|callback| callback.progress().state.is_final())
            }
            State::Closed => true,
            State::NotPaid => now > self.pay_by,
        }
    }

    /// Adds a prepay id; returns the oldest ones, which are removed for it.
    pub(super) fn add_prepay(&mut self, id: String, now: DateTime<Utc>) -> Vec<Prepay> {
        self.prepays.push(Prepay { id, expires_at: now + PREPAY_LIFETIME });
        let surplus = self.prepays.len().saturating_sub(MOST_PREPAYS);
        self.prepays.drain(..surplus).collect()
    }

    /// What may still be refunded.
    pub(super) fn left_fen(&self) -> i64 {
        let counted = self.refunds.iter().filter(|refund| refund.status != RefundStatus::Closed);
        self.total_fen - counted.map(|refund| refund.amount_fen).sum::<i64>()
    }

    pub(super) fn paid(&self) -> Option<&Paid> {
        match &self.state {
            State::Paid(paid) => Some(paid),
            State::NotPaid | State::Closed => None,
        }
    }
}
