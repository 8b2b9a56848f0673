//! What waits for a member, and how the day goes.

use crate::{
    base::{
        clock::Timestamp,
        http::{ApiError, Principal, problem::Problem},
        money::Fen,
    },
    orders::fact::Provider,
    staff::{Today, TodayDesk, today::TodayCount},
    staff_accounts::StaffMember,
};
use actix_web::{
    get,
    web::{Data, Json},
};
use serde::Serialize;
use std::sync::Arc;

/// So many rows of a list are counted.
const COUNTED: u32 = 1000;

/// What waits for the member, and how the day goes. What the member may not see is left out or `null`.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct TodayView {
    /// The day in Beijing.
    day: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Lists in which something waits for the member to act.
    waiting: Vec<TodayCountView>,
    /// Lists in which something is out of order.
    noted: Vec<TodayCountView>,
    money: Option<TodayMoneyView>,
    /// The payment providers.
    providers: Option<Vec<TodayProviderView>>,
    /// Until when the ledger is sealed.
    #[schema(value_type = Option<String>, format = DateTime)]
    sealed_at: Option<Timestamp>,
    /// The last check of the whole ledger.
    ledger_check: Option<TodayCheckView>,
}

/// A list in which there is something.
#[derive(Serialize, utoipa::ToSchema)]
struct TodayCountView {
    /// `refund_requests`, `repair_requests`, `adjustment_requests`, `password_resets`, `staff_requests`,
    /// `policy_requests`, `free_cases`, `own_cases`, `open_bill_days`, `awaited_bill_days`, `checked_rosters`,
    /// `differences_of_yesterday`, `failed_messages`, `many_reveals` (since yesterday), `terminals_off`.
    list: &'static str,
    /// How many; 1,001 stands for more than 1,000, but for messages.
    count: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_at: Option<Timestamp>,
}

/// The money of the day so far, as the providers' bills count it.
#[derive(Serialize, utoipa::ToSchema)]
struct TodayMoneyView {
    #[schema(value_type = i64)]
    paid_fen: Fen,
    #[schema(value_type = i64)]
    back_fen: Fen,
    /// The 24 hours of the day.
    hours: Vec<TodayHourView>,
}

/// The money of an hour.
#[derive(Serialize, utoipa::ToSchema)]
struct TodayHourView {
    #[schema(value_type = i64)]
    paid_fen: Fen,
    #[schema(value_type = i64)]
    back_fen: Fen,
}

/// A payment provider.
#[derive(Serialize, utoipa::ToSchema)]
struct TodayProviderView {
    #[schema(value_type = String)]
    provider: Provider,
    /// When a message of it was last accepted.
    #[schema(value_type = Option<String>, format = DateTime)]
    heard_at: Option<Timestamp>,
    /// Open payments that it should have been asked about.
    overdue: u64,
}

/// A check of the whole ledger.
#[derive(Serialize, utoipa::ToSchema)]
struct TodayCheckView {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Whether every law holds.
    holds: bool,
}

/// What waits for whoever is signed in, and how the day goes, as far as the roles let one see.
#[utoipa::path(tag = "staff", security(("staff" = [])), responses(
    (status = 200, body = TodayView), (status = 401, body = Problem)))]
#[get("/today")]
pub(super) async fn show(
    member: Principal<Arc<StaffMember>>,
    desk: Data<TodayDesk>,
) -> Result<Json<TodayView>, ApiError> {
    // Boxed: it asks all the rooms.
    Ok(Json(view(Box::pin(desk.today(&member, COUNTED + 1)).await?)))
}

fn view(today: Today) -> TodayView {
    let sums = today.sums();
    let Today { waiting, noted, money, providers, sealing, checked, day, now } = today;
    let hours = money.map(|hours| hours.into_iter().map(hour).collect());
    let provider = |pulse: crate::orders::due::ProviderPulse| TodayProviderView {
        provider: pulse.provider,
        heard_at: pulse.heard_at,
        overdue: pulse.overdue,
    };
    TodayView {
        day: day.to_string(),
        at: now,
        waiting: waiting.into_iter().map(count).collect(),
        noted: noted.into_iter().map(count).collect(),
        money: sums.zip(hours).map(|([paid_fen, back_fen], hours)| TodayMoneyView {
            paid_fen,
            back_fen,
            hours,
        }),
        providers: providers.map(|all| all.into_iter().map(provider).collect()),
        sealed_at: sealing.and_then(|sealing| sealing.sealed_at),
        ledger_check: checked
            .map(|checked| TodayCheckView { at: checked.at, holds: checked.holds }),
    }
}

const fn hour([paid_fen, back_fen]: [Fen; 2]) -> TodayHourView {
    TodayHourView { paid_fen, back_fen }
}

const fn count(TodayCount { kind, count, oldest }: TodayCount) -> TodayCountView {
    TodayCountView { list: kind, count, oldest_at: oldest }
}
