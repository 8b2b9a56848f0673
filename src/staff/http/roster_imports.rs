//! Rosters that members of staff upload, check and import.

use super::requests::DEFAULT_LIMIT;
use crate::{
    base::{
        clock::Timestamp,
        db::Keyset,
        http::{
            ApiError, FileForm, PageSize, UploadedFile,
            problem::{Problem, UNSUPPORTED_MEDIA},
        },
        table_file::TableFormat,
    },
    roster_imports::{
        MAX_ROSTER_BYTES, RosterCounts, RosterDesk, RosterDetail, RosterJob, RosterJobId,
        RosterStarter, RosterState, fault_in_words, reason_in_words, refusal_file,
    },
    schools::roster::RosterExample,
    staff::{
        StaffActError,
        guard::{ImportRoster, May, ReadRoster},
    },
};
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, get,
    http::header,
    post,
    web::{Data, Json, Path, Payload, Query},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A form with a roster.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the request; it is received piece by piece")]
pub(super) struct RosterForm {
    /// CSV in UTF-8 or GBK, of at most 32 MB.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// What a body that is the file itself is called.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RosterName {
    /// What the file is called, where the body is the file.
    file_name: Option<String>,
}

/// Which file.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RefusalQuery {
    /// `csv` if left out.
    format: Option<TableFormat>,
}

/// Which part of the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RosterPage {
    /// At most so many; 1 to 100, otherwise 50.
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
    /// `checking`, `checked` (and may still be imported), `importing`, `done` or `failed`.
    state: Option<String>,
}

/// Who uploaded or started it, and when.
#[derive(Serialize, utoipa::ToSchema)]
struct RosterStarterView {
    login: String,
    /// 工号.
    staff_no: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// How many rows of each kind.
#[derive(Serialize, utoipa::ToSchema)]
struct RosterCountsView {
    added: u64,
    changed: u64,
    unchanged: u64,
    refused: u64,
}

/// A roster.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct RosterImportView {
    id: Uuid,
    /// `checking`, `checked` (waits to be started), `importing`, `done`, `failed`.
    state: &'static str,
    /// Why it failed, in Chinese.
    fault: Option<String>,
    file_name: String,
    file_bytes: u64,
    uploaded: RosterStarterView,
    /// From then on it cannot be started.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Rows of the file; 0 until they were counted.
    rows_total: u64,
    /// How many of them the present step has done.
    rows_done: u64,
    /// What the check said, as far as it is.
    check: RosterCountsView,
    started: Option<RosterStarterView>,
    /// What the import really did, as far as it is; `null` until it was started.
    result: Option<RosterCountsView>,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

/// A page of rosters.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct RosterImportList {
    items: Vec<RosterImportView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// A row that was refused.
#[derive(Serialize, utoipa::ToSchema)]
struct RefusedRowView {
    /// The line of the file, counted from 1.
    line: u64,
    /// 学号 or 工号; empty where the row has none that could be one.
    student_no: String,
    /// In Chinese; names columns and never what stands in them.
    reason: String,
}

/// A column that changes.
#[derive(Serialize, utoipa::ToSchema)]
struct RosterChangeView {
    column: String,
    /// Masked; of phones the last digits, of ID numbers and chips nothing.
    before: String,
    /// Likewise.
    after: String,
}

/// Somebody whose data would change.
#[derive(Serialize, utoipa::ToSchema)]
struct RosterExampleView {
    line: u64,
    student_no: String,
    name_masked: String,
    changes: Vec<RosterChangeView>,
}

/// A roster with examples.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct RosterImportDetail {
    #[serde(flatten)]
    import: RosterImportView,
    /// The first refused rows of the present step; the file has all.
    refused_rows: Vec<RefusedRowView>,
    /// Some of the people whose data change.
    examples: Vec<RosterExampleView>,
}

fn starter(by: RosterStarter) -> RosterStarterView {
    RosterStarterView { login: by.login, staff_no: by.staff_no, at: by.at }
}

const fn counts(of: RosterCounts) -> RosterCountsView {
    let RosterCounts { added, changed, unchanged, refused } = of;
    RosterCountsView { added, changed, unchanged, refused }
}

fn view(job: RosterJob) -> RosterImportView {
    let result = job.started.is_some().then(|| counts(job.imported));
    RosterImportView {
        id: job.id.uuid(),
        state: job.state.code(),
        fault: job.fault.as_deref().map(fault_in_words),
        file_name: job.file_name,
        file_bytes: job.file_bytes,
        uploaded: starter(job.uploaded),
        expires_at: job.expires_at,
        rows_total: job.rows_total,
        rows_done: job.rows_done,
        check: counts(job.checked),
        started: job.started.map(starter),
        result,
        ended_at: job.ended_at,
    }
}

fn example(one: RosterExample) -> RosterExampleView {
    let change = |[column, before, after]: [String; 3]| RosterChangeView { column, before, after };
    RosterExampleView {
        line: one.line,
        student_no: one.student_no,
        name_masked: one.name,
        changes: one.changes.into_iter().map(change).collect(),
    }
}

fn detailed(detail: RosterDetail) -> RosterImportDetail {
    let RosterDetail { job, refused, examples } = detail;
    let refused = refused.into_iter().map(|row| RefusedRowView {
        line: row.line,
        student_no: row.student_no,
        reason: reason_in_words(&row.reason),
    });
    RosterImportDetail {
        import: view(job),
        refused_rows: refused.collect(),
        examples: examples.into_iter().map(example).collect(),
    }
}

