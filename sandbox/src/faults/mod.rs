//! Faults on demand: what can go wrong between a provider and a merchant, as often as one asks.
//!
//! Invariant: without a rule nothing goes wrong, and a rule that was used up is gone.
//! Invariant: a fault spoils a message or its way; it never changes what the provider believes.

mod callback;
pub(crate) mod forgery;
pub(crate) mod gate;
mod request;
mod rules;

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

pub use callback::CallbackFault;
pub(crate) use forgery::Forgery;
pub use request::RequestFault;
pub use rules::{FaultRefusal, MOST_TIMES};

use crate::requests::Endpoint;
use crate::state::lock;
use rules::Rules;

/// What goes wrong with requests of merchants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestRule {
    /// Absent: wherever the fault can happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Endpoint>,
    pub fault: RequestFault,
}

/// What goes wrong with callbacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallbackRule {
    /// Absent: of any payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_trade_no: Option<String>,
    pub fault: CallbackFault,
    /// For [`CallbackFault::Delay`] alone, at the pace of retries.
    #[serde(default)]
    pub delay_ms: u64,
}

/// A rule that holds, and for how many more messages.
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
    /// The next `times` requests that the rule fits go wrong so. Rules are used in the order in
    /// which they were made, one for a request.
    pub fn on_requests(&self, rule: RequestRule, times: u32) -> Result<u64, FaultRefusal> {
        if rule.on.is_some_and(|on| !rule.fault.happens_on(on)) {
            return Err(FaultRefusal::Nowhere);
        }
        lock(&self.requests).add(rule, times)
    }

    /// The next `times` tries of callbacks that the rule fits go wrong so.
    pub fn on_callbacks(&self, rule: CallbackRule, times: u32) -> Result<u64, FaultRefusal> {
        lock(&self.callbacks).add(rule, times)
    }

    pub fn active_on_requests(&self) -> Vec<Active<RequestRule>> {
        lock(&self.requests).active()
    }

    pub fn active_on_callbacks(&self) -> Vec<Active<CallbackRule>> {
        lock(&self.callbacks).active()
    }

    /// From now on nothing goes wrong.
    pub fn clear(&self) {
        lock(&self.requests).clear();
        lock(&self.callbacks).clear();
    }

    fn take_for_request(&self, endpoint: Endpoint) -> Option<RequestFault> {
        let fits = |rule: &RequestRule| {
            rule.on.is_none_or(|on| on == endpoint) && rule.fault.happens_on(endpoint)
        };
        lock(&self.requests).take(fits).map(|rule| rule.fault)
    }

    pub(crate) fn take_for_callback(&self, out_trade_no: &str) -> Option<CallbackRule> {
        let fits = |rule: &CallbackRule| {
            rule.out_trade_no.as_ref().is_none_or(|wanted| wanted == out_trade_no)
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
    pub fn new(out_trade_no: &str, fault: CallbackFault) -> Self {
        Self { out_trade_no: Some(out_trade_no.to_owned()), fault, delay_ms: 0 }
    }

    /// Of whatever payment.
    pub fn any(fault: CallbackFault) -> Self {
        Self { out_trade_no: None, fault, delay_ms: 0 }
    }
}
