//! Many callbacks at once: copies of one, and those that were held, in any order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::notification::{Letter, Notification};
use super::payment::{CallbackState, Payment};
use super::{ActRefusal, Outcome, WechatPay};
use crate::faults::CallbackRule;
use crate::state::lock;

/// The most copies that one act of repeating sends, and the most letters under way at once.
const MOST_REPEATS: u32 = 256;

/// How a callback is to be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Repeat {
    /// 1 to 256.
    pub times: u32,
    /// How many of them may be under way at once; 1 to 256.
    pub parallel: u32,
    /// Whether each copy is a notification of its own, with its own id.
    pub fresh_id: bool,
}

impl Default for Repeat {
    fn default() -> Self {
        Self { times: 1, parallel: 1, fresh_id: false }
    }
}

/// In which order held callbacks leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As the payments were made.
    #[default]
    OldestFirst,
    NewestFirst,
    /// By [`Release::seed`].
    Shuffled,
}

/// How held callbacks are to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Release {
    pub order: Order,
    /// Of [`Order::Shuffled`]: the same seed is the same order.
    pub seed: u64,
    /// How often each is sent, 1 to 256; the copies are shuffled too.
    pub times: u32,
    /// How many may be under way at once; 1 to 256.
    pub parallel: u32,
}

impl Default for Release {
    fn default() -> Self {
        Self { order: Order::OldestFirst, seed: 0, times: 1, parallel: 1 }
    }
}

/// What became of callbacks that were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub sent: u32,
    pub accepted: u32,
    /// Counts by HTTP status, or by the reason why there was no answer.
    pub outcomes: BTreeMap<String, u32>,
}

/// One try that is ready, or that is made ready when its turn comes.
struct Errand {
    notification: Arc<Notification>,
    signed: Option<(Letter, Option<CallbackRule>)>,
}

impl WechatPay {
    /// Sends copies of the callback, each once and signed on its own, and waits for all answers.
    pub async fn repeat(
        self: &Arc<Self>,
        out_trade_no: &str,
        how: Repeat,
    ) -> Result<Tally, ActRefusal> {
        check_times(how.times)?;
        let copies = self.copies(out_trade_no, how)?.into_iter();
        // All are signed before the first is sent, so that they meet at the merchant's door.
        let errands: Result<Vec<_>, _> = copies.map(|copy| self.signed(copy)).collect();
        Ok(self.send_all(errands?, how.parallel).await)
    }

    /// Sends the callbacks that are held, each so often, and waits for all answers. One that was
    /// accepted is held no more.
    pub async fn release(self: &Arc<Self>, how: Release) -> Result<Tally, ActRefusal> {
        check_times(how.times)?;
        let mut errands = Vec::new();
        for notification in self.held(how.order) {
            for _ in 0..how.times {
                errands.push(Errand { notification: notification.clone(), signed: None });
            }
        }
        match how.order {
            Order::OldestFirst | Order::NewestFirst => {}
            Order::Shuffled => errands.shuffle(&mut StdRng::seed_from_u64(how.seed)),
        }
        Ok(self.send_all(errands, how.parallel).await)
    }

    async fn send_all(self: &Arc<Self>, errands: Vec<Errand>, parallel: u32) -> Tally {
        let queue = Arc::new(Mutex::new(errands.into_iter()));
        let mut carriers = JoinSet::new();
        for _ in 0..parallel.clamp(1, MOST_REPEATS) {
            let (pay, queue) = (self.clone(), queue.clone());
            let carrier = async move {
                let mut tally = Tally::default();
                while let Some(errand) = take(&queue) {
                    pay.run(errand).await.iter().for_each(|outcome| tally.add(outcome));
                }
                tally
            };
            carriers.spawn_on(carrier, self.courier.runtime());
        }
        let mut whole = Tally::default();
        while let Some(part) = carriers.join_next().await {
            whole.merge(part.unwrap_or_default());
        }
        whole
    }

    async fn run(&self, errand: Errand) -> Vec<Outcome> {
        let notification = errand.notification;
        let signed = match errand.signed {
            Some(signed) => Ok(signed),
            None => self.sign(&notification),
        };
        let Ok((letter, rule)) = signed else { return Vec::new() };
        self.held_up(rule.as_ref()).await;
        let fault = rule.map(|rule| rule.fault);
        let outcomes = self.send(&notification, letter, fault).await;
        if outcomes.iter().any(Outcome::accepted) {
            self.hold_no_more(&notification);
        }
        self.record(&notification, &outcomes);
        outcomes
    }

    fn signed(&self, notification: Arc<Notification>) -> Result<Errand, ActRefusal> {
        let signed = Some(self.sign(&notification)?);
        Ok(Errand { notification, signed })
    }

    fn sign(
        &self,
        notification: &Notification,
    ) -> Result<(Letter, Option<CallbackRule>), ActRefusal> {
        let rule = self.faults.take_for_callback(&notification.out_trade_no);
        let fault = rule.as_ref().map(|rule| rule.fault);
        Ok((notification.letter(self.clock.now(), fault)?, rule))
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
        let fresh = || Ok(Arc::new(Notification::new(payment, paid, &known.merchant)?));
        let copy = |_| if how.fresh_id { fresh() } else { Ok(known.clone()) };
        (0..how.times).map(copy).collect()
    }

    fn held(&self, order: Order) -> Vec<Arc<Notification>> {
        let payments = lock(&self.payments);
        let is_held = |payment: &&Payment| payment.callbacks.state == CallbackState::Held;
        let held = payments.newest_first().filter(is_held);
        let mut held: Vec<_> = held.filter_map(|payment| payment.notification.clone()).collect();
        match order {
            Order::NewestFirst => {}
            Order::OldestFirst | Order::Shuffled => held.reverse(),
        }
        held
    }

    fn hold_no_more(&self, notification: &Notification) {
        let mut payments = lock(&self.payments);
        let payment = payments.get_mut_of(notification.mchid(), &notification.out_trade_no);
        let held = payment.filter(|payment| payment.callbacks.state == CallbackState::Held);
        if let Some(payment) = held {
            payment.callbacks.state = CallbackState::Accepted;
        }
    }
}

fn check_times(times: u32) -> Result<(), ActRefusal> {
    if (1..=MOST_REPEATS).contains(&times) { Ok(()) } else { Err(ActRefusal::Times) }
}

fn take(queue: &Mutex<std::vec::IntoIter<Errand>>) -> Option<Errand> {
    lock(queue).next()
}

impl Tally {
    fn add(&mut self, outcome: &Outcome) {
        self.sent += 1;
        self.accepted += u32::from(outcome.accepted());
        *self.outcomes.entry(outcome.to_string()).or_default() += 1;
    }

    fn merge(&mut self, other: Self) {
        self.sent += other.sent;
        self.accepted += other.accepted;
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
    }
}
