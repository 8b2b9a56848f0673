//! Paid trades in a file, for the same reason as WeChat Pay's.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Alipay;
use super::book::Full;
use super::charset::Charset;
use super::trade::{Refund, RefundState, State, Trade};
use crate::state::lock;

/// A paid trade, with its refunds that are done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTrade {
    app_id: String,
    out_trade_no: String,
    trade_no: String,
    subject: String,
    body: Option<String>,
    passback_params: Option<String>,
    total_fen: i64,
    buyer: u32,
    notify_url: Option<String>,
    gbk: bool,
    created_at: DateTime<Utc>,
    pay_by: DateTime<Utc>,
    request: Value,
    paid_at: DateTime<Utc>,
    refunds: Vec<KeptRefund>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptRefund {
    request_no: String,
    fen: i64,
    done_at: DateTime<Utc>,
}

impl Alipay {
    /// All paid trades, oldest first.
    pub fn kept(&self) -> Vec<KeptTrade> {
        let trades = lock(&self.trades);
        let mut kept: Vec<_> = trades.newest_first().filter_map(KeptTrade::of).collect();
        kept.reverse();
        kept
    }

    /// Takes up trades that were paid in another process, and whose notifications are over; those that are
    /// known stay as they are, and those of an app or a buyer that is not known are left out. False if
    /// there is no more room.
    pub fn keep(&self, kept: Vec<KeptTrade>) -> bool {
        let now = self.clock.now();
        let mut trades = lock(&self.trades);
        let unknown = |kept: &KeptTrade| trades.by_trade_no(&kept.trade_no).is_none();
        let new: Vec<_> = kept.into_iter().filter(unknown).collect();
        let new = new.into_iter().filter_map(|kept| self.trade_of(kept));
        let taken: Result<(), Full> =
            new.into_iter().try_for_each(|trade| trades.insert(trade, now));
        drop(trades);
        self.changes.notify();
        taken.is_ok()
    }

    fn trade_of(&self, kept: KeptTrade) -> Option<Trade> {
        let reported = || {
            let callback = self.callbacks.open();
            self.callbacks.discard(&callback);
            callback
        };
        let refund = |kept: KeptRefund| Refund {
            request_no: kept.request_no,
            fen: kept.fen,
            state: RefundState::Done(kept.done_at),
            callback: reported(),
        };
        Some(Trade {
            buyer: self.user_of(&kept.app_id, kept.buyer)?,
            app_id: kept.app_id,
            out_trade_no: kept.out_trade_no,
            trade_no: kept.trade_no,
            subject: kept.subject,
            body: kept.body,
            passback_params: kept.passback_params,
            total_fen: kept.total_fen,
            notify_url: kept.notify_url,
            notify_charset: if kept.gbk { Charset::Gbk } else { Charset::Utf8 },
            created_at: kept.created_at,
            pay_by: kept.pay_by,
            request: kept.request,
            state: State::Paid(kept.paid_at),
            refunds: kept.refunds.into_iter().map(refund).collect(),
            failures: 0,
            callback: reported(),
        })
    }
}

impl KeptTrade {
    fn of(trade: &Trade) -> Option<Self> {
        let done = |refund: &Refund| {
            let (request_no, fen) = (refund.request_no.clone(), refund.fen);
            refund.done_at().map(|done_at| KeptRefund { request_no, fen, done_at })
        };
        Some(Self {
            paid_at: trade.paid_at()?,
            app_id: trade.app_id.clone(),
            out_trade_no: trade.out_trade_no.clone(),
            trade_no: trade.trade_no.clone(),
            subject: trade.subject.clone(),
            body: trade.body.clone(),
            passback_params: trade.passback_params.clone(),
            total_fen: trade.total_fen,
            buyer: trade.buyer.index,
            notify_url: trade.notify_url.clone(),
            gbk: trade.notify_charset == Charset::Gbk,
            created_at: trade.created_at,
            pay_by: trade.pay_by,
            request: trade.request.clone(),
            refunds: trade.refunds.iter().filter_map(done).collect(),
        })
    }
}
