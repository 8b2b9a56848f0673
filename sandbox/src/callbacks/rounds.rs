//! A callback's round: tried at once and then on the provider's schedule until it is accepted.

use std::sync::Arc;
use std::time::Duration;

use super::message::{Letter, Message, Terms};
use super::{Callback, CallbackState, Callbacks, Delivery};
use crate::faults::{CallbackFault, CallbackRule};

impl Callbacks {
    /// Until accepted or until another round begins.
    pub(super) async fn deliver_until_accepted(
        self: Arc<Self>,
        callback: Arc<Callback>,
        message: Arc<dyn Message>,
        round: u64,
    ) {
        let mut due = self.pace.now();
        for wait in std::iter::once(0).chain(message.terms().retry_after_seconds.iter().copied()) {
            due += Duration::from_secs(wait);
            self.pace.wait_until(due).await;
            if callback.progress().round != round {
                return;
            }
            let rule = self.take_rule(&*message);
            self.delay(rule.as_ref()).await;
            let fault = rule.map(|rule| rule.fault);
            let Ok(letter) = message.letter(self.clock.now(), fault) else { break };
            // The round may have been ended during the wait; then nothing more is sent.
            if callback.progress().round != round {
                return;
            }
            let deliveries = self.send(&*message, letter, fault).await;
            let accepted = deliveries.iter().any(|delivery| delivery.accepted);
            if accepted {
                self.end_round(&callback, round, CallbackState::Accepted);
            }
            self.record(&callback, &deliveries);
            if accepted {
                return;
            }
        }
        self.end_round(&callback, round, CallbackState::GivenUp);
        self.changes.notify();
    }

    pub(super) fn take_rule(&self, message: &dyn Message) -> Option<CallbackRule> {
        let Terms { door, faults, .. } = message.terms();
        self.faults.take_for_callback(message.about(), (door, faults))
    }

    /// Waits as long as a rule of [`CallbackFault::Delay`] says.
    pub(super) async fn delay(&self, rule: Option<&CallbackRule>) {
        let delays = rule.filter(|rule| rule.fault == CallbackFault::Delay);
        if let Some(rule) = delays {
            let delay = Duration::from_millis(rule.delay_ms);
            self.pace.wait_until(self.pace.now().saturating_add(delay)).await;
        }
    }

    /// One try, or two at once for [`CallbackFault::Twice`].
    pub(super) async fn send(
        &self,
        message: &dyn Message,
        letter: Letter,
        fault: Option<CallbackFault>,
    ) -> Vec<Delivery> {
        let now = self.clock.now();
        let carry = |letter| self.courier.carry(message, letter, now, fault);
        if fault == Some(CallbackFault::Twice) {
            let (first, second) = tokio::join!(carry(letter.clone()), carry(letter));
            return vec![first, second];
        }
        vec![carry(letter).await]
    }

    /// Counts the tries. Call it after the state was changed, since it wakes waiting tests.
    pub(super) fn record(&self, callback: &Callback, deliveries: &[Delivery]) {
        let mut progress = callback.progress();
        for delivery in deliveries {
            progress.attempts = progress.attempts.saturating_add(1);
            progress.accepted = progress.accepted.saturating_add(u32::from(delivery.accepted));
        }
        drop(progress);
        self.changes.notify();
    }

    fn end_round(&self, callback: &Arc<Callback>, round: u64, state: CallbackState) {
        let mut progress = callback.progress();
        if progress.round == round {
            self.enter(callback, &mut progress, state);
        }
    }
}
