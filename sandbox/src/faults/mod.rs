//! Faults on demand: what can go wrong between a provider and a merchant.
//!
//! Invariant: without a rule or a seed nothing goes wrong, and a rule that was used up is gone.
//! Invariant: a fault affects a message or its delivery; it never changes the provider's state.

mod callback;
pub(crate) mod forgery;
pub(crate) mod gate;
mod request;
mod rules;
mod seeded;

use std::sync::Mutex;

use serde::Serialize;

pub use callback::CallbackFault;
pub(crate) use forgery::Forgery;
pub(crate) use request::FaultGroups;
pub use request::RequestFault;
pub use rules::{FaultRefusal, MOST_TIMES};
pub(crate) use seeded::BILL_CONTENT;
pub use seeded::Seeded;

use crate::endpoint::Endpoint;
use crate::state::lock;
use rules::Rules;
use seeded::Draws;

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
    /// What no rule fits.
    draws: Mutex<Draws>,
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

    /// Draws faults from now on; `None` draws none any more.
    pub fn by_seed(&self, seeded: Option<Seeded>) -> Result<(), FaultRefusal> {
        if seeded
            .as_ref()
            .is_some_and(|seeded| !(1..=u64::from(MOST_TIMES)).contains(&seeded.one_in))
        {
            return Err(FaultRefusal::Times);
        }
        lock(&self.draws).begin(seeded);
        Ok(())
    }

    pub fn seeded(&self) -> Option<Seeded> {
        lock(&self.draws).seeded()
    }

    pub fn active_on_requests(&self) -> Vec<Active<RequestRule>> {
        lock(&self.requests).active()
    }

    pub fn active_on_callbacks(&self) -> Vec<Active<CallbackRule>> {
        lock(&self.callbacks).active()
    }

    /// Removes all rules, and draws no more.
    pub fn clear(&self) {
        lock(&self.requests).clear();
        lock(&self.callbacks).clear();
        lock(&self.draws).begin(None);
    }

    fn take_for_request(&self, endpoint: Endpoint) -> Option<RequestFault> {
        let fits = |rule: &RequestRule| {
            rule.on.is_none_or(|on| on == endpoint) && endpoint.can(rule.fault)
        };
        let ruled = lock(&self.requests).take(fits).map(|rule| rule.fault);
        ruled.or_else(|| {
            let all = endpoint.faults.iter().copied().flatten();
            let possible = all.filter(|fault| fault.is_drawn());
            lock(&self.draws).next(endpoint.name, possible).map(|(fault, _)| *fault)
        })
    }

    /// What is drawn of these for a door of its own.
    pub(crate) fn draw<F: Copy>(&self, door: &'static str, possible: &[F]) -> Option<F> {
        lock(&self.draws).next(door, possible.iter()).map(|(fault, _)| *fault)
    }

    /// `possible`: what can go wrong with callbacks through this `door`.
    pub(crate) fn take_for_callback(
        &self,
        about: &str,
        (door, possible): (&'static str, &[CallbackFault]),
    ) -> Option<CallbackRule> {
        let fits = |rule: &CallbackRule| {
            rule.about.as_ref().is_none_or(|wanted| wanted == about)
                && possible.contains(&rule.fault)
        };
        let ruled = lock(&self.callbacks).take(fits);
        ruled.or_else(|| {
            let (fault, delay_ms) = lock(&self.draws).next(door, possible.iter())?;
            Some(CallbackRule { about: None, fault: *fault, delay_ms })
        })
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

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::stand_ins::wechat_pay::BillFault;
    use crate::stand_ins::{
        alipay::endpoints as alipay, wechat, wechat_pay::endpoints as wechat_pay,
    };

    const DOORS: [Endpoint; 10] = [
        wechat_pay::REFUND,
        wechat_pay::REFUND_QUERY,
        wechat_pay::BILL,
        wechat::MESSAGE,
        wechat::SHIPPING,
        alipay::REFUND,
        alipay::REFUND_QUERY,
        alipay::BILL,
        alipay::BILL_FILE,
        alipay::MESSAGE,
    ];
    const CALLBACKS: [(&str, &[CallbackFault]); 2] =
        [("callback", &CallbackFault::WECHAT_PAY), ("alipay_callback", &CallbackFault::ALIPAY)];
    const TIMES: usize = 1000;

    /// What so many messages through a door meet.
    #[derive(Debug, PartialEq)]
    struct Met {
        requests: Vec<Vec<RequestFault>>,
        callbacks: Vec<Vec<CallbackRule>>,
        bills: Vec<BillFault>,
    }

    fn times<F>(draw: impl Fn() -> Option<F>) -> Vec<F> {
        std::iter::repeat_with(draw).take(TIMES).flatten().collect()
    }

    fn met(seed: u64) -> Met {
        let faults = Faults::default();
        faults.by_seed(Some(Seeded::everywhere(seed, 1))).unwrap();
        let callback = |of| times(|| faults.take_for_callback("any", of));
        Met {
            requests: DOORS.map(|door| times(|| faults.take_for_request(door))).into(),
            callbacks: CALLBACKS.map(callback).into(),
            bills: times(|| faults.draw(BILL_CONTENT, &BillFault::ALL)),
        }
    }

    /// Every one of these occurs, and no other.
    fn assert_all<F: PartialEq + Debug>(met: &[F], possible: &[F], door: &str) {
        assert_eq!(met.len(), TIMES, "{door}: every message meets one");
        let missing: Vec<_> = possible.iter().filter(|fault| !met.contains(fault)).collect();
        assert!(missing.is_empty(), "{door} never meets {missing:?}");
        assert!(met.iter().all(|fault| possible.contains(fault)), "{door}");
    }

    #[test]
    fn one_seed_gives_the_same_faults_twice_and_each_door_meets_all_of_its_own() {
        let first = met(7);
        assert_eq!(first, met(7));
        assert_ne!(first, met(8));
        for (door, met) in DOORS.iter().zip(&first.requests) {
            assert_all(met, &door.faults.concat(), door.name);
        }
        for ((door, possible), met) in CALLBACKS.iter().zip(&first.callbacks) {
            let faults: Vec<_> = met.iter().map(|rule| rule.fault).collect();
            assert_all(&faults, possible, door);
        }
        assert_all(&first.bills, &BillFault::ALL, BILL_CONTENT);
    }

    #[test]
    fn a_rule_goes_before_the_seed_and_clearing_ends_both() {
        let faults = Faults::default();
        let never = Some(Seeded::everywhere(7, 0));
        assert_eq!(faults.by_seed(never), Err(FaultRefusal::Times));
        faults.by_seed(Some(Seeded::on(7, 1, &["refund"]))).unwrap();
        let rule = RequestRule::new(wechat_pay::REFUND, RequestFault::Stale);
        faults.on_requests(rule, 2).unwrap();
        let next = || faults.take_for_request(wechat_pay::REFUND);
        assert_eq!((next(), next()), (Some(RequestFault::Stale), Some(RequestFault::Stale)));
        assert!(next().is_some(), "drawn");
        assert_eq!(faults.take_for_request(wechat_pay::BILL), None, "another door");
        faults.clear();
        assert_eq!((next(), faults.seeded()), (None, None));
    }
}
