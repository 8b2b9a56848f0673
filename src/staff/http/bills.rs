//! Days of bills, what differs on them, and differences that two persons accept.

use super::requests::{ApproveRequest, DEFAULT_LIMIT, RejectRequest, RequestPage, RequestView};
use crate::{
    approvals::{ApprovalId, ApprovalQuery},
    base::{
        clock::Timestamp,
        db::Keyset,
        http::{ApiError, IdempotencyKey, PageSize, ValidJson, not_blank, problem::Problem},
    },
    orders::fact::Provider,
    reconciliation::{
        BillDay, ProposedRepair,
        listing::{BillDayQuery, BillDayState},
    },
    staff::{
        BillDesk, RepairAsk, StaffRepair,
        guard::{AskRepair, DecideRepair, May, ReadBills},
    },
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a difference is accepted as it stands.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct NewRepairRequest {
    /// Why, for whoever decides and for the audit log.
    #[garde(custom(not_blank), length(chars, max = 200))]
    reason: String,
}

/// A day of a provider's bills, as it was last compared.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct BillDayView {
    id: Uuid,
    #[schema(value_type = String)]
    provider: Provider,
    /// The merchant number at the provider.
    merchant: String,
    /// The day in Beijing, as in `2026-11-28`.
    date: String,
    /// `closed` where nothing differs; `open`; `awaited` where the bill should be there and has not been compared.
    /// Of such a day what is the provider's is 0.
    state: &'static str,
    /// Rows of the bill that are ours.
    our_rows: u64,
    /// Payments of ours on that day.
    paid_count: u64,
    paid_fen: i64,
    /// Refunds of ours that were done on that day.
    back_count: u64,
    back_fen: i64,
    /// Our payments in the bill.
    billed_fen: i64,
    /// Our refunds in the bill.
    refunded_fen: i64,
    /// Fees, less those that were given back.
    fee_fen: i64,
    /// Merchant's coupons, less those of refunds.
    coupon_fen: i64,
    open_differences: u64,
    /// `null` while the bill is awaited.
    #[schema(value_type = Option<String>, format = DateTime)]
    compared_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    closed_at: Option<Timestamp>,
    /// When late rows or differences last opened it again.
    #[schema(value_type = Option<String>, format = DateTime)]
    reopened_at: Option<Timestamp>,
    /// Who closed the day by hand, as the audit log names them; `null` where nobody did, or where its figures
    /// have changed since.
    confirmed_by: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    confirmed_at: Option<Timestamp>,
    /// Refunds in this bill that are still under way with us: no difference, though the sums differ by them.
    refunds_under_way_fen: i64,
}

/// A page of days.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct BillDayList {
    items: Vec<BillDayView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// In what the bill and our books differ.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct DifferenceView {
    id: Uuid,
    /// `payment` or `refund`.
    entry: &'static str,
    /// The provider's number of it; ours where the provider has none.
    number: String,
    /// Our number of the payment.
    out_trade_no: String,
    /// `ours_only`, `theirs_only`, `amount`, `state`, `fee`, `day`, `ledger`,
    /// `withdrawn`.
    field: &'static str,
    /// What we have; empty for nothing.
    ours: String,
    /// What the provider has; empty for nothing.
    theirs: String,
    /// Of an amount: what the provider has more than we. Else the whole amount.
    stake_fen: i64,
    /// What accepting it gives to the person, less what was moved because of earlier bills; below zero for
    /// what is taken, `null` where it moves nothing. Once it is accepted, what is left to move.
    moves_fen: Option<i64>,
    /// `ask_provider`, `correct_balance`, `ask_support`, `verify`.
    repair: &'static str,
    /// `open`, `waiting` (for the neighbouring day's bill), `repaired`, `accepted`, `gone`.
    state: &'static str,
}

/// A page of differences.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct DifferenceList {
    items: Vec<DifferenceView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// A request to accept a difference.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct RepairView {
    #[serde(flatten)]
    request: RequestView,
    difference: DifferenceView,
}

/// A page of requests.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct RepairList {
    items: Vec<RepairView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// Which part of a list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BillPage {
    /// At most so many; 1 to 100, otherwise 50.
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
    /// Of differences: also those that have ended.
    #[serde(default)]
    ended: bool,
}

