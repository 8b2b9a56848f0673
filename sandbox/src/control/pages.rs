//! The control page. It works without scripts; the script only refreshes it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Form, Path, Query};
use askama::Template;
use serde::{Deserialize, Serialize};

use super::rows::{
    self, Choice, Count, DeliveryRow, FaultRow, MerchantRow, PaymentRow, RequestRow,
};
use super::{Act, Change, Leap, Settings, status_of};
use crate::faults::{CallbackFault, RequestFault};
use crate::page;
use crate::requests::Endpoint;
use crate::state::Sandbox;
use crate::wechat::User;
use crate::wechat_pay::{CallbackMode, MAX_SPEED, Release, Repeat};

const PAGE_LENGTH: usize = 20;

#[derive(Deserialize)]
pub(super) struct Visit {
    /// Of the payments, from 1.
    page: Option<usize>,
    /// Of the tries of callbacks, from 1.
    tries: Option<usize>,
    /// Of the requests, from 1.
    requests: Option<usize>,
}

#[derive(Template)]
#[template(path = "control.html")]
struct Control {
    settings: Settings,
    manual: bool,
    max_speed: u32,
    states: Vec<Count>,
    asked: Vec<Count>,
    faults: Vec<FaultRow>,
    endpoints: Vec<Choice>,
    request_faults: Vec<Choice>,
    callback_faults: Vec<Choice>,
    merchants: Vec<MerchantRow>,
    users: Vec<User>,
    payments: Vec<PaymentRow>,
    payment_pages: Pages,
    deliveries: Vec<DeliveryRow>,
    delivery_pages: Pages,
    requests: Vec<RequestRow>,
    request_pages: Pages,
}

/// A place in a list of pages, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pages {
    here: usize,
    last: usize,
    total: usize,
}

impl Pages {
    fn new(wanted: Option<usize>, total: usize) -> Self {
        let last = total.div_ceil(PAGE_LENGTH).max(1);
        Self { here: wanted.unwrap_or(1).clamp(1, last), last, total }
    }

    fn skipped(self) -> usize {
        (self.here - 1) * PAGE_LENGTH
    }

    /// What stands on this page.
    fn part<T>(self, whole: Vec<T>) -> impl Iterator<Item = T> {
        whole.into_iter().skip(self.skipped()).take(PAGE_LENGTH)
    }
}

impl Control {
    fn of(sandbox: &Sandbox, visit: &Visit) -> Self {
        let pay = &sandbox.wechat_pay;
        let payment_pages = Pages::new(visit.page, pay.payments(0, 0).1);
        let (payments, _) = pay.payments(payment_pages.skipped(), PAGE_LENGTH);
        let deliveries = pay.deliveries();
        let delivery_pages = Pages::new(visit.tries, deliveries.len());
        let requests = sandbox.requests.log();
        let request_pages = Pages::new(visit.requests, requests.len());
        let (states, asked) = rows::counts(sandbox);
        let demo_users = |app_id| sandbox.wechat.demo_users_of(app_id).unwrap_or_default();
        Self {
            settings: Settings::of(sandbox),
            manual: pay.callback_mode() == CallbackMode::Manual,
            max_speed: MAX_SPEED,
            states,
            asked,
            faults: rows::faults(sandbox),
            endpoints: Endpoint::ALL.map(|on| choice(&on, on.label())).into(),
            request_faults: RequestFault::ALL.map(|fault| choice(&fault, fault.label())).into(),
            callback_faults: CallbackFault::ALL.map(|fault| choice(&fault, fault.label())).into(),
            merchants: pay.merchants().into_iter().map(rows::merchant).collect(),
            users: sandbox.wechat.app_ids().flat_map(demo_users).collect(),
            payments: payments.into_iter().map(|row| rows::payment(row, sandbox)).collect(),
            payment_pages,
            deliveries: delivery_pages.part(deliveries).map(rows::delivery).collect(),
            delivery_pages,
            requests: request_pages.part(requests).map(rows::request).collect(),
            request_pages,
        }
    }
}

/// The value as JSON writes it, without its quotation marks.
fn choice(value: &impl Serialize, label: &'static str) -> Choice {
    let value = serde_json::to_value(value).unwrap_or_default();
    Choice { value: value.as_str().unwrap_or_default().to_owned(), label }
}

pub(super) async fn show(visit: Query<Visit>, sandbox: Data<Sandbox>) -> HttpResponse {
    page::ok(&Control::of(&sandbox, &visit))
}

pub(super) async fn act(
    path: Path<(String, Act)>,
    how: Form<Repeat>,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    let (out_trade_no, act) = path.into_inner();
    match act.perform(&sandbox.wechat_pay, &out_trade_no, how.into_inner()).await {
        Ok(_) => page::see_other("/sandbox#payments"),
        Err(refusal) => {
            page::refused(status_of(&refusal), "没有执行", &refusal.to_string(), "/sandbox")
        }
    }
}

pub(super) async fn set(wanted: Form<Change>, sandbox: Data<Sandbox>) -> HttpResponse {
    wanted.apply(&sandbox);
    page::see_other("/sandbox")
}

pub(super) async fn advance(leap: Form<Leap>, sandbox: Data<Sandbox>) -> HttpResponse {
    leap.perform(&sandbox);
    page::see_other("/sandbox")
}

pub(super) async fn release(how: Form<Release>, sandbox: Data<Sandbox>) -> HttpResponse {
    match sandbox.wechat_pay.release(how.into_inner()).await {
        Ok(_) => page::see_other("/sandbox#tries"),
        Err(refusal) => {
            page::refused(status_of(&refusal), "没有执行", &refusal.to_string(), "/sandbox")
        }
    }
}

pub(super) async fn nowhere() -> HttpResponse {
    page::refused(StatusCode::NOT_FOUND, "没有这个地址", "沙箱没有模拟这个接口或页面", "/sandbox")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_clamped() {
        let table = [
            (None, 0, (1, 1, 0)),
            (Some(9), 0, (1, 1, 0)),
            (Some(0), 41, (1, 3, 0)),
            (Some(3), 41, (3, 3, 40)),
            (Some(4), 41, (3, 3, 40)),
        ];
        for (wanted, total, (here, last, skipped)) in table {
            let pages = Pages::new(wanted, total);
            assert_eq!((pages.here, pages.last, pages.skipped()), (here, last, skipped));
        }
    }
}
