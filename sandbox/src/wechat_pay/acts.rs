//! What one can do to a payment from outside: pay, fail, and hold, drop or deliver its callback.

use std::sync::Arc;
use std::time::Duration;

use super::notification::Notification;
use super::payment::{CallbackState, NotPayable, Paid, Payment, State};
use super::{CallbackMode, CertificateRefusal, PaymentView, WechatPay};
use crate::chance;
use crate::crypto::CryptoError;
use crate::state::lock;

#[derive(Debug, thiserror::Error)]
pub enum ActRefusal {
    #[error("没有这笔订单")]
    NoSuchPayment,
    #[error("没有这个商户")]
    NoSuchMerchant,
    #[error(transparent)]
    NotPayable(#[from] NotPayable),
    #[error("订单尚未支付，没有可发送的通知")]
    NothingToTell,
    #[error("次数应为 1 到 256")]
    Times,
    #[error(transparent)]
    Certificate(#[from] CertificateRefusal),
    #[error("沙箱正在停止")]
    Stopped,
    #[error("密钥或密文无法生成：{0}")]
    Crypto(#[from] CryptoError),
}

impl WechatPay {
    /// The payer pays: the payment succeeds and its callback starts, is held, or was dropped.
    pub fn pay(self: &Arc<Self>, out_trade_no: &str) -> Result<PaymentView, ActRefusal> {
        let now = self.clock.now();
        let mode = self.callback_mode();
        let mut payments = lock(&self.payments);
        let payment = payments.get_mut(out_trade_no).ok_or(ActRefusal::NoSuchPayment)?;
        payment.payable(now)?;
        let paid = Paid { transaction_id: chance::transaction_id(now), at: now };
        let merchant = self.merchant_of(&payment.mchid).ok_or(ActRefusal::NoSuchMerchant)?;
        payment.notification = Some(Arc::new(Notification::new(payment, &paid, merchant)?));
        payment.state = State::Paid(paid);
        if payment.callbacks.state != CallbackState::Dropped {
            match mode {
                CallbackMode::Auto => self.set_out(payment)?,
                CallbackMode::Manual => payment.callbacks.state = CallbackState::Held,
            }
        }
        let view = PaymentView::from(&*payment);
        payments.index_transaction(&view.mch_id, out_trade_no);
        drop(payments);
        self.changed();
        Ok(view)
    }

    /// The payer tries and the bank declines: the order stays unpaid and nobody is told.
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
            payment.next_round(CallbackState::Dropped);
            Ok(())
        })
    }

    /// Starts the callback anew at once, with retries, whatever held it or dropped it.
    pub fn deliver(self: &Arc<Self>, out_trade_no: &str) -> Result<PaymentView, ActRefusal> {
        self.change(out_trade_no, |payment| self.set_out(payment))
    }

    /// Lets so much of the schedule of retries pass at once.
    pub fn advance(&self, step: Duration) {
        self.pace.advance(step);
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
        self.changed();
        Ok(view)
    }

    fn set_out(self: &Arc<Self>, payment: &mut Payment) -> Result<(), ActRefusal> {
        let notification = payment.notification.clone().ok_or(ActRefusal::NothingToTell)?;
        let round = payment.next_round(CallbackState::Underway);
        self.courier.run(self.clone().deliver_until_accepted(notification, round));
        Ok(())
    }
}