impl BillPage {
    fn size(&self) -> PageSize {
        PageSize::asked(self.limit, DEFAULT_LIMIT)
    }

    fn read(&self, descending: bool) -> Keyset {
        Keyset { beyond: self.cursor, descending, most: self.size().to_read() }
    }
}

/// Days whose bills were compared, newest first. The roles `finance` and `auditor` may.
#[utoipa::path(tag = "staff", params(BillDayQuery, BillPage), security(("staff" = [])),
    responses((status = 200, body = BillDayList), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
#[get("/reconciliation/days")]
pub(super) async fn days(
    member: May<ReadBills>,
    query: Query<BillDayQuery>,
    page: Query<BillPage>,
    desk: Data<BillDesk>,
) -> Result<Json<BillDayList>, ApiError> {
    let size = page.size();
    let found = desk.days(&member, &query, page.read(true)).await?;
    let (found, next_cursor) = size.page(found, |day| day.id.to_string());
    Ok(Json(BillDayList { items: found.into_iter().map(day_view).collect(), next_cursor }))
}

/// What differs on a day: what is open or waits, or also what has ended.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The day"), BillPage),
    responses((status = 200, body = DifferenceList), (status = 404, body = Problem)))]
#[get("/reconciliation/days/{id}/differences")]
pub(super) async fn differences(
    member: May<ReadBills>,
    day: Path<Uuid>,
    page: Query<BillPage>,
    desk: Data<BillDesk>,
) -> Result<Json<DifferenceList>, ApiError> {
    let size = page.size();
    let which = (day.into_inner(), page.ended);
    let found = desk.differences(&member, which, page.read(false)).await?;
    let (found, next_cursor) = size.page(found, |one| one.id.to_string());
    let items = found.into_iter().map(difference_view).collect();
    Ok(Json(DifferenceList { items, next_cursor }))
}

/// Proposes to accept a difference as it stands, which another person must approve within seven days.
/// Where its repair is `correct_balance`, approving posts `moves_fen` to the person. The role `finance`
/// may.
#[utoipa::path(tag = "staff", request_body = NewRepairRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The difference"),
        ("Idempotency-Key" = String, Header, description = "1 to 64 visible ASCII characters")),
    responses((status = 201, body = RepairView),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`, `own_money`",
            body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_open` (`approval` names it), \
            `difference_changed`", body = Problem)))]
#[post("/reconciliation/differences/{id}/repair")]
pub(super) async fn ask(
    member: May<AskRepair>,
    key: IdempotencyKey,
    difference: Path<Uuid>,
    body: ValidJson<NewRepairRequest>,
    desk: Data<BillDesk>,
) -> Result<HttpResponse, ApiError> {
    let (difference, reason) = (difference.into_inner(), body.into_inner().reason);
    let ask = RepairAsk { difference, reason, key: key.as_str().to_owned() };
    let asked = desk.ask_repair(&member, &ask).await?;
    Ok(HttpResponse::Created().json(view(asked, desk.clock.now())))
}

/// Requests to accept differences, newest first. The roles `finance` and `auditor` may.
#[utoipa::path(tag = "staff", params(ApprovalQuery, RequestPage), security(("staff" = [])),
    responses((status = 200, body = RepairList), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
#[get("/reconciliation/repairs")]
pub(super) async fn list(
    member: May<ReadBills>,
    which: Query<ApprovalQuery>,
    page: Query<RequestPage>,
    desk: Data<BillDesk>,
) -> Result<Json<RepairList>, ApiError> {
    let (size, page) = page.into_inner().parts();
    let found = desk.repairs(&member, &which, page).await?;
    let (found, next_cursor) = size.page(found, |one| one.approval.id.to_string());
    let now = desk.clock.now();
    Ok(Json(RepairList {
        items: found.into_iter().map(|one| view(one, now)).collect(),
        next_cursor,
    }))
}

/// A request to accept a difference.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The request")),
    responses((status = 200, body = RepairView), (status = 404, body = Problem)))]
#[get("/reconciliation/repairs/{id}")]
pub(super) async fn show(
    member: May<ReadBills>,
    id: Path<ApprovalId>,
    desk: Data<BillDesk>,
) -> Result<Json<RepairView>, ApiError> {
    let found = desk.repair(&member, id.into_inner()).await?;
    Ok(Json(view(found, desk.clock.now())))
}

