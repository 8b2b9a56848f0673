//! The till's page and its JSON.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Json, Path};
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;
use serde::Deserialize;
use serde_json::json;

use super::{Order, Report, TillFault, TillRefusal};
use crate::keys::TillKey;
use crate::page;
use crate::state::Sandbox;

#[derive(Template)]
#[template(path = "till.html")]
struct Page<'a> {
    tills: Vec<&'a TillKey>,
}

/// A charge. A fault is for this once.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Charge {
    code: String,
    amount_fen: i64,
    fault: Option<TillFault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    password: String,
    fault: Option<TillFault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reversal {
    fault: Option<TillFault>,
}

type Which = Path<(String, String)>;

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    let till = |under: &str| format!("/sandbox/api/tills/{{school}}/{{id}}{under}");
    config
        .route("/till", web::get().to(show))
        .route("/sandbox/assets/till.css", web::get().to(style))
        .route("/sandbox/assets/till.js", web::get().to(script))
        .route("/sandbox/api/tills", web::get().to(list))
        .route(&till(""), web::get().to(one))
        .route(&till("/charge"), web::post().to(charge))
        .route(&till("/password"), web::post().to(password))
        .route(&till("/reverse"), web::post().to(reverse))
        .route(&till("/repeat"), web::post().to(repeat))
        .route(&till("/forget"), web::post().to(forget));
}

async fn show(sandbox: Data<Sandbox>) -> HttpResponse {
    page::ok(&Page { tills: sandbox.tills.all().collect() })
}

async fn style() -> HttpResponse {
    let style = include_str!("../../assets/till.css");
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(style)
}

async fn script() -> HttpResponse {
    let script = include_str!("../../assets/till.js");
    HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(script)
}

async fn list(sandbox: Data<Sandbox>) -> HttpResponse {
    let till = |key: &TillKey| json!({ "school": key.school, "id": key.id });
    let items: Vec<_> = sandbox.tills.all().map(till).collect();
    HttpResponse::Ok().json(json!({ "items": items }))
}

async fn one(which: Which, sandbox: Data<Sandbox>) -> HttpResponse {
    match sandbox.tills.config(&which.0, &which.1).await {
        Ok((config, pending)) => {
            HttpResponse::Ok().json(json!({ "config": config, "pending": pending }))
        }
        Err(refusal) => refuse(&refusal),
    }
}

async fn charge(which: Which, wanted: Json<Charge>, sandbox: Data<Sandbox>) -> HttpResponse {
    let Charge { code, amount_fen, fault } = wanted.into_inner();
    act(&which, Order::Charge { code, amount_fen }, fault, &sandbox).await
}

async fn password(which: Which, wanted: Json<Password>, sandbox: Data<Sandbox>) -> HttpResponse {
    let Password { password, fault } = wanted.into_inner();
    act(&which, Order::Password(password), fault, &sandbox).await
}

async fn reverse(which: Which, wanted: Json<Reversal>, sandbox: Data<Sandbox>) -> HttpResponse {
    act(&which, Order::Reverse, wanted.fault, &sandbox).await
}

async fn repeat(which: Which, sandbox: Data<Sandbox>) -> HttpResponse {
    act(&which, Order::Repeat, None, &sandbox).await
}

async fn forget(which: Which, sandbox: Data<Sandbox>) -> HttpResponse {
    match sandbox.tills.forget(&which.0, &which.1).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(refusal) => refuse(&refusal),
    }
}

async fn act(
    which: &(String, String),
    order: Order,
    fault: Option<TillFault>,
    sandbox: &Sandbox,
) -> HttpResponse {
    let report: Result<Report, _> = sandbox.tills.act((&which.0, &which.1), order, fault).await;
    match report {
        Ok(report) => HttpResponse::Ok().json(report),
        Err(refusal) => refuse(&refusal),
    }
}

fn refuse(refusal: &TillRefusal) -> HttpResponse {
    let (status, answer) = match refusal {
        TillRefusal::NoSuchTill => (StatusCode::NOT_FOUND, None),
        TillRefusal::Pending
        | TillRefusal::NothingPending
        | TillRefusal::NoChallenge
        | TillRefusal::NothingCharged => (StatusCode::CONFLICT, None),
        TillRefusal::Away(answer) => (StatusCode::BAD_GATEWAY, answer.as_ref()),
    };
    let body = json!({ "message": refusal.to_string(), "answer": answer });
    HttpResponseBuilder::new(status).json(body)
}
