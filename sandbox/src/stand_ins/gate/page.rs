//! The page of gates and desks, and its API.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Json, Path};
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;
use serde::Deserialize;
use serde_json::json;

use super::{GateFault, GateRefusal, GateReport, Gates};
use crate::page;
use crate::stand_ins::till::TillKey;

#[derive(Template)]
#[template(path = "gate/gate.html")]
struct GatePage<'a> {
    keys: Vec<&'a TillKey>,
}

/// A code that was read; the fault applies to it alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scan {
    code: String,
    fault: Option<GateFault>,
}

/// School and id.
type GatePath = Path<(String, String)>;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    let gate = |under: &str| format!("/sandbox/api/gates/{{school}}/{{id}}{under}");
    config
        .route("/gate", web::get().to(show))
        .route("/sandbox/assets/gate.js", web::get().to(script))
        .route("/sandbox/api/gates", web::get().to(list))
        .route(&gate(""), web::get().to(one))
        .route(&gate("/scan"), web::post().to(scan))
        .route(&gate("/repeat"), web::post().to(repeat));
}

async fn show(gates: Data<Gates>) -> HttpResponse {
    page::ok(&GatePage { keys: gates.all().collect() })
}

async fn script() -> HttpResponse {
    let script = include_str!("../../../assets/gate.js");
    HttpResponse::Ok().content_type("text/javascript; charset=utf-8").body(script)
}

async fn list(gates: Data<Gates>) -> HttpResponse {
    let gate = |key: &TillKey| json!({ "school": key.school, "id": key.id });
    let items: Vec<_> = gates.all().map(gate).collect();
    HttpResponse::Ok().json(json!({ "items": items }))
}

async fn one(gate: GatePath, gates: Data<Gates>) -> HttpResponse {
    match gates.config(&gate.0, &gate.1).await {
        Ok((config, pending)) => {
            HttpResponse::Ok().json(json!({ "config": config, "pending": pending }))
        }
        Err(refusal) => refuse(&refusal),
    }
}

async fn scan(gate: GatePath, wanted: Json<Scan>, gates: Data<Gates>) -> HttpResponse {
    let Scan { code, fault } = wanted.into_inner();
    tell(gates.scan((&gate.0, &gate.1), &code, fault).await)
}

async fn repeat(gate: GatePath, gates: Data<Gates>) -> HttpResponse {
    tell(gates.repeat(&gate.0, &gate.1).await)
}

fn tell(report: Result<GateReport, GateRefusal>) -> HttpResponse {
    match report {
        Ok(report) => HttpResponse::Ok().json(report),
        Err(refusal) => refuse(&refusal),
    }
}

fn refuse(refusal: &GateRefusal) -> HttpResponse {
    let (status, answer) = match refusal {
        GateRefusal::NoSuchGate => (StatusCode::NOT_FOUND, None),
        GateRefusal::NothingPending => (StatusCode::CONFLICT, None),
        GateRefusal::Away(answer) => (StatusCode::BAD_GATEWAY, answer.as_ref()),
    };
    let body = json!({ "message": refusal.to_string(), "answer": answer });
    HttpResponseBuilder::new(status).json(body)
}
