//! Faults on demand, for the JSON twin and for the page.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Form, Json};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Deserialize;
use serde_json::json;

use crate::faults::{
    Active, CallbackFault, CallbackRule, FaultRefusal, Faults, RequestFault, RequestRule,
};
use crate::page;
use crate::requests::Endpoint;
use crate::state::Sandbox;

const BACK: &str = "/sandbox#faults";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestWanted {
    on: Option<Endpoint>,
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

/// As a form sends it: an empty text stands for an absent one.
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

const fn once() -> u32 {
    1
}

impl RequestWanted {
    fn order(self, faults: &Faults) -> Result<u64, FaultRefusal> {
        faults.on_requests(RequestRule { on: self.on, fault: self.fault }, self.times)
    }
}

impl CallbackWanted {
    fn order(self, faults: &Faults) -> Result<u64, FaultRefusal> {
        let Self { out_trade_no, fault, delay_ms, times } = self;
        faults.on_callbacks(CallbackRule { out_trade_no, fault, delay_ms }, times)
    }
}

pub(super) async fn list(sandbox: Data<Sandbox>) -> HttpResponse {
    told(StatusCode::OK, &sandbox.faults)
}

pub(super) async fn on_requests(
    wanted: Json<RequestWanted>,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    ordered(wanted.into_inner().order(&sandbox.faults), &sandbox.faults)
}

pub(super) async fn on_callbacks(
    wanted: Json<CallbackWanted>,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    ordered(wanted.into_inner().order(&sandbox.faults), &sandbox.faults)
}

pub(super) async fn clear(sandbox: Data<Sandbox>) -> HttpResponse {
    sandbox.faults.clear();
    told(StatusCode::OK, &sandbox.faults)
}

pub(super) async fn on_requests_by_form(
    form: Form<RequestForm>,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    let RequestForm { on, fault, times } = form.into_inner();
    let on = Endpoint::ALL.into_iter().find(|endpoint| endpoint.name() == on);
    shown(RequestWanted { on, fault, times }.order(&sandbox.faults))
}

pub(super) async fn on_callbacks_by_form(
    form: Form<CallbackForm>,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    let CallbackForm { out_trade_no, fault, delay_ms, times } = form.into_inner();
    let out_trade_no = Some(out_trade_no.trim().to_owned()).filter(|number| !number.is_empty());
    shown(CallbackWanted { out_trade_no, fault, delay_ms, times }.order(&sandbox.faults))
}

pub(super) async fn clear_by_form(sandbox: Data<Sandbox>) -> HttpResponse {
    sandbox.faults.clear();
    page::see_other(BACK)
}

fn ordered(done: Result<u64, FaultRefusal>, faults: &Faults) -> HttpResponse {
    match done {
        Ok(_) => told(StatusCode::CREATED, faults),
        Err(refusal) => HttpResponse::BadRequest().json(json!({ "message": refusal.to_string() })),
    }
}

fn shown(done: Result<u64, FaultRefusal>) -> HttpResponse {
    match done {
        Ok(_) => page::see_other(BACK),
        Err(refusal) => {
            page::refused(StatusCode::BAD_REQUEST, "没有执行", &refusal.to_string(), "/sandbox")
        }
    }
}

fn told(status: StatusCode, faults: &Faults) -> HttpResponse {
    let requests: Vec<Active<RequestRule>> = faults.active_on_requests();
    let callbacks: Vec<Active<CallbackRule>> = faults.active_on_callbacks();
    HttpResponseBuilder::new(status).json(json!({ "requests": requests, "callbacks": callbacks }))
}
