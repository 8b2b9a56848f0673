//! Trades as the control page, the control API and tests see them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Alipay;
use super::trade::{Refund, RefundState, State, Trade};
use crate::callbacks::{CallbackState, Delivery};
use crate::state::lock;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TradeView {
    pub out_trade_no: String,
    pub trade_no: String,
    pub app_id: String,
    /// Alipay's: `WAIT_BUYER_PAY`, `TRADE_SUCCESS`, `TRADE_FINISHED` or `TRADE_CLOSED`.
    pub trade_status: &'static str,
    pub subject: String,
    pub total_fen: i64,
    /// What went back so far.
    pub refunded_fen: i64,
    /// The buyer's number.
    pub user: u32,
    pub user_id: String,
    pub open_id: String,
    pub buyer: String,
    pub notify_url: Option<String>,
    pub created_at: DateTime<Utc>,
    /// No payment after this moment.
    pub pay_by: DateTime<Utc>,
    pub paid_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    /// How often the payer tried and failed.
    pub failures: u32,
    pub callback: CallbackState,
    /// Tries of the payment's notification that ended, and those of them that were answered with
    /// `success`.
    pub attempts: u32,
    pub accepted: u32,
    /// Oldest first.
    pub refunds: Vec<RefundView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefundView {
    pub out_request_no: String,
    pub amount_fen: i64,
    /// `pending`, `done` or `failed`.
    pub state: &'static str,
    pub done_at: Option<DateTime<Utc>>,
    pub callback: CallbackState,
    pub attempts: u32,
    pub accepted: u32,
}

/// Counts of trades by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TradeSummary {
    pub unpaid: u64,
    pub paid: u64,
    pub closed: u64,
    /// Trades of which something went back.
    pub refunded: u64,
}

impl TradeView {
    pub(super) fn of(trade: &Trade, now: DateTime<Utc>) -> Self {
        let callback = *trade.callback.progress();
        Self {
            out_trade_no: trade.out_trade_no.clone(),
            trade_no: trade.trade_no.clone(),
            app_id: trade.app_id.clone(),
            trade_status: trade.status(now),
            subject: trade.subject.clone(),
            total_fen: trade.total_fen,
            refunded_fen: trade.refunded_fen(),
            user: trade.buyer.index,
            user_id: trade.buyer.user_id.clone(),
            open_id: trade.buyer.open_id.clone(),
            buyer: trade.buyer.name.clone(),
            notify_url: trade.notify_url.clone(),
            created_at: trade.created_at,
            pay_by: trade.pay_by,
            paid_at: trade.paid_at(),
            closed_at: trade.closed_at(),
            failures: trade.failures,
            callback: callback.state,
            attempts: callback.attempts,
            accepted: callback.accepted,
            refunds: trade.refunds.iter().map(RefundView::from).collect(),
        }
    }
}

impl From<&Refund> for RefundView {
    fn from(refund: &Refund) -> Self {
        let callback = *refund.callback.progress();
        Self {
            out_request_no: refund.request_no.clone(),
            amount_fen: refund.fen,
            state: match refund.state {
                RefundState::Pending => "pending",
                RefundState::Done(_) => "done",
                RefundState::Failed => "failed",
            },
            done_at: refund.done_at(),
            callback: callback.state,
            attempts: callback.attempts,
            accepted: callback.accepted,
        }
    }
}

impl Alipay {
    pub fn payment(&self, out_trade_no: &str) -> Option<TradeView> {
        let now = self.clock.now();
        lock(&self.trades).get(out_trade_no).map(|trade| TradeView::of(trade, now))
    }

    /// By Alipay's own number.
    pub fn payment_by_trade_no(&self, trade_no: &str) -> Option<TradeView> {
        let now = self.clock.now();
        lock(&self.trades).by_trade_no(trade_no).map(|trade| TradeView::of(trade, now))
    }

    /// Newest first; and how many there are in all.
    pub fn payments(&self, skip: usize, limit: usize) -> (Vec<TradeView>, usize) {
        let (now, trades) = (self.clock.now(), lock(&self.trades));
        let page = trades.newest_first().skip(skip).take(limit);
        (page.map(|trade| TradeView::of(trade, now)).collect(), trades.len())
    }

    pub fn summary(&self) -> TradeSummary {
        let (now, mut summary) = (self.clock.now(), TradeSummary::default());
        for trade in lock(&self.trades).newest_first() {
            *match trade.state {
                State::Unpaid if now <= trade.pay_by => &mut summary.unpaid,
                State::Unpaid | State::Closed(_) => &mut summary.closed,
                State::Paid(_) => &mut summary.paid,
            } += 1;
            summary.refunded += u64::from(trade.refunded_fen() > 0);
        }
        summary
    }

    /// Waits until the trade exists and meets the condition. Callers bound the time.
    pub async fn until(
        &self,
        out_trade_no: &str,
        condition: impl Fn(&TradeView) -> bool,
    ) -> TradeView {
        self.changes.until(|| self.payment(out_trade_no).filter(&condition)).await
    }

    /// Short for [`crate::callbacks::Callbacks::deliveries_of`]: of the payment and of its refunds.
    pub fn deliveries_of(&self, out_trade_no: &str) -> Vec<Delivery> {
        self.callbacks.deliveries_of(out_trade_no)
    }
}
