//! Faults on demand: what can go wrong between a provider and a merchant.
//!
//! Invariant: without a rule nothing goes wrong, and a rule that was used up is gone.
//! Invariant: a fault affects a message or its delivery; it never changes the provider's state.

mod callback;
pub(crate) mod forgery;
pub(crate) mod gate;
mod request;
mod rules;

use std::sync::Mutex;

use serde::Serialize;

pub use callback::CallbackFault;
pub(crate) use forgery::Forgery;
pub(crate) use request::FaultGroups;
pub use request::RequestFault;
pub use rules::{FaultRefusal, MOST_TIMES};

use crate::endpoint::Endpoint;
use crate::state::lock;
use rules::Rules;

/// What goes wrong with requests of merchants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RequestRule {
    /// Absent: wherever the fault can happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<Endpoint>,
    pub fault: RequestFault,
}

/// What goes wrong with callbacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallbackRule {
    /// The merchant's number of what the callback reports on; absent: any callback that the fault
    /// can happen to.
    #[serde(rename = "out_trade_no", skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    pub fault: CallbackFault,
    /// For [`CallbackFault::Delay`] alone, at the pace of retries.
    pub delay_ms: u64,
}

/// A rule that applies, and to how many more messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Active<R> {
    pub id: u64,
    #[serde(flatten)]
    pub rule: R,
    pub left: u32,
}

#[derive(Debug, Default)]
pub struct Faults {
    requests: Mutex<Rules<RequestRule>>,
    callbacks: Mutex<Rules<CallbackRule>>,
}

impl Faults {
    /// Applies the rule to the next `times` requests that it fits. Rules are used in the order in
    /// which they were made, one for each request.
    pub fn on_requests(&self, rule: RequestRule, times: u32) -> Result<u64, FaultRefusal> {
        if rule.on.is_some_and(|on| !on.can(rule.fault)) {
            return Err(FaultRefusal::Nowhere);
        }
        lock(&self.requests).add(rule, times)
    }

    /// Applies the rule to the next `times` tries of callbacks that it fits.
    pub fn on_callbacks(&self, rule: CallbackRule, times: u32) -> Result<u64, FaultRefusal> {
        lock(&self.callbacks).add(rule, times)
    }

    pub fn active_on_requests(&self) -> Vec<Active<RequestRule>> {
        lock(&self.requests).active()
    }

    pub fn active_on_callbacks(&self) -> Vec<Active<CallbackRule>> {
        lock(&self.callbacks).active()
    }

    /// Removes all rules.
    pub fn clear(&self) {
        lock(&self.requests).clear();
        lock(&self.callbacks).clear();
    }

    fn take_for_request(&self, endpoint: Endpoint) -> Option<RequestFault> {
        let fits = |rule: &RequestRule| {
            rule.on.is_none_or(|on| on == endpoint) && endpoint.can(rule.fault)
        };
        lock(&self.requests).take(fits).map(|rule| rule.fault)
    }

    /// `possible`: what can go wrong with this callback.
    pub(crate) fn take_for_callback(
        &self,
        about: &str,
        possible: &[CallbackFault],
    ) -> Option<CallbackRule> {
        let fits = |rule: &CallbackRule| {
            rule.about.as_ref().is_none_or(|wanted| wanted == about)
                && possible.contains(&rule.fault)
        };
        lock(&self.callbacks).take(fits)
    }
}

impl RequestRule {
    pub fn new(on: Endpoint, fault: RequestFault) -> Self {
        Self { on: Some(on), fault }
    }

    /// Wherever the fault can happen.
    pub fn anywhere(fault: RequestFault) -> Self {
        Self { on: None, fault }
    }
}

impl CallbackRule {
    pub fn new(about: &str, fault: CallbackFault) -> Self {
        Self { about: Some(about.to_owned()), fault, delay_ms: 0 }
    }

    /// For any callback that the fault can happen to.
    pub fn any(fault: CallbackFault) -> Self {
        Self { about: None, fault, delay_ms: 0 }
    }
}
