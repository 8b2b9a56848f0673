//! Exports of lists, as jobs.

use crate::{
    base::{
        clock::Timestamp,
        db::Keyset,
        http::{
            ApiError, Principal, ValidJson,
            problem::{NOT_FOUND, Problem},
        },
        table_file::TableFormat,
    },
    exports::{Export, ExportDesk, ExportId, ExportKind, ExportState, Exports, NewExport},
    staff_accounts::StaffMember,
};
use actix_web::{
    HttpResponse, get,
    http::header,
    post,
    web::{Bytes, Data, Json, Path},
};
use futures_util::TryStreamExt;
use garde::Validate;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is to be exported.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct ExportRequest {
    /// `orders`, `people`, `cases`, `terminals`, `audit`, `refund_requests`, `repair_requests`, `adjustments`,
    /// `password_resets`, `staff_requests`, `policy_requests`, `statement`, `merchants`, `staff`, `bill_days`, `door_rights`, `access_log` or `messages`.
    #[garde(length(bytes, min = 1, max = 20))]
    list: String,
    /// The filter as the address of the list's page has it, as in `state=open&kind=refund_failed`.
    #[garde(length(bytes, max = 2000))]
    #[serde(default)]
    query: String,
    #[garde(skip)]
    format: TableFormat,
}

/// An export.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ExportView {
    #[schema(value_type = Uuid)]
    id: ExportId,
    /// Also `unknown`: a newer release made it.
    list: &'static str,
    /// Likewise.
    format: &'static str,
    #[schema(value_type = String, format = DateTime)]
    asked_at: Timestamp,
    /// `running`, `done` or `failed`.
    state: &'static str,
    /// Why it failed: `no_right`, `bad_filter`, `too_many` (more than 1,000,000 rows or 256 MiB),
    /// `broken` or `unknown`.
    failure: Option<&'static str>,
    /// Rows that were read.
    rows: u64,
    /// From then on the file is gone.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// The own exports.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ExportList {
    /// The newest first; at most 50.
    items: Vec<ExportView>,
}

impl From<Export> for ExportView {
    fn from(export: Export) -> Self {
        let (state, failure) = match export.state {
            ExportState::Running => ("running", None),
            ExportState::Done(_) => ("done", None),
            ExportState::Failed(failure) => ("failed", Some(failure.code())),
        };
        Self {
            id: export.id,
            list: export.what.as_ref().map_or("unknown", |what| what.kind.code()),
            format: export.what.as_ref().map_or("unknown", |what| what.format.code()),
            asked_at: export.asked_at,
            state,
            failure,
            rows: export.rows,
            expires_at: export.expires_at,
        }
    }
}

/// Asks for a list as a file, with the right that its page needs; people need `card_office` and a second
/// factor of the last ten minutes. The same one that is under way is not begun again; at most three are at a
/// time.
#[utoipa::path(tag = "staff", security(("staff" = [])), request_body = ExportRequest,
    responses((status = 202, body = ExportView), (status = 403, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem)))]
#[post("/exports")]
pub(super) async fn ask(
    member: Principal<Arc<StaffMember>>,
    asked: ValidJson<ExportRequest>,
    desk: Data<ExportDesk>,
) -> Result<HttpResponse, ApiError> {
    let ExportRequest { list, query, format } = asked.into_inner();
    let kind = ExportKind::ALL.into_iter().find(|kind| kind.code() == list);
    let kind = kind.ok_or_else(|| ApiError::new(NOT_FOUND))?;
    let id = desk.ask(&member, &NewExport { kind, query, format }).await?;
    let export = desk.exports.find(&member, id).await?;
    Ok(HttpResponse::Accepted().json(ExportView::from(export)))
}

/// The own exports of the last 24 hours.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    responses((status = 200, body = ExportList)))]
#[get("/exports")]
pub(super) async fn mine(
    member: Principal<Arc<StaffMember>>,
    desk: Data<ExportDesk>,
) -> Result<Json<ExportList>, ApiError> {
    let newest = Keyset { beyond: None, descending: true, most: Exports::SHOWN };
    let items = desk.exports.of(&member, newest).await?;
    Ok(Json(ExportList { items: items.into_iter().map(ExportView::from).collect() }))
}

/// An own export.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    responses((status = 200, body = ExportView), (status = 404, body = Problem)))]
#[get("/exports/{id}")]
pub(super) async fn show(
    member: Principal<Arc<StaffMember>>,
    id: Path<ExportId>,
    desk: Data<ExportDesk>,
) -> Result<Json<ExportView>, ApiError> {
    Ok(Json(desk.exports.find(&member, *id).await?.into()))
}

/// Its file.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    responses((status = 200, content_type = "application/octet-stream"),
        (status = 404, body = Problem)))]
#[get("/exports/{id}/file")]
pub(super) async fn file(
    member: Principal<Arc<StaffMember>>,
    id: Path<ExportId>,
    desk: Data<ExportDesk>,
) -> Result<HttpResponse, ApiError> {
    let (file, parts) = desk.exports.file(&member, *id).await?;
    let export = desk.exports.find(&member, *id).await?;
    let what = export.what.ok_or_else(|| ApiError::new(NOT_FOUND))?;
    Ok(HttpResponse::Ok()
        .content_type(what.format.content_type())
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", file.name),
        ))
        .streaming(Box::pin(parts.map_ok(Bytes::from))))
}
