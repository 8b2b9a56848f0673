//! Merchants as members of staff read and change them.

use super::{
    requests::DEFAULT_LIMIT,
    terminals::{StaffTerminalView, StopRequest, view as terminal_view},
};
use crate::{
    base::{
        clock::Timestamp,
        db::Keyset,
        http::{ApiError, PageSize, ValidJson, not_blank, problem::Problem},
        money::Fen,
    },
    staff::{
        MerchantAsk, MerchantQuery, TakingMerchant, TerminalDesk,
        guard::{ChangeTerminals, May, ReadTerminals, StopTerminals},
    },
    terminals::MerchantId,
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A merchant.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffMerchantView {
    id: Uuid,
    code: String,
    /// As shown to students.
    name: String,
    /// Whether it sells.
    enabled: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// How many terminals it has.
    terminals: usize,
    /// What it took today in Beijing, less what was reversed.
    #[schema(value_type = i64)]
    taken_today_fen: Fen,
    charges_today: u64,
}

/// A page of merchants.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffMerchantList {
    items: Vec<StaffMerchantView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// A merchant with its terminals.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffMerchantDetail {
    #[serde(flatten)]
    merchant: StaffMerchantView,
    /// Those that were silent the longest first, at most a hundred.
    terminals_shown: Vec<StaffTerminalView>,
}

/// A merchant to be added.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct NewMerchantRequest {
    /// a-z, 0-9, hyphen and underscore.
    #[garde(length(chars, min = 1, max = 32))]
    code: String,
    /// As shown to students.
    #[garde(length(chars, min = 1, max = 40))]
    name: String,
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// Why a merchant sells again.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct StartMerchantRequest {
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// Which part of the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct MerchantPage {
    /// At most so many; 1 to 100, otherwise 50.
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
}

/// Merchants, newest first. The roles `card_office`, `finance`, `network_center` and `auditor` may.
#[utoipa::path(tag = "staff", params(MerchantQuery, MerchantPage), security(("staff" = [])),
    responses((status = 200, body = StaffMerchantList), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
#[get("/merchants")]
pub(super) async fn list(
    member: May<ReadTerminals>,
    query: Query<MerchantQuery>,
    page: Query<MerchantPage>,
    desk: Data<TerminalDesk>,
) -> Result<Json<StaffMerchantList>, ApiError> {
    let filter = query.filter(member.school)?;
    let size = PageSize::asked(page.limit, DEFAULT_LIMIT);
    let read = Keyset { beyond: page.cursor, descending: true, most: size.to_read() };
    let found = desk.merchants(&filter, read).await?;
    let (found, next_cursor) = size.page(found, |one| one.listed.merchant.id.to_string());
    Ok(Json(StaffMerchantList { items: found.into_iter().map(view).collect(), next_cursor }))
}

/// A merchant with its terminals. The same roles may.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The merchant")),
    responses((status = 200, body = StaffMerchantDetail), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[get("/merchants/{id}")]
pub(super) async fn show(
    member: May<ReadTerminals>,
    id: Path<MerchantId>,
    desk: Data<TerminalDesk>,
) -> Result<Json<StaffMerchantDetail>, ApiError> {
    let (detail, now) = (desk.merchant(&member, id.into_inner()).await?, desk.clock.now());
    let terminals = detail.terminals.into_iter();
    Ok(Json(StaffMerchantDetail {
        merchant: view(detail.one),
        terminals_shown: terminals.map(|terminal| terminal_view(terminal, now)).collect(),
    }))
}

/// Adds a merchant. The roles `card_office` and `network_center` may.
#[utoipa::path(tag = "staff", request_body = NewMerchantRequest, security(("staff" = [])),
    responses((status = 201, body = StaffMerchantView),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`",
            body = Problem),
        (status = 409, description = "`code_taken`", body = Problem),
        (status = 422, body = Problem)))]
#[post("/merchants")]
pub(super) async fn add(
    member: May<ChangeTerminals>,
    body: ValidJson<NewMerchantRequest>,
    desk: Data<TerminalDesk>,
) -> Result<HttpResponse, ApiError> {
    let NewMerchantRequest { code, name, reason } = body.into_inner();
    let id = desk.add_merchant(&member, &MerchantAsk { code, name, reason }).await?;
    Ok(HttpResponse::Created().json(view(desk.merchant(&member, id).await?.one)))
}

/// Switches a merchant off: none of its terminals charges once this is answered. One that is off stays so. No
/// second factor is asked for. The roles `card_office`, `finance` and `network_center` may.
#[utoipa::path(tag = "staff", request_body = StopRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The merchant")),
    responses((status = 200, body = StaffMerchantView), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[post("/merchants/{id}/disable")]
pub(super) async fn stop(
    member: May<StopTerminals>,
    id: Path<MerchantId>,
    body: ValidJson<StopRequest>,
    desk: Data<TerminalDesk>,
) -> Result<Json<StaffMerchantView>, ApiError> {
    let (id, reason) = (id.into_inner(), body.into_inner().reason());
    desk.switch_merchant(&member, (id, false), &reason).await?;
    Ok(Json(view(desk.merchant(&member, id).await?.one)))
}

/// Switches a merchant on. The roles `card_office` and `network_center` may.
#[utoipa::path(tag = "staff", request_body = StartMerchantRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The merchant")),
    responses((status = 200, body = StaffMerchantView),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`",
            body = Problem),
        (status = 404, body = Problem)))]
#[post("/merchants/{id}/enable")]
pub(super) async fn start(
    member: May<ChangeTerminals>,
    id: Path<MerchantId>,
    body: ValidJson<StartMerchantRequest>,
    desk: Data<TerminalDesk>,
) -> Result<Json<StaffMerchantView>, ApiError> {
    let (id, reason) = (id.into_inner(), body.into_inner().reason);
    desk.switch_merchant(&member, (id, true), &reason).await?;
    Ok(Json(view(desk.merchant(&member, id).await?.one)))
}

fn view(TakingMerchant { listed, terminals, charges, taken }: TakingMerchant) -> StaffMerchantView {
    StaffMerchantView {
        id: listed.merchant.id.uuid(),
        code: listed.merchant.code,
        name: listed.merchant.name,
        enabled: listed.merchant.enabled,
        created_at: listed.created_at,
        terminals,
        taken_today_fen: taken,
        charges_today: charges,
    }
}
