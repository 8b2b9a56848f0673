//! One trade, its refunds, and what may happen to it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::charset::Charset;
use super::people::AlipayUser;
use crate::callbacks::Callback;

/// Refunds are possible for three months; then a paid trade is finished.
const REFUNDABLE: TimeDelta = TimeDelta::days(90);

/// The most refunds of a trade that are kept.
pub(super) const MOST_REFUNDS: usize = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Unpaid,
    Paid(DateTime<Utc>),
    Closed(DateTime<Utc>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefundState {
    /// Accepted; no money has moved.
    Pending,
    Done(DateTime<Utc>),
    /// No money will move; the same number may be tried again.
    Failed,
}

#[derive(Debug)]
pub(super) struct Refund {
    pub(super) request_no: String,
    pub(super) fen: i64,
    pub(super) state: RefundState,
    /// Reports the refund once it is done.
    pub(super) callback: Arc<Callback>,
}

#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "Alipay calls its own number so")]
pub(super) struct Trade {
    pub(super) app_id: String,
    pub(super) out_trade_no: String,
    pub(super) trade_no: String,
    pub(super) subject: String,
    pub(super) body: Option<String>,
    pub(super) passback_params: Option<String>,
    pub(super) total_fen: i64,
    pub(super) buyer: AlipayUser,
    /// Nothing is notified without.
    pub(super) notify_url: Option<String>,
    pub(super) notify_charset: Charset,
    pub(super) created_at: DateTime<Utc>,
    /// The last moment of paying; fixed by the first request.
    pub(super) pay_by: DateTime<Utc>,
    /// The first request: every later one must equal it.
    pub(super) request: Value,
    pub(super) state: State,
    pub(super) refunds: Vec<Refund>,
    /// How often the payer tried and failed.
    pub(super) failures: u32,
    /// Reports that it was paid, or that it timed out.
    pub(super) callback: Arc<Callback>,
}

/// Why a trade cannot be paid now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TradeNotPayable {
    #[error("交易已支付")]
    Paid,
    #[error("交易已关闭")]
    Closed,
    #[error("已超过交易的支付期限")]
    Late,
}

impl Trade {
    pub(super) fn payable(&self, now: DateTime<Utc>) -> Result<(), TradeNotPayable> {
        match self.state {
            State::Paid(_) => Err(TradeNotPayable::Paid),
            State::Closed(_) => Err(TradeNotPayable::Closed),
            State::Unpaid if now > self.pay_by => Err(TradeNotPayable::Late),
            State::Unpaid => Ok(()),
        }
    }

    /// Closes an unpaid trade whose time is over; whether it did.
    pub(super) fn expire(&mut self, now: DateTime<Utc>) -> bool {
        let over = self.state == State::Unpaid && now > self.pay_by;
        if over {
            self.state = State::Closed(self.pay_by);
        }
        over
    }

    /// Alipay's `trade_status`.
    pub(super) fn status(&self, now: DateTime<Utc>) -> &'static str {
        match self.state {
            State::Unpaid if now > self.pay_by => "TRADE_CLOSED",
            State::Unpaid => "WAIT_BUYER_PAY",
            State::Closed(_) => "TRADE_CLOSED",
            State::Paid(_) if self.refunded_fen() >= self.total_fen => "TRADE_CLOSED",
            State::Paid(at) if now > at + REFUNDABLE => "TRADE_FINISHED",
            State::Paid(_) => "TRADE_SUCCESS",
        }
    }

    pub(super) fn paid_at(&self) -> Option<DateTime<Utc>> {
        match self.state {
            State::Paid(at) => Some(at),
            State::Unpaid | State::Closed(_) => None,
        }
    }

    pub(super) fn closed_at(&self) -> Option<DateTime<Utc>> {
        match self.state {
            State::Closed(at) => Some(at),
            State::Unpaid | State::Paid(_) => None,
        }
    }

    /// What went back so far.
    pub(super) fn refunded_fen(&self) -> i64 {
        let done = self.refunds.iter().filter(|refund| refund.done_at().is_some());
        done.map(|refund| refund.fen).sum()
    }

    /// What can still be asked back.
    pub(super) fn refundable_fen(&self) -> i64 {
        let asked = self.refunds.iter().filter(|refund| refund.state != RefundState::Failed);
        self.total_fen - asked.map(|refund| refund.fen).sum::<i64>()
    }

    pub(super) fn refund(&self, request_no: &str) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.request_no == request_no)
    }

    pub(super) fn refund_mut(&mut self, request_no: &str) -> Option<&mut Refund> {
        self.refunds.iter_mut().find(|refund| refund.request_no == request_no)
    }

    /// Nothing more will happen to it by itself, so it may be removed.
    pub(super) fn finished(&self, now: DateTime<Utc>) -> bool {
        let told = |callback: &Callback| callback.progress().state.is_final();
        match self.state {
            State::Paid(_) => self.notify_url.is_none() || told(&self.callback),
            State::Closed(_) => true,
            State::Unpaid => now > self.pay_by,
        }
    }
}

impl Refund {
    pub(super) fn done_at(&self) -> Option<DateTime<Utc>> {
        match self.state {
            RefundState::Done(at) => Some(at),
            RefundState::Pending | RefundState::Failed => None,
        }
    }
}