/// Uploads a roster, as a form with a field `file` or as the body itself, and has it checked: nothing is
/// written to people. One check or import of a school runs at a time. The role `card_office` may.
#[utoipa::path(tag = "staff", params(RosterName), security(("staff" = [])),
    request_body(content((RosterForm = "multipart/form-data"), (String = "text/csv"))),
    responses((status = 201, body = RosterImportDetail),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`",
            body = Problem),
        (status = 409, description = "`roster_running` (`running` names it)", body = Problem),
        (status = 413, description = "More than 32 MB", body = Problem),
        (status = 415, body = Problem)))]
#[post("/roster-imports")]
pub(super) async fn upload(
    member: May<ImportRoster>,
    request: HttpRequest,
    query: Query<RosterName>,
    payload: Payload,
    desk: Data<RosterDesk>,
) -> Result<HttpResponse, ApiError> {
    let name = query.into_inner().file_name.unwrap_or_default();
    let file = file_of(&request, payload, name).await?;
    let id = desk.receive(&member, file).await?;
    Ok(HttpResponse::Created().json(detailed(desk.find(&member, id).await?)))
}

/// The file that a request carries, in a form or as its body.
async fn file_of(
    request: &HttpRequest,
    payload: Payload,
    name: String,
) -> Result<UploadedFile, ApiError> {
    let payload = payload.into_inner();
    match request.content_type() {
        "multipart/form-data" => {
            FileForm::of(request, payload, MAX_ROSTER_BYTES)?.file("file").await
        }
        "text/csv" => UploadedFile::whole(request, payload, name, MAX_ROSTER_BYTES),
        _ => {
            let wanted = "须为 multipart/form-data 或 text/csv";
            Err(ApiError::new(UNSUPPORTED_MEDIA).detail(wanted))
        }
    }
}

/// Rosters of the school, newest first. The role `card_office` may.
#[utoipa::path(tag = "staff", params(RosterPage), security(("staff" = [])),
    responses((status = 200, body = RosterImportList), (status = 403, body = Problem)))]
#[get("/roster-imports")]
pub(super) async fn list(
    member: May<ReadRoster>,
    query: Query<RosterPage>,
    desk: Data<RosterDesk>,
) -> Result<Json<RosterImportList>, ApiError> {
    let size = PageSize::asked(query.limit, DEFAULT_LIMIT);
    let page = Keyset { beyond: query.cursor, descending: true, most: size.to_read() };
    let state = query.state.as_deref().filter(|state| !state.is_empty());
    let state = state
        .map(|code| RosterState::from_code(code).ok_or_else(|| StaffActError::BadFilter("state")));
    let found = desk
        .page(&member, state.transpose()?, page)
        .await
        .map_err(|error| ApiError::internal(&error))?;
    let (found, next_cursor) = size.page(found, |job| job.id.to_string());
    Ok(Json(RosterImportList { items: found.into_iter().map(view).collect(), next_cursor }))
}

/// A roster: how far its check or import is, and examples. The role `card_office` may.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The roster")),
    responses((status = 200, body = RosterImportDetail), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[get("/roster-imports/{id}")]
pub(super) async fn show(
    member: May<ReadRoster>,
    id: Path<RosterJobId>,
    desk: Data<RosterDesk>,
) -> Result<Json<RosterImportDetail>, ApiError> {
    Ok(Json(detailed(desk.find(&member, id.into_inner()).await?)))
}

/// Starts the import of a roster that was checked, once; again by the same person, it is the same. Each row
/// is decided again by the people of then. The role `card_office` may.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The roster")),
    responses((status = 200, body = RosterImportView),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`",
            body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`roster_not_startable`, `roster_running`, `roster_expired`",
            body = Problem)))]
#[post("/roster-imports/{id}/start")]
pub(super) async fn start(
    member: May<ImportRoster>,
    id: Path<RosterJobId>,
    desk: Data<RosterDesk>,
) -> Result<Json<RosterImportView>, ApiError> {
    Ok(Json(view(desk.start(&member, id.into_inner()).await?)))
}

/// The refused rows of the present step as a file: line, number, reason. Each export is an entry of the audit
/// log. The role `card_office` may.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The roster"), RefusalQuery),
    responses((status = 200, content_type = "text/csv", body = String),
        (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "`roster_refusals_gone`", body = Problem)))]
#[get("/roster-imports/{id}/refused")]
pub(super) async fn export_refused(
    member: May<ReadRoster>,
    id: Path<RosterJobId>,
    query: Query<RefusalQuery>,
    desk: Data<RosterDesk>,
) -> Result<HttpResponse, ApiError> {
    let format = query.format.unwrap_or_default();
    let (job, rows) = desk.export_refused(&member, id.into_inner(), format.code()).await?;
    let taken_by = member.login.to_string();
    let file = refusal_file(&job, rows, (taken_by, format)).await;
    let (name, file) = file.map_err(|error| ApiError::internal(&error))?;
    let name = format!("attachment; filename=\"{name}\"");
    let mut answer = HttpResponse::Ok();
    answer.content_type(format.content_type());
    Ok(answer.insert_header((header::CONTENT_DISPOSITION, name)).body(file))
}
