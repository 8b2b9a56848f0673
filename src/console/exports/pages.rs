//! The exports of a member: how far each is, and its file.

use super::{HERE, attached};
use crate::{
    console::{
        Console,
        browser::{Anybody, Seat},
        frame::{Frame, PageError, shown},
        words,
    },
    exports::{Export, ExportDesk, ExportFailure, ExportId, ExportState, Exports},
};
use actix_web::{
    HttpResponse,
    http::header::{self, HeaderValue},
    web::{Bytes, Data, Path},
};
use askama::Template;
use futures_util::TryStreamExt;

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
    console: Data<Console>,
    desk: Data<ExportDesk>,
) -> Result<HttpResponse, PageError> {
    let found = desk.exports.of(&seat.member).await?;
    let frame = Frame::of(&seat, &console, HERE).await?;
    shown(&ListPage { frame, rows: found.iter().map(row).collect() })
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
    let format = export.what.format;
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
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
        title: format!("{}（{}）", words::export(export.what.kind), export.what.format.code()),
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
    }
}

const _: () = assert!(Exports::MAX_ROWS == 1_000_000, "TOO_MANY says so");
const TOO_MANY: &str = "超过 1,000,000 行，一个文件放不下。请增加筛选条件，分几次导出。";
