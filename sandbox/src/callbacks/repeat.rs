//! Many callbacks at once: copies of one, and those that were held, in any order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::message::{Letter, LetterError, Message};
use super::{Callback, CallbackRefusal, CallbackState, Callbacks, Delivery};
use crate::faults::CallbackRule;
use crate::state::lock;

/// The most copies of a callback, and the most tries that run at once.
const MOST_REPEATS: u32 = 256;

/// How a callback is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Repeat {
    /// 1 to 256.
    pub times: u32,
    /// How many of them may run at once; 1 to 256.
    pub parallel: u32,
    /// Whether each copy is a notification of its own, with its own id.
    pub fresh_id: bool,
}

impl Default for Repeat {
    fn default() -> Self {
        Self { times: 1, parallel: 1, fresh_id: false }
    }
}

/// The order in which held callbacks are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseOrder {
    /// As the orders were made.
    #[default]
    OldestFirst,
    NewestFirst,
    /// By [`Release::seed`].
    Shuffled,
}

/// How held callbacks are released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Release {
    pub order: ReleaseOrder,
    /// For [`ReleaseOrder::Shuffled`]: the same seed gives the same order.
    pub seed: u64,
    /// How often each is sent, 1 to 256; copies are shuffled too.
    pub times: u32,
    /// How many may run at once; 1 to 256.
    pub parallel: u32,
}

impl Default for Release {
    fn default() -> Self {
        Self { order: ReleaseOrder::OldestFirst, seed: 0, times: 1, parallel: 1 }
    }
}

/// Results of callbacks that were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub sent: u32,
    pub accepted: u32,
    /// Counts by HTTP status, or by the reason why no answer came.
    pub outcomes: BTreeMap<String, u32>,
}

/// A try that is signed in advance, or only when it is sent.
struct Errand {
    callback: Arc<Callback>,
    message: Arc<dyn Message>,
    ready: Option<ReadyLetter>,
}

struct ReadyLetter {
    letter: Letter,
    rule: Option<CallbackRule>,
}

impl Callbacks {
    /// Sends copies of a callback, each once and signed on its own, and waits for all answers.
    pub(crate) async fn repeat(
        self: &Arc<Self>,
        callback: &Arc<Callback>,
        how: Repeat,
    ) -> Result<Tally, CallbackRefusal> {
        check_times(how.times)?;
        let message = callback.message().ok_or(CallbackRefusal::NothingToTell)?;
        let copy = |_| {
            let message = if how.fresh_id { message.with_fresh_id()? } else { message.clone() };
            let ready = Some(self.sign(&*message)?);
            Ok(Errand { callback: callback.clone(), message, ready })
        };
        // All are signed before the first is sent, so that they arrive close together.
        let errands: Result<Vec<_>, LetterError> = (0..how.times).map(copy).collect();
        Ok(self.send_all(errands?, how.parallel).await)
    }

    /// Sends the held callbacks of all providers and waits for all answers. One that was accepted
    /// is no longer held.
    pub async fn release(self: &Arc<Self>, how: Release) -> Result<Tally, CallbackRefusal> {
        check_times(how.times)?;
        let mut errands = Vec::new();
        for callback in self.held(how.order) {
            let Some(message) = callback.message() else { continue };
            for _ in 0..how.times {
                let (callback, message) = (callback.clone(), message.clone());
                errands.push(Errand { callback, message, ready: None });
            }
        }
        match how.order {
            ReleaseOrder::OldestFirst | ReleaseOrder::NewestFirst => {}
            ReleaseOrder::Shuffled => errands.shuffle(&mut StdRng::seed_from_u64(how.seed)),
        }
        Ok(self.send_all(errands, how.parallel).await)
    }

    async fn send_all(self: &Arc<Self>, errands: Vec<Errand>, parallel: u32) -> Tally {
        let queue = Arc::new(Mutex::new(errands.into_iter()));
        let mut carriers = JoinSet::new();
        for _ in 0..parallel.clamp(1, MOST_REPEATS) {
            let (callbacks, queue) = (self.clone(), queue.clone());
            let carrier = async move {
                let mut tally = Tally::default();
                while let Some(errand) = take(&queue) {
                    callbacks.run(errand).await.iter().for_each(|delivery| tally.add(delivery));
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

    async fn run(&self, errand: Errand) -> Vec<Delivery> {
        let Errand { callback, message, ready } = errand;
        let ready = ready.map_or_else(|| self.sign(&*message), Ok);
        let Ok(ReadyLetter { letter, rule }) = ready else { return Vec::new() };
        self.delay(rule.as_ref()).await;
        let fault = rule.map(|rule| rule.fault);
        let deliveries = self.send(&*message, letter, fault).await;
        if deliveries.iter().any(|delivery| delivery.accepted) {
            self.accept_held(&callback);
        }
        self.record(&callback, &deliveries);
        deliveries
    }

    fn sign(&self, message: &dyn Message) -> Result<ReadyLetter, LetterError> {
        let rule = self.take_rule(message);
        let fault = rule.as_ref().map(|rule| rule.fault);
        Ok(ReadyLetter { letter: message.letter(self.clock.now(), fault)?, rule })
    }

    fn held(&self, order: ReleaseOrder) -> Vec<Arc<Callback>> {
        let held = lock(&self.held);
        let mut held: Vec<_> = held.values().cloned().collect();
        match order {
            ReleaseOrder::OldestFirst | ReleaseOrder::Shuffled => {}
            ReleaseOrder::NewestFirst => held.reverse(),
        }
        held
    }

    fn accept_held(&self, callback: &Arc<Callback>) {
        let mut progress = callback.progress();
        if progress.state == CallbackState::Held {
            self.enter(callback, &mut progress, CallbackState::Accepted);
        }
    }
}

fn check_times(times: u32) -> Result<(), CallbackRefusal> {
    if (1..=MOST_REPEATS).contains(&times) { Ok(()) } else { Err(CallbackRefusal::Times) }
}

fn take(queue: &Mutex<std::vec::IntoIter<Errand>>) -> Option<Errand> {
    lock(queue).next()
}

impl Tally {
    fn add(&mut self, delivery: &Delivery) {
        self.sent += 1;
        self.accepted += u32::from(delivery.accepted);
        *self.outcomes.entry(delivery.outcome.to_string()).or_default() += 1;
    }

    fn merge(&mut self, other: Self) {
        self.sent += other.sent;
        self.accepted += other.accepted;
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
    }
}
