//! How the system runs.

use crate::{
    audit::LedgerCheck,
    base::{
        clock::Timestamp,
        http::{
            ApiError,
            problem::{self, Problem, problem_kinds},
        },
        job_runs::JobRun,
    },
    key_trials::{KeyTrialError, KeyTrialState, PAUSE},
    orders::fact::Provider,
    reconciliation::BillStanding,
    staff::{
        HealthLevel, SchoolHealth, StaffDesk,
        guard::{May, ReadHealth, TryKeys},
    },
};
use actix_web::{
    get, post,
    web::{Data, Json, Path},
};
use serde::Serialize;

problem_kinds! {
    TRIED_JUST_NOW = "keys_tried_just_now", 429, "刚刚试过，10 秒后可以再试";
}

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
    /// The last check of the whole ledger; `null` where there was none.
    ledger_check: Option<CheckView>,
    /// The bills of each provider that is configured.
    bills: Vec<LastBillView>,
    /// The work in the background, of all schools.
    jobs: Vec<JobView>,
    /// What others refused for ever, by kind and reason. It counts for no level.
    refused: Vec<RefusedView>,
    providers: Vec<ProviderView>,
    /// The keys of the providers that are configured for the school.
    keys: Vec<KeyTrialView>,
}

/// The keys of a provider, and what their last try found.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct KeyTrialView {
    /// Its section of the configuration.
    provider: &'static str,
    /// What it is called, in Chinese.
    title: &'static str,
    /// `good`, `wrong` or `unknown`; `null` where they were never tried.
    verdict: Option<&'static str>,
    /// What was found, as in `wrong_key`.
    finding: Option<&'static str>,
    /// What was proven, or what is wrong and what to do, in Chinese.
    words: String,
    /// How far the server's clock is ahead of the provider's, where that told its time.
    clock_ahead_seconds: Option<i64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    tried_at: Option<Timestamp>,
    /// Who tried them, as the audit log names them.
    tried_by: Option<String>,
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

/// A check of the whole ledger.
#[derive(Serialize, utoipa::ToSchema)]
struct CheckView {
    level: &'static str,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Whether every law holds.
    holds: bool,
}

/// The bills of a provider.
#[derive(Serialize, utoipa::ToSchema)]
struct LastBillView {
    #[schema(value_type = String)]
    provider: Provider,
    /// `late` where one bill is due and not compared, `stuck` for more.
    level: &'static str,
    /// The last day that was compared; `null` where none was.
    date: Option<String>,
    /// When a bill was last compared.
    #[schema(value_type = Option<String>, format = DateTime)]
    compared_at: Option<Timestamp>,
    /// How many days are due whose bills have not come.
    missing: u64,
}

/// A job, at whatever server it runs.
#[derive(Serialize, utoipa::ToSchema)]
struct JobView {
    name: String,
    /// `late` where it has failed for five minutes, `stuck` for an hour.
    level: &'static str,
    /// When its work was last done.
    #[schema(value_type = Option<String>, format = DateTime)]
    done_at: Option<Timestamp>,
    /// When it last failed.
    #[schema(value_type = Option<String>, format = DateTime)]
    failed_at: Option<Timestamp>,
    /// What that was: `database`, `provider`, `stopped` or `other`.
    failure: Option<String>,
    /// Since when it fails; `null` where its last turn was done.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
}

/// What others refused.
#[derive(Serialize, utoipa::ToSchema)]
struct RefusedView {
    kind: String,
    /// The reason's code; empty where none was kept.
    reason: String,
    count: u64,
    #[schema(value_type = String, format = DateTime)]
    last_at: Timestamp,
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
    Ok(Json(view(health)))
}

/// Asks a provider a question that changes nothing there, and says what that proves of the keys, or what is
/// wrong with them. The answer is kept. Takes up to 10 s; 429 within 10 s of the last try of the same provider.
/// The roles `network_center` and `admin` may.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("provider" = String, Path, description = "As `keys` of the answer to GET names it")),
    responses((status = 200, body = KeyTrialView), (status = 403, body = Problem),
        (status = 404, description = "The school has no such provider", body = Problem),
        (status = 429, description = "`keys_tried_just_now`", body = Problem)))]
#[post("/health/providers/{provider}/try")]
pub(super) async fn try_keys(
    member: May<TryKeys>,
    provider: Path<String>,
    desk: Data<StaffDesk>,
) -> Result<Json<KeyTrialView>, ApiError> {
    Ok(Json(key_view(desk.try_keys(&member, &provider).await?)))
}

fn key_view(state: KeyTrialState) -> KeyTrialView {
    let KeyTrialState { section, title, last, words } = state;
    let tried = last.as_ref().map(|last| &last.tried);
    KeyTrialView {
        provider: section,
        title,
        verdict: tried.map(|tried| tried.finding.verdict().code()),
        finding: tried.map(|tried| tried.finding.code()),
        words,
        clock_ahead_seconds: tried.and_then(|tried| tried.clock_ahead_seconds),
        tried_at: last.as_ref().map(|last| last.at),
        tried_by: last.map(|last| last.by),
    }
}

impl From<KeyTrialError> for ApiError {
    fn from(error: KeyTrialError) -> Self {
        match error {
            KeyTrialError::NotConfigured => Self::new(problem::NOT_FOUND),
            KeyTrialError::TooSoon => Self::new(TRIED_JUST_NOW).retry_after(PAUSE),
            KeyTrialError::Right(refusal) => refusal.into(),
            KeyTrialError::CutOff | KeyTrialError::Db(_) => Self::internal(&error),
        }
    }
}

fn bills_view(bills: &BillStanding, level: HealthLevel) -> LastBillView {
    LastBillView {
        provider: bills.provider,
        level: level.code(),
        date: bills.last.map(|(day, _)| day.to_string()),
        compared_at: bills.last.map(|(_, at)| at),
        missing: bills.missing,
    }
}

fn job_view(job: &JobRun, level: HealthLevel) -> JobView {
    JobView {
        name: job.name.clone(),
        level: level.code(),
        done_at: job.done_at,
        failed_at: job.failed.as_ref().map(|(at, _)| *at),
        failure: job.failed.as_ref().map(|(_, kind)| kind.clone()),
        failing_since: job.failing_since,
    }
}

fn view(health: SchoolHealth) -> HealthView {
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
    let bills = health.bills.iter().map(|bills| bills_view(bills, health.of_bills(bills)));
    let jobs = health.jobs.iter().map(|job| job_view(job, health.of_job(job)));
    let refused = health.refused.iter().map(|group| RefusedView {
        kind: group.kind.clone(),
        reason: group.reason.clone(),
        count: group.jobs,
        last_at: group.last,
    });
    let check = |check: LedgerCheck| CheckView {
        level: health.of_check().code(),
        at: check.at,
        holds: check.holds,
    };
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
        ledger_check: health.check.map(check),
        bills: bills.collect(),
        jobs: jobs.collect(),
        refused: refused.collect(),
        providers: providers.collect(),
        keys: health.keys.into_iter().map(key_view).collect(),
    }
}
