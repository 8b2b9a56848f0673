//! The JSON twin of the control page, for tests and scripts.

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Json, Path, Query};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Act, Change, Leap, Settings, status_of};
use crate::state::Sandbox;
use crate::wechat_pay::{Release, Repeat};

const USUAL_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 500;

#[derive(Deserialize)]
pub(super) struct Page {
    limit: Option<usize>,
    /// How many of the newest to pass over, as `next_cursor` told.
    cursor: Option<usize>,
}

#[derive(Deserialize)]
pub(super) struct About {
    out_trade_no: Option<String>,
}

pub(super) async fn payments(page: Query<Page>, sandbox: Data<Sandbox>) -> HttpResponse {
    let limit = page.limit.unwrap_or(USUAL_LIMIT).clamp(1, LARGEST_LIMIT);
    let skip = page.cursor.unwrap_or(0);
    let (items, total) = sandbox.wechat_pay.payments(skip, limit);
    let next = skip.saturating_add(limit);
    let next_cursor = (next < total).then_some(next);
    HttpResponse::Ok().json(json!({ "items": items, "next_cursor": next_cursor, "total": total }))
}

pub(super) async fn payment(out_trade_no: Path<String>, sandbox: Data<Sandbox>) -> HttpResponse {
    match sandbox.wechat_pay.payment(&out_trade_no) {
        Some(payment) => HttpResponse::Ok().json(payment),
        None => refuse(StatusCode::NOT_FOUND, "没有这笔订单"),
    }
}

pub(super) async fn act(
    path: Path<(String, Act)>,
    body: Bytes,
    sandbox: Data<Sandbox>,
) -> HttpResponse {
    let (out_trade_no, act) = path.into_inner();
    let Some(how) = read_options::<Repeat>(&body) else {
        return refuse(StatusCode::BAD_REQUEST, "请求体应为空，或是 times、parallel、fresh_id");
    };
    match act.perform(&sandbox.wechat_pay, &out_trade_no, how).await {
        Ok(done) => HttpResponse::Ok().json(done),
        Err(refusal) => refuse(status_of(&refusal), &refusal.to_string()),
    }
}

/// The tries of one payment, oldest first; without one, the last of all, newest first.
pub(super) async fn deliveries(query: Query<About>, sandbox: Data<Sandbox>) -> HttpResponse {
    let items = match &query.out_trade_no {
        Some(out_trade_no) => sandbox.wechat_pay.deliveries_of(out_trade_no),
        None => sandbox.wechat_pay.deliveries(),
    };
    HttpResponse::Ok().json(json!({ "items": items }))
}

pub(super) async fn users(sandbox: Data<Sandbox>) -> HttpResponse {
    let apps = sandbox.wechat.app_ids();
    let users: Vec<_> = apps.filter_map(|app_id| sandbox.wechat.demo_users_of(app_id)).collect();
    HttpResponse::Ok().json(json!({ "items": users.concat() }))
}

pub(super) async fn settings(sandbox: Data<Sandbox>) -> HttpResponse {
    HttpResponse::Ok().json(Settings::of(&sandbox))
}

pub(super) async fn set(wanted: Json<Change>, sandbox: Data<Sandbox>) -> HttpResponse {
    wanted.apply(&sandbox);
    HttpResponse::Ok().json(Settings::of(&sandbox))
}

pub(super) async fn advance(leap: Json<Leap>, sandbox: Data<Sandbox>) -> HttpResponse {
    leap.perform(&sandbox);
    HttpResponse::NoContent().finish()
}

pub(super) async fn release(body: Bytes, sandbox: Data<Sandbox>) -> HttpResponse {
    let Some(how) = read_options::<Release>(&body) else {
        return refuse(StatusCode::BAD_REQUEST, "请求体应为空，或是 order、seed、times、parallel");
    };
    match sandbox.wechat_pay.release(how).await {
        Ok(tally) => HttpResponse::Ok().json(tally),
        Err(refusal) => refuse(status_of(&refusal), &refusal.to_string()),
    }
}

/// The requests about one payment, oldest first; without one, the last of all, newest first.
pub(super) async fn requests(query: Query<About>, sandbox: Data<Sandbox>) -> HttpResponse {
    let items = match &query.out_trade_no {
        Some(out_trade_no) => sandbox.requests.about(out_trade_no),
        None => sandbox.requests.log(),
    };
    HttpResponse::Ok().json(json!({ "counts": sandbox.requests.counts(), "items": items }))
}

pub(super) async fn forget_requests(sandbox: Data<Sandbox>) -> HttpResponse {
    sandbox.requests.forget();
    HttpResponse::NoContent().finish()
}

/// An empty body stands for the defaults.
fn read_options<T: Default + DeserializeOwned>(body: &Bytes) -> Option<T> {
    if body.is_empty() { Some(T::default()) } else { serde_json::from_slice(body).ok() }
}

fn refuse(status: StatusCode, message: &str) -> HttpResponse {
    HttpResponseBuilder::new(status).json(json!({ "message": message }))
}
