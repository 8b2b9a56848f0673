//! What one can do to a payment from outside: pay, fail, and the faults of its callback.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::notification::{Letter, Notification};
use super::payment::{CallbackState, NotPayable, Paid, Payment, State};
use super::{CallbackMode, CertificateRefusal, Outcome, PaymentView, WechatPay};
use crate::chance;
use crate::crypto::CryptoError;
use crate::state::lock;

/// WeChat's schedule: fifteen retries within 24 hours and 4 minutes.
const RETRY_AFTER_SECONDS: [u64; 15] =
    [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600];

/// The most copies that one act of repeating sends.
const MOST_REPEATS: u32 = 256;

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

/// How a callback is to be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Repeat {
    /// 1 to 256.
    pub times: u32,
    /// How many of them may be under way at once; at least 1.
    pub parallel: u32,
    /// Whether each copy is a notification of its own, with its own id.
    pub fresh_id: bool,
}

impl Default for Repeat {
    fn default() -> Self {
        Self { times: 1, parallel: 1, fresh_id: false }
    }
}

/// What became of repeated callbacks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub sent: u32,
    pub accepted: u32,
    /// Counts by HTTP status, or by the reason why there was no answer.
    pub outcomes: BTreeMap<String, u32>,
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

    /// Sends copies of the callback, each once and signed on its own, and waits for all answers.
    pub async fn repeat(
        self: &Arc<Self>,
        out_trade_no: &str,
        how: Repeat,
    ) -> Result<Tally, ActRefusal> {
        if !(1..=MOST_REPEATS).contains(&how.times) {
            return Err(ActRefusal::Times);
        }
        let copies = self.copies(out_trade_no, how)?;
        let slots = Arc::new(Semaphore::new(usize::try_from(how.parallel.max(1)).unwrap_or(1)));
        let mut tries = JoinSet::new();
        // All are signed before the first is sent, so that they meet at the merchant's door.
        for notification in copies {
            let (pay, slots) = (self.clone(), slots.clone());
            let now = self.clock.now();
            let letter = self.letter(&notification, now)?;
            tries.spawn_on(
                async move {
                    let _slot = slots.acquire().await;
                    let outcome = pay.courier.carry(&notification, letter, now).await;
                    pay.record(&notification, &outcome);
                    outcome
                },
                self.courier.runtime(),
            );
        }
        let mut tally = Tally::default();
        while let Some(outcome) = tries.join_next().await {
            tally.add(&outcome.unwrap_or(Outcome::NoAnswer { reason: "已停止" }));
        }
        Ok(tally)
    }

    fn copies(
        &self,
        out_trade_no: &str,
        how: Repeat,
    ) -> Result<Vec<Arc<Notification>>, ActRefusal> {
        let payments = lock(&self.payments);
        let payment = payments.get(out_trade_no).ok_or(ActRefusal::NoSuchPayment)?;
        let paid = payment.paid().ok_or(ActRefusal::NothingToTell)?;
        let known = payment.notification.as_ref().ok_or(ActRefusal::NothingToTell)?;
        let merchant = self.merchant_of(&payment.mchid).ok_or(ActRefusal::NoSuchMerchant)?;
        let fresh = || Ok(Arc::new(Notification::new(payment, paid, merchant)?));
        let copy = |_| if how.fresh_id { fresh() } else { Ok(known.clone()) };
        (0..how.times).map(copy).collect()
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

    /// Tries at once and then on the schedule, until accepted or until another round begins.
    async fn deliver_until_accepted(self: Arc<Self>, notification: Arc<Notification>, round: u64) {
        let retries = RETRY_AFTER_SECONDS.into_iter().map(Duration::from_secs);
        for wait in std::iter::once(Duration::ZERO).chain(retries) {
            self.pace.wait(wait).await;
            if !self.in_round(&notification, round) {
                return;
            }
            let now = self.clock.now();
            let Ok(letter) = self.letter(&notification, now) else { break };
            let outcome = self.courier.carry(&notification, letter, now).await;
            if outcome.accepted() {
                self.end_round(&notification, round, CallbackState::Accepted);
                self.record(&notification, &outcome);
                return;
            }
            self.record(&notification, &outcome);
        }
        self.end_round(&notification, round, CallbackState::GivenUp);
        self.changed();
    }

    /// The notification, signed with the key that is its merchant's turn.
    fn letter(
        &self,
        notification: &Notification,
        now: DateTime<Utc>,
    ) -> Result<Letter, ActRefusal> {
        let merchant = self.merchant_of(&notification.mchid).ok_or(ActRefusal::NoSuchMerchant)?;
        Ok(notification.letter(&merchant.callback_signer(now)?, now))
    }

    fn in_round(&self, notification: &Notification, round: u64) -> bool {
        let payments = lock(&self.payments);
        let payment = payments.get_of(&notification.mchid, &notification.out_trade_no);
        payment.is_some_and(|payment| payment.callbacks.round == round)
    }

    fn end_round(&self, notification: &Notification, round: u64, state: CallbackState) {
        let mut payments = lock(&self.payments);
        let payment = payments.get_mut_of(&notification.mchid, &notification.out_trade_no);
        if let Some(payment) = payment.filter(|payment| payment.callbacks.round == round) {
            payment.callbacks.state = state;
        }
    }

    fn record(&self, notification: &Notification, outcome: &Outcome) {
        let mut payments = lock(&self.payments);
        let payment = payments.get_mut_of(&notification.mchid, &notification.out_trade_no);
        if let Some(payment) = payment {
            payment.callbacks.attempts = payment.callbacks.attempts.saturating_add(1);
            let accepted = u32::from(outcome.accepted());
            payment.callbacks.accepted = payment.callbacks.accepted.saturating_add(accepted);
        }
        drop(payments);
        self.changed();
    }
}

impl Tally {
    fn add(&mut self, outcome: &Outcome) {
        self.sent += 1;
        self.accepted += u32::from(outcome.accepted());
        *self.outcomes.entry(outcome.to_string()).or_default() += 1;
    }
}
