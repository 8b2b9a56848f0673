//! Faults on demand, in the control API and behind the forms of the control page.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Form, Json};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Deserialize;
use serde_json::json;

use super::refuse;
use crate::faults::{
    Active, BILL_CONTENT, CallbackFault, CallbackRule, FaultRefusal, Faults, RequestFault,
    RequestRule, Seeded,
};
use crate::page;
use crate::state::Sandbox;

const BACK: &str = "/sandbox#faults";
/// The doors that are no endpoints.
const DOORS: [&str; 3] = ["callback", "alipay_callback", BILL_CONTENT];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestWanted {
    on: Option<String>,
    fault: RequestFault,
    #[serde(default = "once")]
    times: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallbackWanted {
    out_trade_no: Option<String>,
    fault: CallbackFault,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default = "once")]
    times: u32,
}

/// The fields as a form sends them: an empty text stands for an absent one.
#[derive(Deserialize)]
pub(super) struct RequestForm {
    #[serde(default)]
    on: String,
    fault: RequestFault,
    times: u32,
}

#[derive(Deserialize)]
pub(super) struct CallbackForm {
    #[serde(default)]
    out_trade_no: String,
    fault: CallbackFault,
    delay_ms: u64,
    times: u32,
}

#[derive(Deserialize)]
pub(super) struct SeedForm {
    seed: u64,
    one_in: u64,
}

const fn once() -> u32 {
    1
}

/// Why a rule was not made.
#[derive(Debug, thiserror::Error)]
enum RuleRefusal {
    #[error("没有这个接口")]
    NoSuchEndpoint,
    #[error(transparent)]
    Fault(#[from] FaultRefusal),
}

impl RequestWanted {
    fn order(self, sandbox: &Sandbox) -> Result<(), RuleRefusal> {
        let on = self.on.map(|name| {
            let found = sandbox.endpoints().find(|endpoint| endpoint.name == name);
            found.ok_or(RuleRefusal::NoSuchEndpoint)
        });
        let rule = RequestRule { on: on.transpose()?, fault: self.fault };
        sandbox.faults.on_requests(rule, self.times)?;
        Ok(())
    }
}

impl CallbackWanted {
    fn order(self, sandbox: &Sandbox) -> Result<(), RuleRefusal> {
        let Self { out_trade_no: about, fault, delay_ms, times } = self;
        sandbox.faults.on_callbacks(CallbackRule { about, fault, delay_ms }, times)?;
        Ok(())
    }
}

/// Draws faults through these doors from now on.
fn draw(seeded: Seeded, sandbox: &Sandbox) -> Result<(), RuleRefusal> {
    let doors = sandbox.endpoints().map(|endpoint| endpoint.name).chain(DOORS);
    let doors: Vec<_> = doors.collect();
    if seeded.on.iter().any(|on| !doors.contains(&on.as_str())) {
        return Err(RuleRefusal::NoSuchEndpoint);
    }
    Ok(sandbox.faults.by_seed(Some(seeded))?)
}

pub(super) async fn list(sandbox: Data<Sandbox>) -> HttpResponse {
    list_of(StatusCode::OK, &sandbox.faults)
}

pub(super) async fn on_requests(
    wanted: Json<RequestWanted>,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    answer(wanted.into_inner().order(&sandbox), &sandbox.faults)
}

pub(super) async fn on_callbacks(
    wanted: Json<CallbackWanted>,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    answer(wanted.into_inner().order(&sandbox), &sandbox.faults)
}

pub(super) async fn by_seed(wanted: Json<Seeded>, sandbox: Data<Sandbox>) -> HttpResponse {
    answer(draw(wanted.into_inner(), &sandbox), &sandbox.faults)
}

pub(super) async fn clear(sandbox: Data<Sandbox>) -> HttpResponse {
    sandbox.faults.clear();
    list_of(StatusCode::OK, &sandbox.faults)
}

pub(super) async fn on_requests_by_form(
    form: Form<RequestForm>,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    let RequestForm { on, fault, times } = form.into_inner();
    let on = Some(on).filter(|name| !name.is_empty());
    back(RequestWanted { on, fault, times }.order(&sandbox))
}

pub(super) async fn on_callbacks_by_form(
    form: Form<CallbackForm>,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    let CallbackForm { out_trade_no, fault, delay_ms, times } = form.into_inner();
    let out_trade_no = Some(out_trade_no.trim().to_owned()).filter(|number| !number.is_empty());
    back(CallbackWanted { out_trade_no, fault, delay_ms, times }.order(&sandbox))
}

pub(super) async fn by_seed_by_form(form: Form<SeedForm>, sandbox: Data<Sandbox>) -> HttpResponse {
    let SeedForm { seed, one_in } = form.into_inner();
    back(draw(Seeded::everywhere(seed, one_in), &sandbox))
}

pub(super) async fn clear_by_form(sandbox: Data<Sandbox>) -> HttpResponse {
    sandbox.faults.clear();
    page::see_other(BACK)
}

fn answer(done: Result<(), RuleRefusal>, faults: &Faults) -> HttpResponse {
    match done {
        Ok(()) => list_of(StatusCode::CREATED, faults),
        Err(refusal) => refuse(StatusCode::BAD_REQUEST, &refusal.to_string()),
    }
}

fn back(done: Result<(), RuleRefusal>) -> HttpResponse {
    match done {
        Ok(()) => page::see_other(BACK),
        Err(refusal) => page::not_done(StatusCode::BAD_REQUEST, &refusal),
    }
}

fn list_of(status: StatusCode, faults: &Faults) -> HttpResponse {
    let requests: Vec<Active<RequestRule>> = faults.active_on_requests();
    let callbacks: Vec<Active<CallbackRule>> = faults.active_on_callbacks();
    let seeded = faults.seeded();
    HttpResponseBuilder::new(status)
        .json(json!({ "requests": requests, "callbacks": callbacks, "seeded": seeded }))
}
