//! What can be done to a payment from outside: pay, fail, and drop, deliver or repeat its callback.

use std::sync::Arc;

use super::notification::Notification;
use super::payment::{NotPayable, Paid, Payment, State};
use super::{CertificateRefusal, PaymentView, WechatPay, numbers};
use crate::callbacks::{CallbackRefusal, Repeat, Tally};
use crate::crypto::CryptoError;
use crate::state::lock;

#[derive(Debug, thiserror::Error)]
pub enum ActRefusal {
    #[error("没有这笔订单")]
    NoSuchPayment,
    #[error("没有这笔退款")]
    NoSuchRefund,
    #[error("退款已结束")]
    RefundEnded,
    #[error("不能退这么多")]
    NotRefundable,
    #[error("没有这个商户")]
    NoSuchMerchant,
    #[error(transparent)]
    NotPayable(#[from] NotPayable),
    #[error(transparent)]
    Callback(#[from] CallbackRefusal),
    #[error(transparent)]
    Certificate(#[from] CertificateRefusal),
    #[error("沙箱正在停止")]
    Stopped,
    #[error("密钥或密文无法生成：{0}")]
    Crypto(#[from] CryptoError),
}

impl WechatPay {
    /// The payer pays: the payment succeeds and its callback starts, is held, or was dropped.
    pub fn pay(&self, out_trade_no: &str) -> Result<PaymentView, ActRefusal> {
        let now = self.clock.now();
        let mut payments = lock(&self.payments);
        let payment = payments.get_mut(out_trade_no).ok_or(ActRefusal::NoSuchPayment)?;
        payment.payable(now)?;
        let paid = Paid { transaction_id: numbers::transaction_id(now), at: now };
        let merchant = self.merchant_of(&payment.mchid).ok_or(ActRefusal::NoSuchMerchant)?;
        let notification = Notification::new(payment, &paid, merchant)?;
        payment.state = State::Paid(paid);
        self.callbacks.report(&payment.callback, Arc::new(notification))?;
        let view = PaymentView::from(&*payment);
        payments.index_transaction(&view.mch_id, out_trade_no);
        drop(payments);
        self.changes.notify();
        Ok(view)
    }

    /// The payer tries and the bank declines: the order stays unpaid and no callback is sent.
    pub fn fail(&self, out_trade_no: &str) -> Result<PaymentView, ActRefusal> {
        let now = self.clock.now();
        self.change(out_trade_no, |payment| {
            payment.payable(now)?;
            payment.failures = payment.failures.saturating_add(1);
            Ok(())
        })
    }

    /// No callback of this payment is delivered from now on, also not if it is paid later.
    pub fn drop_callbacks(&self, out_trade_no: &str) -> Result<PaymentView, ActRefusal> {
        self.change(out_trade_no, |payment| {
            self.callbacks.discard(&payment.callback);
            Ok(())
        })
    }

    /// Sends the callback at once, with retries, even if it was held or dropped.
    pub fn deliver(&self, out_trade_no: &str) -> Result<PaymentView, ActRefusal> {
        self.change(out_trade_no, |payment| Ok(self.callbacks.deliver(&payment.callback)?))
    }

    /// Sends copies of the callback, each once and signed on its own, and waits for all answers.
    pub async fn repeat(&self, out_trade_no: &str, how: Repeat) -> Result<Tally, ActRefusal> {
        let callback = lock(&self.payments).get(out_trade_no).map(|known| known.callback.clone());
        let callback = callback.ok_or(ActRefusal::NoSuchPayment)?;
        Ok(self.callbacks.repeat(&callback, how).await?)
    }

    fn change(
        &self,
        out_trade_no: &str,
        act: impl FnOnce(&mut Payment) -> Result<(), ActRefusal>,
    ) -> Result<PaymentView, ActRefusal> {
        let mut payments = lock(&self.payments);
        let payment = payments.get_mut(out_trade_no).ok_or(ActRefusal::NoSuchPayment)?;
        act(payment)?;
        let view = PaymentView::from(&*payment);
        drop(payments);
        self.changes.notify();
        Ok(view)
    }
}
