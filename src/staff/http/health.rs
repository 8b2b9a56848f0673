//! How the system runs.

use crate::{
    base::{
        clock::Timestamp,
        http::{ApiError, problem::Problem},
    },
    orders::fact::Provider,
    staff::{
        SchoolHealth, StaffDesk,
        guard::{May, ReadHealth},
    },
};
use actix_web::{
    get,
    web::{Data, Json},
};
use serde::Serialize;

/// How the system runs for the school. Each `level` is `well`, `late` (work waits for five minutes or more) or
/// `stuck` (for an hour or more).
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct HealthView {
    /// The worst of all levels.
    level: &'static str,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What is to be told to others, by kind; kinds of which nothing waits are left out.
    outbox: Vec<BacklogView>,
    sealing: SealingView,
    providers: Vec<ProviderView>,
}

/// What waits of a kind.
#[derive(Serialize, utoipa::ToSchema)]
struct BacklogView {
    kind: String,
    level: &'static str,
    waiting: u64,
    #[schema(value_type = String, format = DateTime)]
    oldest_at: Timestamp,
    /// The most tries that one has had.
    tries: i32,
}

/// How far the ledger is sealed.
#[derive(Serialize, utoipa::ToSchema)]
struct SealingView {
    level: &'static str,
    /// Of the last seal; 0 if there is none.
    position: i64,
    #[schema(value_type = Option<String>, format = DateTime)]
    sealed_at: Option<Timestamp>,
    /// Batches that wait, up to 1,000.
    waiting: u64,
}

/// A payment provider.
#[derive(Serialize, utoipa::ToSchema)]
struct ProviderView {
    #[schema(value_type = String)]
    provider: Provider,
    level: &'static str,
    /// When a message of it was last accepted.
    #[schema(value_type = Option<String>, format = DateTime)]
    heard_at: Option<Timestamp>,
    /// Open payments that it should have been asked about.
    overdue: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    overdue_since: Option<Timestamp>,
}

/// How the system runs for the school. The roles `network_center`, `admin`, `finance` and `auditor` may.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    responses((status = 200, body = HealthView), (status = 403, body = Problem)))]
#[get("/health")]
pub(super) async fn show(
    member: May<ReadHealth>,
    desk: Data<StaffDesk>,
) -> Result<Json<HealthView>, ApiError> {
    let health = desk.health(&member).await.map_err(|error| ApiError::internal(&error))?;
    Ok(Json(view(&health)))
}

fn view(health: &SchoolHealth) -> HealthView {
    let backlog = health.outbox.iter().map(|backlog| BacklogView {
        level: health.of_backlog(backlog).code(),
        kind: backlog.kind.clone(),
        waiting: backlog.waiting,
        oldest_at: backlog.oldest,
        tries: backlog.tries,
    });
    let providers = health.providers.iter().map(|state| ProviderView {
        provider: state.provider,
        level: health.of_provider(state).code(),
        heard_at: state.heard_at,
        overdue: state.overdue,
        overdue_since: state.overdue_since,
    });
    HealthView {
        level: health.worst().code(),
        at: health.now,
        outbox: backlog.collect(),
        sealing: SealingView {
            level: health.of_sealing().code(),
            position: health.sealing.position,
            sealed_at: health.sealing.sealed_at,
            waiting: health.sealing.waiting,
        },
        providers: providers.collect(),
    }
}