/// Approves a request: the difference is accepted, and a correction posted. Another person than who
/// asked, with the role `finance`.
#[utoipa::path(tag = "staff", request_body = ApproveRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The request")),
    responses((status = 200, body = RepairView),
        (status = 403, description = "`second_person_needed`, `staff_right_missing`, \
            `second_factor_needed`, `own_money`", body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over` with `state`, `difference_changed`, \
            `refund_spent`", body = Problem)))]
#[post("/reconciliation/repairs/{id}/approve")]
pub(super) async fn approve(
    member: May<DecideRepair>,
    id: Path<ApprovalId>,
    body: ValidJson<ApproveRequest>,
    desk: Data<BillDesk>,
) -> Result<Json<RepairView>, ApiError> {
    let why = body.into_inner().reason.unwrap_or_default();
    let decided = desk.approve_repair(&member, id.into_inner(), &why).await?;
    Ok(Json(view(decided, desk.clock.now())))
}

/// Rejects a request. Another person than who asked, with the role `finance`.
#[utoipa::path(tag = "staff", request_body = RejectRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The request")),
    responses((status = 200, body = RepairView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over` with `state`", body = Problem)))]
#[post("/reconciliation/repairs/{id}/reject")]
pub(super) async fn reject(
    member: May<DecideRepair>,
    id: Path<ApprovalId>,
    body: ValidJson<RejectRequest>,
    desk: Data<BillDesk>,
) -> Result<Json<RepairView>, ApiError> {
    let why = body.into_inner().reason;
    let decided = desk.reject_repair(&member, id.into_inner(), &why).await?;
    Ok(Json(view(decided, desk.clock.now())))
}

/// Takes one's own request back.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The request")),
    responses((status = 200, body = RepairView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over` with `state`", body = Problem)))]
#[post("/reconciliation/repairs/{id}/withdraw")]
pub(super) async fn withdraw(
    member: May<AskRepair>,
    id: Path<ApprovalId>,
    desk: Data<BillDesk>,
) -> Result<Json<RepairView>, ApiError> {
    let decided = desk.withdraw_repair(&member, id.into_inner()).await?;
    Ok(Json(view(decided, desk.clock.now())))
}

pub(super) fn day_view(day: BillDay) -> BillDayView {
    let is_awaited = day.is_awaited();
    let BillDay { id, key, state, totals, compared_at, closed_at, reopened_at, .. } = day;
    let (confirmed_by, confirmed_at) = day.confirmed.unzip();
    BillDayView {
        id,
        provider: key.provider,
        merchant: key.merchant,
        date: key.day.to_string(),
        state: if is_awaited { BillDayState::Awaited.code() } else { state.code() },
        our_rows: totals.our_rows,
        paid_count: totals.paid_count,
        paid_fen: totals.paid_fen,
        back_count: totals.back_count,
        back_fen: totals.back_fen,
        billed_fen: totals.billed_fen,
        refunded_fen: totals.refunded_fen,
        fee_fen: totals.fee_fen,
        coupon_fen: totals.coupon_fen,
        open_differences: totals.open_differences,
        compared_at: (!is_awaited).then_some(compared_at),
        closed_at,
        reopened_at,
        confirmed_by,
        confirmed_at,
        refunds_under_way_fen: day.apart.on_the_way,
    }
}

fn difference_view(proposed: ProposedRepair) -> DifferenceView {
    let moves_fen = proposed.moves_fen();
    let (difference, state) = (proposed.found.difference, proposed.found.state);
    DifferenceView {
        id: proposed.id,
        entry: difference.entry,
        number: difference.number,
        out_trade_no: difference.out_trade_no,
        field: difference.differs.code(),
        ours: difference.ours,
        theirs: difference.theirs,
        stake_fen: difference.stake_fen,
        moves_fen,
        repair: difference.repair.code(),
        state: state.code(),
    }
}

fn view(repair: StaffRepair, now: Timestamp) -> RepairView {
    let StaffRepair { approval, difference } = repair;
    RepairView { request: RequestView::of(approval, now), difference: difference_view(difference) }
}
