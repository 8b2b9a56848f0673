//! The control page. It works without scripts; the script only refreshes it.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Form, Query};
use askama::Template;
use serde::Serialize;

use super::panel::{Count, Link, Pages, Panel, Visit};
use super::rows::{self, DeliveryRow, FaultRow, FormChoice, RequestRow};
use super::{Advance, NewSettings, Settings};
use crate::callbacks::{CallbackMode, MAX_SPEED, Release};
use crate::endpoint::Endpoint;
use crate::faults::{CallbackFault, RequestFault};
use crate::page;
use crate::state::Sandbox;

#[derive(Template)]
#[template(path = "control.html")]
struct Control {
    links: Vec<Link>,
    counts: Vec<Count>,
    asked: Vec<Count>,
    activity: Vec<String>,
    deliveries: Vec<DeliveryRow>,
    delivery_pages: Pages,
    settings: Settings,
    manual: bool,
    max_speed: u32,
    endpoints: Vec<FormChoice>,
    request_faults: Vec<FormChoice>,
    callback_faults: Vec<FormChoice>,
    faults: Vec<FaultRow>,
    requests: Vec<RequestRow>,
    request_pages: Pages,
    setup: Vec<String>,
}

impl Control {
    fn of(sandbox: &Sandbox, visit: &Visit) -> Self {
        let stand_ins = sandbox.stand_ins();
        let panels = stand_ins.iter().map(|stand_in| stand_in.panel(visit));
        let Panel { links, counts, activity, setup } = panels.fold(Panel::default(), Panel::and);
        let deliveries = sandbox.callbacks.deliveries();
        let delivery_pages = visit.pages("tries", deliveries.len());
        let requests = sandbox.requests.log();
        let request_pages = visit.pages("requests", requests.len());
        let endpoint = |on: Endpoint| FormChoice { value: on.name.to_owned(), label: on.label };
        Self {
            links,
            counts,
            asked: rows::asked(sandbox),
            activity,
            deliveries: delivery_pages.part(deliveries).map(rows::delivery).collect(),
            delivery_pages,
            settings: Settings::of(sandbox),
            manual: sandbox.callbacks.mode() == CallbackMode::Manual,
            max_speed: MAX_SPEED,
            endpoints: sandbox.endpoints().map(endpoint).collect(),
            request_faults: RequestFault::ALL.map(|fault| choice(fault, fault.label())).into(),
            callback_faults: CallbackFault::ALL.map(|fault| choice(fault, fault.label())).into(),
            faults: rows::faults(sandbox),
            requests: request_pages.part(requests).map(rows::request).collect(),
            request_pages,
            setup,
        }
    }
}

/// The value as JSON writes it, without its quotation marks.
fn choice(value: impl Serialize, label: &'static str) -> FormChoice {
    let value = serde_json::to_value(value).unwrap_or_default();
    FormChoice { value: value.as_str().unwrap_or_default().to_owned(), label }
}

pub(super) async fn show(
    query: Query<HashMap<String, String>>,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    page::ok(&Control::of(&sandbox, &Visit(query.into_inner())))
}

pub(super) async fn set(wanted: Form<NewSettings>, sandbox: Data<Sandbox>) -> HttpResponse {
    wanted.apply(&sandbox);
    page::see_other("/sandbox")
}

pub(super) async fn advance(step: Form<Advance>, sandbox: Data<Sandbox>) -> HttpResponse {
    step.apply(&sandbox);
    page::see_other("/sandbox")
}

pub(super) async fn release(how: Form<Release>, sandbox: Data<Sandbox>) -> HttpResponse {
    match sandbox.callbacks.release(how.into_inner()).await {
        Ok(_) => page::see_other("/sandbox#tries"),
        Err(refusal) => page::not_done(refusal.status(), &refusal),
    }
}

pub(super) async fn nowhere() -> HttpResponse {
    page::refused(StatusCode::NOT_FOUND, "没有这个地址", "沙箱没有模拟这个接口或页面", "/sandbox")
}
