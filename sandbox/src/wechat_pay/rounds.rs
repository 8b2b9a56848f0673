//! A callback's round: tried at once and then on WeChat's schedule until it is accepted.

use std::sync::Arc;
use std::time::Duration;

use super::notification::{Letter, Notification};
use super::payment::CallbackState;
use super::{Outcome, WechatPay};
use crate::faults::{CallbackFault, CallbackRule};
use crate::state::lock;

/// WeChat's schedule: fifteen retries within 24 hours and 4 minutes.
const RETRY_AFTER_SECONDS: [u64; 15] =
    [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10_800, 10_800, 10_800, 21_600, 21_600];

impl WechatPay {
    /// Until accepted or until another round begins.
    pub(super) async fn deliver_until_accepted(
        self: Arc<Self>,
        notification: Arc<Notification>,
        round: u64,
    ) {
        let mut due = self.pace.now();
        for wait in std::iter::once(0).chain(RETRY_AFTER_SECONDS) {
            due += Duration::from_secs(wait);
            self.pace.wait_until(due).await;
            if !self.in_round(&notification, round) {
                return;
            }
            let rule = self.faults.take_for_callback(&notification.out_trade_no);
            self.held_up(rule.as_ref()).await;
            let fault = rule.map(|rule| rule.fault);
            let Ok(letter) = notification.letter(self.clock.now(), fault) else { break };
            // Whoever ended the round meanwhile wants nothing more to be sent.
            if !self.in_round(&notification, round) {
                return;
            }
            let outcomes = self.send(&notification, letter, fault).await;
            let accepted = outcomes.iter().any(Outcome::accepted);
            if accepted {
                self.end_round(&notification, round, CallbackState::Accepted);
            }
            self.record(&notification, &outcomes);
            if accepted {
                return;
            }
        }
        self.end_round(&notification, round, CallbackState::GivenUp);
        self.changed();
    }

    /// Waits as long as a rule of [`CallbackFault::Delay`] says.
    pub(super) async fn held_up(&self, rule: Option<&CallbackRule>) {
        let delays = rule.filter(|rule| rule.fault == CallbackFault::Delay);
        if let Some(rule) = delays {
            let delay = Duration::from_millis(rule.delay_ms);
            self.pace.wait_until(self.pace.now().saturating_add(delay)).await;
        }
    }

    /// One try: one letter, or none, or two.
    pub(super) async fn send(
        &self,
        notification: &Notification,
        letter: Letter,
        fault: Option<CallbackFault>,
    ) -> Vec<Outcome> {
        let now = self.clock.now();
        let carry = |letter| self.courier.carry(notification, letter, now, fault);
        if fault == Some(CallbackFault::Twice) {
            let (first, second) = tokio::join!(carry(letter.clone()), carry(letter));
            return vec![first, second];
        }
        vec![carry(letter).await]
    }

    pub(super) fn record(&self, notification: &Notification, outcomes: &[Outcome]) {
        let mut payments = lock(&self.payments);
        let payment = payments.get_mut_of(notification.mchid(), &notification.out_trade_no);
        if let Some(payment) = payment {
            for outcome in outcomes {
                let callbacks = &mut payment.callbacks;
                callbacks.attempts = callbacks.attempts.saturating_add(1);
                let accepted = u32::from(outcome.accepted());
                callbacks.accepted = callbacks.accepted.saturating_add(accepted);
            }
        }
        drop(payments);
        self.changed();
    }

    fn in_round(&self, notification: &Notification, round: u64) -> bool {
        let payments = lock(&self.payments);
        let payment = payments.get_of(notification.mchid(), &notification.out_trade_no);
        payment.is_some_and(|payment| payment.callbacks.round == round)
    }

    fn end_round(&self, notification: &Notification, round: u64, state: CallbackState) {
        let mut payments = lock(&self.payments);
        let payment = payments.get_mut_of(notification.mchid(), &notification.out_trade_no);
        if let Some(payment) = payment.filter(|payment| payment.callbacks.round == round) {
            payment.callbacks.state = state;
        }
    }
}
