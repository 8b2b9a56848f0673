//! Liveness, readiness and metrics endpoints.

use crate::{
    app::App,
    base::{clock::Timestamp, telemetry::Counters},
};
use actix_web::{
    HttpResponse, get,
    http::StatusCode,
    web::{self, Data, Json},
};
use serde::Serialize;
use std::{future::Future, time::Duration};
use utoipa_actix_web::service_config::ServiceConfig;

/// The time limit of one check.
const LIMIT: Duration = Duration::from_secs(2);
/// 2026-01-01T00:00:00Z. The clock of a server cannot be earlier: the program is newer.
const WRITTEN: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// Mounts `/healthz` and `/readyz`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(healthz).service(readyz);
}

/// Mounts `/metrics`, on a separate port.
pub fn configure_metrics(counters: Counters) -> impl FnOnce(&mut web::ServiceConfig) {
    |config| {
        config.app_data(Data::new(counters)).route("/metrics", web::get().to(metrics));
    }
}

/// The process is alive.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Alive {
    /// Always `alive`.
    status: &'static str,
}

/// Whether the server accepts requests, and if not, why.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Readiness {
    /// True if all `checks` are `ok`.
    ready: bool,
    checks: Checks,
}

/// What readiness depends on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Checks {
    /// The database answers.
    database: Check,
    /// All migrations are applied.
    migrations: Check,
    /// The key-value store answers.
    key_value_store: Check,
    /// The clock shows a time after this program was written.
    clock: Check,
    /// The server is not shutting down.
    serving: Check,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Check {
    Ok,
    Failed,
}

impl Check {
    const fn of(holds: bool) -> Self {
        if holds { Self::Ok } else { Self::Failed }
    }
}

impl Checks {
    fn all_ok(&self) -> bool {
        let all = [self.database, self.migrations, self.key_value_store, self.clock, self.serving];
        all.into_iter().all(|check| check == Check::Ok)
    }
}

/// Whether the process is alive; checks nothing else.
#[utoipa::path(
    tag = "operation",
    responses((status = 200, description = "Alive", body = Alive))
)]
#[get("/healthz")]
async fn healthz() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// Whether requests may be sent to this server.
#[utoipa::path(
    tag = "operation",
    responses(
        (status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "Not ready, or stopping", body = Readiness),
    )
)]
#[get("/readyz")]
async fn readyz(app: Data<App>) -> (Json<Readiness>, StatusCode) {
    let (database, migrations, key_value_store) = tokio::join!(
        within_limit(async { app.db.ping().await.is_ok() }),
        within_limit(app.is_up_to_date()),
        within_limit(async { app.kv.ping().await.is_ok() }),
    );
    let checks = Checks {
        database,
        migrations,
        key_value_store,
        clock: Check::of(app.clock.now() >= WRITTEN),
        serving: Check::of(!app.is_draining()),
    };
    let ready = checks.all_ok();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (Json(Readiness { ready, checks }), status)
}

async fn within_limit(check: impl Future<Output = bool>) -> Check {
    Check::of(tokio::time::timeout(LIMIT, check).await.unwrap_or(false))
}

async fn metrics(counters: Data<Counters>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(counters.page())
}
