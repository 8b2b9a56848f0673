//! Payments as the control page, the control API and tests see them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::WechatPay;
use super::payment::{Payment, State};
use crate::callbacks::{CallbackMode, CallbackState, Delivery};
use crate::state::lock;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaymentView {
    pub out_trade_no: String,
    pub mch_id: String,
    pub app_id: String,
    /// WeChat's `trade_state`: `NOTPAY`, `SUCCESS` or `CLOSED`.
    pub trade_state: &'static str,
    pub description: String,
    pub total_fen: i64,
    pub openid: String,
    pub notify_url: String,
    pub created_at: DateTime<Utc>,
    /// No payment after this moment.
    pub pay_by: DateTime<Utc>,
    /// The latest of the prepay ids.
    pub prepay_id: Option<String>,
    pub transaction_id: Option<String>,
    pub paid_at: Option<DateTime<Utc>>,
    /// How often the payer tried and failed.
    pub failures: u32,
    pub callback: CallbackState,
    /// Tries of callbacks that ended, and those of them that were answered with 2xx.
    pub attempts: u32,
    pub accepted: u32,
}

/// Counts of payments and of their callbacks, by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Without the expired ones.
    pub not_paid: u64,
    /// Unpaid and past their time.
    pub expired: u64,
    pub paid: u64,
    pub closed: u64,
    pub underway: u64,
    pub held: u64,
    pub dropped: u64,
    pub accepted: u64,
    pub given_up: u64,
}

impl Summary {
    fn count(&mut self, payment: &Payment, now: DateTime<Utc>) {
        *match payment.state {
            State::NotPaid if now > payment.pay_by => &mut self.expired,
            State::NotPaid => &mut self.not_paid,
            State::Paid(_) => &mut self.paid,
            State::Closed => &mut self.closed,
        } += 1;
        *match payment.callback.progress().state {
            CallbackState::Waiting => return,
            CallbackState::Underway => &mut self.underway,
            CallbackState::Held => &mut self.held,
            CallbackState::Dropped => &mut self.dropped,
            CallbackState::Accepted => &mut self.accepted,
            CallbackState::GivenUp => &mut self.given_up,
        } += 1;
    }
}

impl From<&Payment> for PaymentView {
    fn from(payment: &Payment) -> Self {
        let paid = payment.paid();
        let callback = *payment.callback.progress();
        Self {
            out_trade_no: payment.out_trade_no.clone(),
            mch_id: payment.mchid.clone(),
            app_id: payment.appid.clone(),
            trade_state: match payment.state {
                State::NotPaid => "NOTPAY",
                State::Paid(_) => "SUCCESS",
                State::Closed => "CLOSED",
            },
            description: payment.description.clone(),
            total_fen: payment.total_fen,
            openid: payment.openid.clone(),
            notify_url: payment.notify_url.clone(),
            created_at: payment.created_at,
            pay_by: payment.pay_by,
            prepay_id: payment.prepays.last().map(|prepay| prepay.id.clone()),
            transaction_id: paid.map(|paid| paid.transaction_id.clone()),
            paid_at: paid.map(|paid| paid.at),
            failures: payment.failures,
            callback: callback.state,
            attempts: callback.attempts,
            accepted: callback.accepted,
        }
    }
}

impl WechatPay {
    pub fn payment(&self, out_trade_no: &str) -> Option<PaymentView> {
        lock(&self.payments).get(out_trade_no).map(PaymentView::from)
    }

    /// Newest first; and how many there are in all.
    pub fn payments(&self, skip: usize, limit: usize) -> (Vec<PaymentView>, usize) {
        let payments = lock(&self.payments);
        let page = payments.newest_first().skip(skip).take(limit).map(PaymentView::from);
        (page.collect(), payments.len())
    }

    pub fn summary(&self) -> Summary {
        let now = self.clock.now();
        let mut summary = Summary::default();
        lock(&self.payments).newest_first().for_each(|payment| summary.count(payment, now));
        summary
    }

    /// Waits until the payment exists and meets the condition. Callers bound the time.
    pub async fn until(
        &self,
        out_trade_no: &str,
        condition: impl Fn(&PaymentView) -> bool,
    ) -> PaymentView {
        self.changes.until(|| self.payment(out_trade_no).filter(&condition)).await
    }

    /// Short for [`crate::callbacks::Callbacks::deliveries`], which covers all providers.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.callbacks.deliveries()
    }

    /// Short for [`crate::callbacks::Callbacks::deliveries_of`].
    pub fn deliveries_of(&self, out_trade_no: &str) -> Vec<Delivery> {
        self.callbacks.deliveries_of(out_trade_no)
    }

    /// Short for [`crate::callbacks::Callbacks::set_mode`], which applies to all providers.
    pub fn set_callback_mode(&self, mode: CallbackMode) {
        self.callbacks.set_mode(mode);
    }

    /// Short for [`crate::callbacks::Callbacks::set_speed`], which applies to all providers.
    pub fn set_speed(&self, speed: u32) {
        self.callbacks.set_speed(speed);
    }
}
