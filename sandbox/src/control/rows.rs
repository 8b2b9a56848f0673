//! The rows of the control page's own lists, as texts.

use super::panel::{Count, moment};
use crate::callbacks::Delivery;
use crate::faults::{Active, RequestRule};
use crate::requests::Asked;
use crate::state::Sandbox;

pub(super) struct DeliveryRow {
    pub(super) delivery: Delivery,
    pub(super) sent: String,
    pub(super) outcome: String,
    pub(super) body: String,
    pub(super) fault: &'static str,
}

pub(super) struct RequestRow {
    pub(super) at: String,
    pub(super) endpoint: &'static str,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) status: String,
    pub(super) good: bool,
    pub(super) fault: &'static str,
}

/// A rule that applies, in words.
pub(super) struct FaultRow {
    pub(super) on: String,
    pub(super) fault: String,
    pub(super) left: String,
}

/// One of the choices of a form.
pub(super) struct FormChoice {
    pub(super) value: String,
    pub(super) label: &'static str,
}

pub(super) fn delivery(delivery: Delivery) -> DeliveryRow {
    DeliveryRow {
        sent: moment(delivery.sent_at),
        outcome: delivery.outcome.to_string(),
        body: delivery.outcome.body().to_owned(),
        fault: delivery.fault.map_or("", |fault| fault.label()),
        delivery,
    }
}

pub(super) fn request(asked: Asked) -> RequestRow {
    RequestRow {
        at: moment(asked.at),
        endpoint: asked.endpoint.label,
        method: asked.method,
        path: asked.path,
        status: asked.status.map_or_else(|| "处理中".to_owned(), |status| status.to_string()),
        good: asked.status.is_some_and(|status| status < 300) && asked.fault.is_none(),
        fault: asked.fault.map_or("", |fault| fault.label()),
    }
}

/// How often each endpoint was asked for.
pub(super) fn asked(sandbox: &Sandbox) -> Vec<Count> {
    let count = |endpoint| sandbox.requests.count(endpoint);
    sandbox.endpoints().map(|on| Count { label: on.label, count: count(on) }).collect()
}

fn times(left: u32) -> String {
    format!("{left} 次")
}

pub(super) fn faults(sandbox: &Sandbox) -> Vec<FaultRow> {
    let request = |Active { rule: RequestRule { on, fault }, left, .. }| FaultRow {
        on: on.map_or("任何接口", |endpoint| endpoint.label).to_owned(),
        fault: fault.label().to_owned(),
        left: times(left),
    };
    let requests = sandbox.faults.active_on_requests().into_iter().map(request);
    let callbacks = sandbox.faults.active_on_callbacks().into_iter().map(|active| FaultRow {
        on: match active.rule.about {
            Some(number) => format!("通知 {number}"),
            None => "任何通知".to_owned(),
        },
        fault: active.rule.fault.label().to_owned(),
        left: times(active.left),
    });
    let seeded = sandbox.faults.seeded().map(|seeded| FaultRow {
        on: if seeded.on.is_empty() {
            "任何接口和通知".to_owned()
        } else {
            seeded.on.join("、")
        },
        fault: format!("按种子 {} 抽取", seeded.seed),
        left: format!("每 {} 条一次", seeded.one_in),
    });
    requests.chain(callbacks).chain(seeded).collect()
}
