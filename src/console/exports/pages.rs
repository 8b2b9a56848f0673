//! The exports of a member: how far each is, and its file.

use super::{HERE, attached};
use crate::{
    base::http::{ApiError, problem::NOT_FOUND},
    console::{
        Console,
        browser::{Anybody, Seat},
        frame::{Frame, PageError, shown},
        list::{Address, Pages, Place},
        words,
    },
    exports::{Export, ExportDesk, ExportFailure, ExportId, ExportState, Exports},
};
use actix_web::{
    HttpResponse,
    http::header::{self, HeaderValue},
    web::{Bytes, Data, Path, Query},
};
use askama::Template;
use futures_util::TryStreamExt;

const LIST: Address = Address::of(HERE.0);

/// An export as pages show it.
struct Row {
    path: String,
    title: String,
    asked_at: String,
    rows: String,
    state: &'static str,
    kind: &'static str,
    until: String,
    is_done: bool,
}

#[derive(Template)]
#[template(path = "console/exports.html")]
struct ListPage {
    frame: Frame,
    rows: Vec<Row>,
    pages: Pages,
}

#[derive(Template)]
#[template(path = "console/export_job.html")]
struct ShowPage {
    frame: Frame,
    row: Row,
    is_running: bool,
    why: &'static str,
}

pub(in crate::console) async fn list(
    seat: Seat<Anybody>,
    place: Query<Place>,
    console: Data<Console>,
    desk: Data<ExportDesk>,
) -> Result<HttpResponse, PageError> {
    let found = desk.exports.of(&seat.member, place.keyset()).await?;
    let (found, pages) = place.turn(found, |export| export.id.uuid(), &LIST);
    let frame = Frame::of(&seat, &console, HERE).await?;
    shown(&ListPage { frame, rows: found.iter().map(row).collect(), pages })
}

pub(in crate::console) async fn show(
    seat: Seat<Anybody>,
    id: Path<ExportId>,
    console: Data<Console>,
    desk: Data<ExportDesk>,
) -> Result<HttpResponse, PageError> {
    let found = desk.exports.find(&seat.member, *id).await?;
    let frame = Frame::of(&seat, &console, HERE).await?;
    let is_running = found.state == ExportState::Running;
    let why = match found.state {
        ExportState::Failed(failure) => why(failure),
        ExportState::Running | ExportState::Done(_) => "",
    };
    let mut page = shown(&ShowPage { frame, row: row(&found), is_running, why })?;
    if is_running {
        page.headers_mut().insert(header::REFRESH, AGAIN);
    }
    Ok(page)
}

/// The file, part by part.
pub(in crate::console) async fn download(
    seat: Seat<Anybody>,
    id: Path<ExportId>,
    desk: Data<ExportDesk>,
) -> Result<HttpResponse, PageError> {
    let export = desk.exports.find(&seat.member, *id).await?;
    let (file, parts) = desk.exports.file(&seat.member, *id).await?;
    let what = export.what.ok_or_else(|| ApiError::new(NOT_FOUND))?;
    Ok(HttpResponse::Ok()
        .content_type(what.format.content_type())
        .insert_header((header::CONTENT_DISPOSITION, attached(&file.name)))
        .streaming(Box::pin(parts.map_ok(Bytes::from))))
}

/// After so many seconds the page of a running export looks again, without scripts.
const AGAIN: HeaderValue = HeaderValue::from_static("3");

fn row(export: &Export) -> Row {
    let (state, kind) = match export.state {
        ExportState::Running => ("正在导出", "waits"),
        ExportState::Done(_) => ("可以下载", "good"),
        ExportState::Failed(_) => ("没有导出", ""),
    };
    Row {
        path: format!("{}/{}", HERE.0, export.id),
        title: export.what.as_ref().map_or_else(
            || "未知".to_owned(),
            |what| format!("{}（{}）", words::export(what.kind), what.format.code()),
        ),
        asked_at: words::when(export.asked_at),
        rows: export.rows.to_string(),
        state,
        kind,
        until: words::when(export.expires_at),
        is_done: matches!(export.state, ExportState::Done(_)),
    }
}

const fn why(failure: ExportFailure) -> &'static str {
    match failure {
        ExportFailure::NoRight => "您的账号现在没有查看这份列表的权限。",
        ExportFailure::BadFilter => "筛选条件已不能使用，请回到列表重新筛选后再导出。",
        ExportFailure::TooMany => TOO_MANY,
        ExportFailure::Broken => "导出几次都没有成功，请稍后再试；仍不成功请联系网络中心。",
        ExportFailure::Unknown => "这份导出由较新的版本办理，原因未知。请稍后再看，或重新导出。",
    }
}

const _: () = assert!(Exports::MAX_ROWS == 1_000_000, "TOO_MANY says so");
const TOO_MANY: &str = "超过 1,000,000 行或 256 MB，一个文件放不下。请增加筛选条件，分几次导出。";
