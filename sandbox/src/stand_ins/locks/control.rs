//! The locks on the control page and in the control API.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Form, Json, Path, ServiceConfig};
use askama::Template;
use serde::Deserialize;
use serde_json::json;

use super::book::Outcome;
use super::{LockBehaviour, Locks};
use crate::control::{Count, PAGE_LENGTH, Panel, moment, refuse};
use crate::page;

/// A lock, as the page shows it.
struct LockLine {
    id: String,
    opened: u64,
    behaviour: LockBehaviour,
}

/// An order, as the page shows it.
struct OrderLine {
    at: String,
    lock_id: String,
    outcome: &'static str,
    request_id: String,
}

#[derive(Template)]
#[template(path = "locks/locks.html")]
struct LocksSection {
    locks: Vec<LockLine>,
    orders: Vec<OrderLine>,
    behaviours: [LockBehaviour; 6],
}

impl LockBehaviour {
    /// As the control API writes it.
    fn code(self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value.as_str().unwrap_or_default().to_owned()
    }
}

pub(super) fn panel(locks: &Locks) -> Panel {
    let now = locks.clock.now();
    let orders = locks.orders();
    let count =
        Count { label: "开门请求", count: u64::try_from(orders.len()).unwrap_or(u64::MAX) };
    let line = |order: super::LockOrder| OrderLine {
        at: moment(order.at),
        outcome: match order.outcome(now) {
            Outcome::Opened => "已开",
            Outcome::Refused(_) => "未开",
            Outcome::NotKnownYet | Outcome::NotReceived => "未上报",
        },
        lock_id: order.lock_id,
        request_id: order.request_id,
    };
    let section = LocksSection {
        locks: locks
            .all()
            .into_iter()
            .map(|(id, lock)| LockLine { id, opened: lock.opened, behaviour: lock.behaviour })
            .collect(),
        orders: orders.into_iter().take(PAGE_LENGTH).map(line).collect(),
        behaviours: LockBehaviour::ALL,
    };
    Panel { counts: vec![count], activity: vec![page::section(&section)], ..Panel::default() }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    behaviour: LockBehaviour,
}

#[derive(Deserialize)]
struct ChangeForm {
    lock_id: String,
    behaviour: LockBehaviour,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/sandbox/locks", web::post().to(set_by_form))
        .route("/sandbox/api/locks", web::get().to(list))
        .route("/sandbox/api/locks/orders", web::get().to(orders))
        .route("/sandbox/api/locks/{lock_id}", web::post().to(set));
}

async fn list(locks: Data<Locks>) -> HttpResponse {
    HttpResponse::Ok().json(locks.all())
}

async fn orders(locks: Data<Locks>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "items": locks.orders() }))
}

async fn set(lock_id: Path<String>, change: Json<Change>, locks: Data<Locks>) -> HttpResponse {
    if locks.set(&lock_id, change.behaviour) {
        HttpResponse::Ok().json(json!({ "lock_id": *lock_id, "behaviour": change.behaviour }))
    } else {
        refuse(StatusCode::CONFLICT, "门锁太多")
    }
}

async fn set_by_form(change: Form<ChangeForm>, locks: Data<Locks>) -> HttpResponse {
    if locks.set(&change.lock_id, change.behaviour) {
        page::see_other("/sandbox#locks")
    } else {
        page::not_done(StatusCode::CONFLICT, &"门锁太多")
    }
}
