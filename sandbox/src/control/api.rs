//! The control API's part that concerns all stand-ins, for tests and scripts.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Json, Query};
use serde::Deserialize;
use serde_json::json;

use super::{Advance, NewSettings, Settings, read_options, refuse};
use crate::callbacks::Release;
use crate::state::Sandbox;

#[derive(Deserialize)]
pub(super) struct AboutQuery {
    #[serde(rename = "out_trade_no")]
    number: Option<String>,
}

/// The tries that reported on one number, oldest first; without a number the last of all, newest
/// first.
pub(super) async fn deliveries(about: Query<AboutQuery>, sandbox: Data<Sandbox>) -> HttpResponse {
    let items = match &about.number {
        Some(number) => sandbox.callbacks.deliveries_of(number),
        None => sandbox.callbacks.deliveries(),
    };
    HttpResponse::Ok().json(json!({ "items": items }))
}

pub(super) async fn settings(sandbox: Data<Sandbox>) -> HttpResponse {
    HttpResponse::Ok().json(Settings::of(&sandbox))
}

pub(super) async fn set(wanted: Json<NewSettings>, sandbox: Data<Sandbox>) -> HttpResponse {
    wanted.apply(&sandbox);
    HttpResponse::Ok().json(Settings::of(&sandbox))
}

pub(super) async fn advance(step: Json<Advance>, sandbox: Data<Sandbox>) -> HttpResponse {
    step.apply(&sandbox);
    HttpResponse::NoContent().finish()
}

pub(super) async fn release(body: Bytes, sandbox: Data<Sandbox>) -> HttpResponse {
    let Some(how) = read_options::<Release>(&body) else {
        return refuse(StatusCode::BAD_REQUEST, "请求体应为空，或是 order、seed、times、parallel");
    };
    match sandbox.callbacks.release(how).await {
        Ok(tally) => HttpResponse::Ok().json(tally),
        Err(refusal) => refuse(refusal.status(), &refusal.to_string()),
    }
}

/// The requests about one number, oldest first; without a number the last of all, newest first.
pub(super) async fn requests(about: Query<AboutQuery>, sandbox: Data<Sandbox>) -> HttpResponse {
    let items = match &about.number {
        Some(number) => sandbox.requests.about(number),
        None => sandbox.requests.log(),
    };
    HttpResponse::Ok().json(json!({ "counts": sandbox.requests.counts(), "items": items }))
}

pub(super) async fn forget_requests(sandbox: Data<Sandbox>) -> HttpResponse {
    sandbox.requests.forget();
    HttpResponse::NoContent().finish()
}
