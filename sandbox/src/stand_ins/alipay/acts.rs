//! What can be done to a trade from outside: pay, fail, time out, refund, and drop, deliver or repeat
//! its notifications.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::apps::{App, RefundCourse};
use super::notification::Notification;
use super::refund::Demand;
use super::trade::{RefundState, State, Trade};
use super::{Alipay, TradeNotPayable, TradeView};
use crate::callbacks::{Callback, CallbackRefusal, Repeat, Tally};
use crate::chance;
use crate::state::lock;

#[derive(Debug, thiserror::Error)]
pub enum TradeActRefusal {
    #[error("没有这笔交易")]
    NoSuchTrade,
    #[error("没有这笔退款")]
    NoSuchRefund,
    #[error("没有这个应用")]
    NoSuchApp,
    #[error(transparent)]
    NotPayable(#[from] TradeNotPayable),
    #[error("这笔退款不在等待中")]
    NotPending,
    /// In Alipay's words.
    #[error("退款被拒绝：{0}")]
    Refund(String),
    #[error(transparent)]
    Callback(#[from] CallbackRefusal),
}

impl Alipay {
    /// The payer pays: the trade succeeds and its notification starts, is held, or was dropped.
    pub fn pay(&self, out_trade_no: &str) -> Result<TradeView, TradeActRefusal> {
        self.change(out_trade_no, |app, trade, now| {
            trade.payable(now)?;
            trade.state = State::Paid(now);
            self.report(app, trade, now);
            Ok(())
        })
    }

    /// The payer tries and the bank declines: the trade stays unpaid and nothing is notified.
    pub fn fail(&self, out_trade_no: &str) -> Result<TradeView, TradeActRefusal> {
        self.change(out_trade_no, |_, trade, now| {
            trade.payable(now)?;
            trade.failures = trade.failures.saturating_add(1);
            Ok(())
        })
    }

    /// The trade is closed as if its time were over, which is notified where the app wants it.
    pub fn time_out(&self, out_trade_no: &str) -> Result<TradeView, TradeActRefusal> {
        self.change(out_trade_no, |app, trade, now| {
            match trade.payable(now) {
                Ok(()) | Err(TradeNotPayable::Late) => trade.state = State::Closed(now),
                Err(refusal) => return Err(refusal.into()),
            }
            self.tell_closed(app, trade, now);
            Ok(())
        })
    }

    /// A refund by hand in Alipay's own console, under a number that the merchant does not know.
    pub fn refund(&self, out_trade_no: &str, fen: i64) -> Result<TradeView, TradeActRefusal> {
        self.refund_as(out_trade_no, &format!("CONSOLE{}", chance::digits(12)), fen)
    }

    /// The same under this number, which is unique in the trade alone.
    pub fn refund_as(
        &self,
        out_trade_no: &str,
        request_no: &str,
        fen: i64,
    ) -> Result<TradeView, TradeActRefusal> {
        self.change(out_trade_no, |app, trade, now| {
            if fen < 1 {
                return Err(TradeActRefusal::Refund("金额应为正数".to_owned()));
            }
            let demand = Demand { request_no, fen, course: RefundCourse::AtOnce };
            let done = self.give_back(app, trade, demand, now);
            done.map_err(|refusal| TradeActRefusal::Refund(refusal.to_string()))?;
            Ok(())
        })
    }

    /// The money of a pending refund goes back.
    pub fn complete_refund(
        &self,
        out_trade_no: &str,
        request_no: &str,
    ) -> Result<TradeView, TradeActRefusal> {
        self.change(out_trade_no, |app, trade, now| {
            end_refund(trade, request_no, RefundState::Done(now))?;
            self.tell_refund(app, trade, request_no);
            Ok(())
        })
    }

    /// A pending refund fails; Alipay says nothing about it.
    pub fn fail_refund(
        &self,
        out_trade_no: &str,
        request_no: &str,
    ) -> Result<TradeView, TradeActRefusal> {
        self.change(out_trade_no, |_, trade, _| end_refund(trade, request_no, RefundState::Failed))
    }

    /// No notification of this trade's payment is delivered from now on, also not if it is paid
    /// later. Refunds have notifications of their own.
    pub fn drop_callbacks(&self, out_trade_no: &str) -> Result<TradeView, TradeActRefusal> {
        self.change(out_trade_no, |_, trade, _| {
            self.callbacks.discard(&trade.callback);
            Ok(())
        })
    }

    /// Sends the notification of the payment at once, with retries, even if it was held or dropped.
    pub fn deliver(&self, out_trade_no: &str) -> Result<TradeView, TradeActRefusal> {
        self.change(out_trade_no, |_, trade, _| Ok(self.callbacks.deliver(&trade.callback)?))
    }

    /// The same with the notification of a refund.
    pub fn deliver_refund(
        &self,
        out_trade_no: &str,
        request_no: &str,
    ) -> Result<TradeView, TradeActRefusal> {
        self.change(out_trade_no, |_, trade, _| {
            let refund = trade.refund(request_no).ok_or(TradeActRefusal::NoSuchRefund)?;
            Ok(self.callbacks.deliver(&refund.callback)?)
        })
    }

    /// Sends copies of the payment's notification, each once and signed on its own, and waits for
    /// all answers.
    pub async fn repeat(&self, out_trade_no: &str, how: Repeat) -> Result<Tally, TradeActRefusal> {
        let callback = lock(&self.trades).get(out_trade_no).map(|known| known.callback.clone());
        self.repeat_of(callback.ok_or(TradeActRefusal::NoSuchTrade)?, how).await
    }

    /// The same with the notification of a refund.
    pub async fn repeat_refund(
        &self,
        out_trade_no: &str,
        request_no: &str,
        how: Repeat,
    ) -> Result<Tally, TradeActRefusal> {
        let callback = {
            let trades = lock(&self.trades);
            let trade = trades.get(out_trade_no).ok_or(TradeActRefusal::NoSuchTrade)?;
            trade.refund(request_no).map(|refund| refund.callback.clone())
        };
        self.repeat_of(callback.ok_or(TradeActRefusal::NoSuchRefund)?, how).await
    }

    async fn repeat_of(
        &self,
        callback: Arc<Callback>,
        how: Repeat,
    ) -> Result<Tally, TradeActRefusal> {
        Ok(self.callbacks.repeat(&callback, how).await?)
    }

    /// Closes a trade whose time is over.
    pub(super) fn expire(&self, app: &Arc<App>, trade: &mut Trade, now: DateTime<Utc>) {
        if trade.expire(now) {
            self.tell_closed(app, trade, now);
        }
    }

    fn tell_closed(&self, app: &Arc<App>, trade: &Trade, now: DateTime<Utc>) {
        if app.settings().notify_closed {
            self.report(app, trade, now);
        }
    }

    /// Reports a refund that is done, where the app wants it.
    pub(super) fn tell_refund(&self, app: &Arc<App>, trade: &Trade, request_no: &str) {
        let Some(refund) = trade.refund(request_no) else { return };
        if !app.settings().notify_refunds {
            return;
        }
        let now = self.clock.now();
        if let Some(notification) = Notification::of(app, trade, Some(refund), now) {
            self.start(&refund.callback, notification);
        }
    }

    fn report(&self, app: &Arc<App>, trade: &Trade, now: DateTime<Utc>) {
        if let Some(notification) = Notification::of(app, trade, None, now) {
            self.start(&trade.callback, notification);
        }
    }

    fn start(&self, callback: &Arc<Callback>, notification: Notification) {
        // It has a message, so that there is no reason to refuse.
        if let Err(refusal) = self.callbacks.report(callback, Arc::new(notification)) {
            tracing::error!(%refusal, "a notification could not be started");
        }
    }

    fn change(
        &self,
        out_trade_no: &str,
        act: impl FnOnce(&Arc<App>, &mut Trade, DateTime<Utc>) -> Result<(), TradeActRefusal>,
    ) -> Result<TradeView, TradeActRefusal> {
        let now = self.clock.now();
        let mut trades = lock(&self.trades);
        let trade = trades.get_mut(out_trade_no).ok_or(TradeActRefusal::NoSuchTrade)?;
        let app = self.app(&trade.app_id).ok_or(TradeActRefusal::NoSuchApp)?;
        act(app, trade, now)?;
        let view = TradeView::of(trade, now);
        drop(trades);
        self.changes.notify();
        Ok(view)
    }
}

fn end_refund(
    trade: &mut Trade,
    request_no: &str,
    state: RefundState,
) -> Result<(), TradeActRefusal> {
    let refund = trade.refund_mut(request_no).ok_or(TradeActRefusal::NoSuchRefund)?;
    if refund.state != RefundState::Pending {
        return Err(TradeActRefusal::NotPending);
    }
    refund.state = state;
    Ok(())
}
