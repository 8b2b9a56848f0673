//! Callbacks of every provider: sent to the merchant, retried on the provider's schedule, held,
//! dropped, repeated or released on demand, and logged.
//!
//! A provider opens a [`Callback`] for whatever it will report (a payment, say) and hands over the
//! [`Message`] once there is something to report. Everything else happens here.
//!
//! Invariant: a callback sends nothing before it has a message.
//! Invariant: at most one series of retries of a callback is running.

mod callback;
mod courier;
mod message;
mod pace;
mod repeat;
mod rounds;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};

pub use callback::CallbackState;
pub(crate) use callback::{Callback, Progress};
pub use courier::{Delivery, Outcome};
pub(crate) use message::{Letter, LetterError, Message, Terms, any_2xx};
pub use pace::MAX_SPEED;
pub use repeat::{Release, ReleaseOrder, Repeat, Tally};

use crate::changes::Changes;
use crate::clock::AdjustableClock;
use crate::faults::Faults;
use crate::state::lock;
use courier::Courier;
use pace::Pace;

/// Whether callbacks are sent by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackMode {
    /// At once, then on the provider's schedule until accepted.
    Auto,
    /// Held until delivered on demand.
    Manual,
}

/// Why a callback was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallbackRefusal {
    #[error("订单尚未支付，没有可发送的通知")]
    NothingToTell,
    #[error("次数应为 1 到 256")]
    Times,
    #[error("{0}")]
    Letter(String),
}

impl CallbackRefusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NothingToTell | Self::Letter(_) => StatusCode::CONFLICT,
            Self::Times => StatusCode::BAD_REQUEST,
        }
    }
}

/// The callbacks of all providers.
#[derive(Debug)]
pub struct Callbacks {
    clock: Arc<AdjustableClock>,
    faults: Arc<Faults>,
    changes: Arc<Changes>,
    mode: Mutex<CallbackMode>,
    pace: Pace,
    courier: Courier,
    opened: AtomicU64,
    /// By number, which is the order in which they were opened.
    held: Mutex<BTreeMap<u64, Arc<Callback>>>,
}

impl Callbacks {
    /// Must be called inside a tokio runtime, which then carries the callbacks.
    pub(crate) fn new(
        clock: Arc<AdjustableClock>,
        faults: Arc<Faults>,
        changes: Arc<Changes>,
        speed: u32,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            clock,
            faults,
            changes,
            mode: Mutex::new(CallbackMode::Auto),
            pace: Pace::new(speed),
            courier: Courier::new()?,
            opened: AtomicU64::new(0),
            held: Mutex::default(),
        })
    }

    /// A callback that has nothing to report yet.
    pub(crate) fn open(&self) -> Arc<Callback> {
        Arc::new(Callback::new(self.opened.fetch_add(1, Ordering::Relaxed)))
    }

    /// There is something to report now: sends it with retries, or holds it, or, where the
    /// callback was dropped before, keeps it.
    pub(crate) fn report(
        self: &Arc<Self>,
        callback: &Arc<Callback>,
        message: Arc<dyn Message>,
    ) -> Result<(), CallbackRefusal> {
        callback.set_message(message);
        if callback.progress().state == CallbackState::Dropped {
            return Ok(());
        }
        match self.mode() {
            CallbackMode::Auto => self.deliver(callback),
            CallbackMode::Manual => {
                self.enter(callback, &mut callback.progress(), CallbackState::Held);
                Ok(())
            }
        }
    }

    /// Sends it at once, with retries, even if it was held or dropped. Earlier retries end.
    pub(crate) fn deliver(
        self: &Arc<Self>,
        callback: &Arc<Callback>,
    ) -> Result<(), CallbackRefusal> {
        let message = callback.message().ok_or(CallbackRefusal::NothingToTell)?;
        let round = self.next_round(callback, CallbackState::Underway);
        self.courier.run(self.clone().deliver_until_accepted(callback.clone(), message, round));
        Ok(())
    }

    /// Sends nothing from now on, not even what is reported later.
    pub(crate) fn discard(&self, callback: &Arc<Callback>) {
        self.next_round(callback, CallbackState::Dropped);
    }

    /// Ends retries, and releases nothing any more.
    pub(crate) fn stop(&self) {
        self.courier.stop();
    }

    pub fn mode(&self) -> CallbackMode {
        *lock(&self.mode)
    }

    /// Holds for what is reported from now on.
    pub fn set_mode(&self, mode: CallbackMode) {
        *lock(&self.mode) = mode;
    }

    /// How many times faster than the providers' schedules callbacks are retried.
    pub fn speed(&self) -> u32 {
        self.pace.speed()
    }

    /// Up to 1,000,000; applies to running waits too. At 0 retries wait for
    /// [`Callbacks::advance`].
    pub fn set_speed(&self, speed: u32) {
        self.pace.set_speed(speed);
    }

    /// Lets this much of the schedules pass at once.
    pub fn advance(&self, step: Duration) {
        self.pace.advance(step);
    }

    /// The last 500 tries, newest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.courier.log()
    }

    /// Those of them that reported on this number, oldest first.
    pub fn deliveries_of(&self, about: &str) -> Vec<Delivery> {
        let mut deliveries = self.courier.log();
        deliveries.retain(|delivery| delivery.about == about);
        deliveries.reverse();
        deliveries
    }

    /// Starts a new series of tries and thereby ends the one before.
    fn next_round(&self, callback: &Arc<Callback>, state: CallbackState) -> u64 {
        let mut progress = callback.progress();
        self.enter(callback, &mut progress, state);
        progress.round += 1;
        progress.round
    }

    fn enter(&self, callback: &Arc<Callback>, progress: &mut Progress, state: CallbackState) {
        progress.state = state;
        let mut held = lock(&self.held);
        match state {
            CallbackState::Held => {
                held.insert(callback.number(), callback.clone());
            }
            CallbackState::Waiting
            | CallbackState::Dropped
            | CallbackState::Underway
            | CallbackState::Accepted
            | CallbackState::GivenUp => {
                held.remove(&callback.number());
            }
        }
    }
}
