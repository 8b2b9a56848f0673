//! The till's page and its API.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Json, Path};
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;
use serde::Deserialize;
use serde_json::json;

use super::{Report, TillAct, TillFault, TillKey, TillRefusal, Tills};
use crate::page;

#[derive(Template)]
#[template(path = "till/till.html")]
struct TillPage<'a> {
    keys: Vec<&'a TillKey>,
}

/// A charge; the fault applies to it alone.
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

/// School and id.
type TillPath = Path<(String, String)>;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let till = |under: &str| format!("/sandbox/api/tills/{{school}}/{{id}}{under}");
    config
        .route("/till", web::get().to(show))
        .route("/sandbox/assets/till.css", web::get().to(style))
        .route("/sandbox/assets/till.js", web::get().to(script))
        .route("/sandbox/assets/terminal.js", web::get().to(shared_script))
        .route("/sandbox/api/tills", web::get().to(list))
        .route(&till(""), web::get().to(one))
        .route(&till("/charge"), web::post().to(charge))
        .route(&till("/password"), web::post().to(password))
        .route(&till("/reverse"), web::post().to(reverse))
        .route(&till("/repeat"), web::post().to(repeat))
        .route(&till("/forget"), web::post().to(forget));
}

async fn show(tills: Data<Tills>) -> HttpResponse {
    page::ok(&TillPage { keys: tills.all().collect() })
}

async fn style() -> HttpResponse {
    let style = include_str!("../../../assets/till.css");
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(style)
}

async fn script() -> HttpResponse {
    let script = include_str!("../../../assets/till.js");
    HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(script)
}

/// What the pages of tills and of gates share.
async fn shared_script() -> HttpResponse {
    let script = include_str!("../../../assets/terminal.js");
    HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(script)
}

async fn list(tills: Data<Tills>) -> HttpResponse {
    let till = |key: &TillKey| json!({ "school": key.school, "id": key.id });
    let items: Vec<_> = tills.all().map(till).collect();
    HttpResponse::Ok().json(json!({ "items": items }))
}

async fn one(till: TillPath, tills: Data<Tills>) -> HttpResponse {
    match tills.config(&till.0, &till.1).await {
        Ok((config, pending)) => {
            HttpResponse::Ok().json(json!({ "config": config, "pending": pending }))
        }
        Err(refusal) => refuse(&refusal),
    }
}

async fn charge(till: TillPath, wanted: Json<Charge>, tills: Data<Tills>) -> HttpResponse {
    let Charge { code, amount_fen, fault } = wanted.into_inner();
    act(&till, TillAct::Charge { code, amount_fen }, fault, &tills).await
}

async fn password(till: TillPath, wanted: Json<Password>, tills: Data<Tills>) -> HttpResponse {
    let Password { password, fault } = wanted.into_inner();
    act(&till, TillAct::Password(password), fault, &tills).await
}

async fn reverse(till: TillPath, wanted: Json<Reversal>, tills: Data<Tills>) -> HttpResponse {
    act(&till, TillAct::Reverse, wanted.fault, &tills).await
}

async fn repeat(till: TillPath, tills: Data<Tills>) -> HttpResponse {
    act(&till, TillAct::Repeat, None, &tills).await
}

async fn forget(till: TillPath, tills: Data<Tills>) -> HttpResponse {
    match tills.forget(&till.0, &till.1).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(refusal) => refuse(&refusal),
    }
}

async fn act(
    till: &(String, String),
    order: TillAct,
    fault: Option<TillFault>,
    tills: &Tills,
) -> HttpResponse {
    let report: Result<Report, _> = tills.act((&till.0, &till.1), order, fault).await;
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
