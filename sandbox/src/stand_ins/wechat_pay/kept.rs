//! Paid orders in a file: the sandbox remembers nothing beyond its process, but `make run` starts with
//! weeks of payments that every later start must know.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::WechatPay;
use super::book::{Full, Payments};
use super::payment::{Paid, Payment, State};
use super::refund::{Refund, RefundStatus};
use crate::state::lock;

/// A paid order, with its refunds that succeeded, and those that wait for the merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPayment {
    out_trade_no: String,
    app_id: String,
    mch_id: String,
    description: String,
    total_fen: i64,
    attach: Option<String>,
    notify_url: String,
    openid: String,
    created_at: DateTime<Utc>,
    pay_by: DateTime<Utc>,
    request: Value,
    transaction_id: String,
    paid_at: DateTime<Utc>,
    refunds: Vec<KeptRefund>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptRefund {
    out_refund_no: String,
    number: String,
    amount_fen: i64,
    notify_url: String,
    created_at: DateTime<Utc>,
    request: Value,
    /// None where it could not go back the way it came.
    succeeded_at: Option<DateTime<Utc>>,
}

impl WechatPay {
    /// All paid orders, oldest first.
    pub fn kept(&self) -> Vec<KeptPayment> {
        let payments = lock(&self.payments);
        let mut kept: Vec<_> = payments.newest_first().filter_map(KeptPayment::of).collect();
        kept.reverse();
        kept
    }

    /// Takes up orders that were paid in another process, and whose callbacks are over; those that are
    /// known stay as they are. False if there is no more room.
    pub fn keep(&self, kept: Vec<KeptPayment>) -> bool {
        let now = self.clock.now();
        let mut payments = lock(&self.payments);
        let taken = kept.into_iter().try_for_each(|kept| self.take_up(&mut payments, kept, now));
        drop(payments);
        self.changes.notify();
        taken.is_ok()
    }

    /// Forgets a payment, as if the provider had lost it: it is in no bill, and no query finds it. False
    /// if there was none.
    pub fn forget(&self, out_trade_no: &str) -> bool {
        let forgotten = lock(&self.payments).remove(out_trade_no);
        self.changes.notify();
        forgotten
    }

    fn take_up(
        &self,
        payments: &mut Payments,
        kept: KeptPayment,
        now: DateTime<Utc>,
    ) -> Result<(), Full> {
        let (mch_id, number) = (kept.mch_id.clone(), kept.out_trade_no.clone());
        if payments.get_of(&mch_id, &number).is_some() {
            return Ok(());
        }
        let payment = self.payment_of(kept);
        let refunds: Vec<_> = payment.refunds.iter().map(|it| it.out_refund_no.clone()).collect();
        payments.insert(payment, now)?;
        payments.index_transaction(&mch_id, &number);
        for refund in refunds {
            payments.index_refund(&mch_id, &number, &refund);
        }
        Ok(())
    }

    fn payment_of(&self, kept: KeptPayment) -> Payment {
        let reported = || {
            let callback = self.callbacks.open();
            self.callbacks.discard(&callback);
            callback
        };
        let refund = |kept: KeptRefund| Refund {
            out_refund_no: kept.out_refund_no,
            number: kept.number,
            amount_fen: kept.amount_fen,
            notify_url: kept.notify_url,
            created_at: kept.created_at,
            request: kept.request,
            status: kept.succeeded_at.map_or(RefundStatus::Abnormal, RefundStatus::Success),
            callback: reported(),
        };
        Payment {
            out_trade_no: kept.out_trade_no,
            appid: kept.app_id,
            mchid: kept.mch_id,
            description: kept.description,
            total_fen: kept.total_fen,
            attach: kept.attach,
            notify_url: kept.notify_url,
            openid: kept.openid,
            created_at: kept.created_at,
            pay_by: kept.pay_by,
            request: kept.request,
            prepays: Vec::new(),
            state: State::Paid(Paid { transaction_id: kept.transaction_id, at: kept.paid_at }),
            failures: 0,
            callback: reported(),
            refunds: kept.refunds.into_iter().map(refund).collect(),
        }
    }
}

impl KeptPayment {
    fn of(payment: &Payment) -> Option<Self> {
        let paid = payment.paid()?.clone();
        Some(Self {
            out_trade_no: payment.out_trade_no.clone(),
            app_id: payment.appid.clone(),
            mch_id: payment.mchid.clone(),
            description: payment.description.clone(),
            total_fen: payment.total_fen,
            attach: payment.attach.clone(),
            notify_url: payment.notify_url.clone(),
            openid: payment.openid.clone(),
            created_at: payment.created_at,
            pay_by: payment.pay_by,
            request: payment.request.clone(),
            transaction_id: paid.transaction_id,
            paid_at: paid.at,
            refunds: payment.refunds.iter().filter_map(KeptRefund::of).collect(),
        })
    }
}

impl KeptRefund {
    fn of(refund: &Refund) -> Option<Self> {
        let succeeded_at = match refund.status {
            RefundStatus::Success(at) => Some(at),
            RefundStatus::Abnormal => None,
            RefundStatus::Processing | RefundStatus::Closed => return None,
        };
        Some(Self {
            out_refund_no: refund.out_refund_no.clone(),
            number: refund.number.clone(),
            amount_fen: refund.amount_fen,
            notify_url: refund.notify_url.clone(),
            created_at: refund.created_at,
            request: refund.request.clone(),
            succeeded_at,
        })
    }
}
