//! The control page. It works without scripts; the script only refreshes it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Form, Path, Query};
use askama::Template;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Act, Settings, status_of};
use crate::clock::china;
use crate::page::{self, yuan};
use crate::state::Sandbox;
use crate::wechat::User;
use crate::wechat_pay::{CallbackMode, CallbackState, Delivery, MAX_SPEED, PaymentView, Repeat};

const PAGE_LENGTH: usize = 20;

#[derive(Deserialize)]
pub(super) struct Visit {
    /// Of the payments, from 1.
    page: Option<usize>,
    /// Of the tries of callbacks, from 1.
    tries: Option<usize>,
}

#[derive(Template)]
#[template(path = "control.html")]
struct Control<'a> {
    mch_id: &'a str,
    app_id: &'a str,
    settings: Settings,
    manual: bool,
    max_speed: u32,
    users: Vec<User>,
    payments: Vec<PaymentRow>,
    payment_pages: Pages,
    deliveries: Vec<DeliveryRow>,
    delivery_pages: Pages,
}

/// A place in a list of pages, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pages {
    here: usize,
    last: usize,
    total: usize,
}

struct PaymentRow {
    payment: PaymentView,
    amount: String,
    payer: String,
    created: String,
    state: &'static str,
    callback: &'static str,
}

struct DeliveryRow {
    delivery: Delivery,
    sent: String,
    accepted: bool,
    outcome: String,
    body: String,
}

impl Pages {
    fn new(wanted: Option<usize>, total: usize) -> Self {
        let last = total.div_ceil(PAGE_LENGTH).max(1);
        Self { here: wanted.unwrap_or(1).clamp(1, last), last, total }
    }

    fn skipped(self) -> usize {
        (self.here - 1) * PAGE_LENGTH
    }
}

impl<'a> Control<'a> {
    fn of(sandbox: &'a Sandbox, visit: &Visit) -> Self {
        let pay = &sandbox.wechat_pay;
        let payment_pages = Pages::new(visit.page, pay.payments(0, 0).1);
        let (payments, _) = pay.payments(payment_pages.skipped(), PAGE_LENGTH);
        let deliveries = pay.deliveries();
        let delivery_pages = Pages::new(visit.tries, deliveries.len());
        let shown = deliveries.into_iter().skip(delivery_pages.skipped()).take(PAGE_LENGTH);
        Self {
            mch_id: &sandbox.keys.credentials.wechat_pay.mch_id,
            app_id: &sandbox.keys.credentials.wechat.app_id,
            settings: Settings::of(pay),
            manual: pay.callback_mode() == CallbackMode::Manual,
            max_speed: MAX_SPEED,
            users: sandbox.wechat.demo_users(),
            payments: payments.into_iter().map(|payment| payment_row(payment, sandbox)).collect(),
            payment_pages,
            deliveries: shown.map(delivery_row).collect(),
            delivery_pages,
        }
    }
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

pub(super) async fn set(wanted: Form<Settings>, sandbox: Data<Sandbox>) -> HttpResponse {
    wanted.apply(&sandbox.wechat_pay);
    page::see_other("/sandbox")
}

pub(super) async fn nowhere() -> HttpResponse {
    page::refused(StatusCode::NOT_FOUND, "没有这个地址", "沙箱没有模拟这个接口或页面", "/sandbox")
}

fn payment_row(payment: PaymentView, sandbox: &Sandbox) -> PaymentRow {
    let payer = sandbox.wechat.user_by_openid(&payment.openid);
    PaymentRow {
        amount: yuan(payment.total_fen),
        payer: payer.map_or_else(String::new, |user| user.name),
        created: moment(payment.created_at),
        state: match payment.trade_state {
            "SUCCESS" => "已支付",
            "CLOSED" => "已关闭",
            _ => "待支付",
        },
        callback: callback_label(payment.callback),
        payment,
    }
}

fn callback_label(state: CallbackState) -> &'static str {
    match state {
        CallbackState::Waiting => "—",
        CallbackState::Held => "已扣留",
        CallbackState::Dropped => "已丢弃",
        CallbackState::Underway => "投递中",
        CallbackState::Accepted => "已送达",
        CallbackState::GivenUp => "已放弃",
    }
}

fn delivery_row(delivery: Delivery) -> DeliveryRow {
    DeliveryRow {
        sent: moment(delivery.sent_at),
        accepted: delivery.outcome.accepted(),
        outcome: delivery.outcome.to_string(),
        body: delivery.outcome.body().to_owned(),
        delivery,
    }
}

fn moment(at: DateTime<Utc>) -> String {
    china(at).format("%m-%d %H:%M:%S").to_string()
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
