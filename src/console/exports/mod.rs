//! 导出: lists as files, and those that wait.

mod lists;
mod pages;

pub(super) use pages::{download, list, show};

use super::{
    Console,
    browser::Sent,
    frame::{PageError, sent_to},
};
use crate::{
    base::{
        http::{ApiError, problem::INVALID},
        table_file::TableFormat,
    },
    exports::{ExportDesk, ExportKind, Exported, NewExport, OpenedList},
    staff::guard::Right,
    staff_accounts::StaffMember,
};
use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use serde::{Deserialize, de::DeserializeOwned};

const HERE: (&str, &str) = ("/staff/exports", "导出");

/// A list of the console that can be taken away as a file.
pub(super) trait Exportable: 'static {
    /// Who may.
    type Needs: Right;
    /// Which it is.
    const KIND: ExportKind;

    /// The list with the query of its page's address, as this member may read it.
    fn open(console: &Console, member: &StaffMember, query: &str) -> Result<OpenedList, PageError>;
}

/// In which format a list is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct ExportForm {
    pub(super) format: TableFormat,
}

/// The list of the address as a file; a long one is a job, to whose page the browser is sent.
pub(super) async fn export<L: Exportable>(
    sent: Sent<L::Needs, ExportForm>,
    request: HttpRequest,
    console: Data<Console>,
    desk: Data<ExportDesk>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form: ExportForm { format } } = sent;
    taken::<L>(&seat.member, &console, &desk, (request.query_string(), format)).await
}

/// The list of this query as a file, or the way to the page of its job.
pub(super) async fn taken<L: Exportable>(
    member: &StaffMember,
    console: &Console,
    desk: &ExportDesk,
    (query, format): (&str, TableFormat),
) -> Result<HttpResponse, PageError> {
    let list = L::open(console, member, query)?;
    let name = list.table.file_name(format);
    let what = NewExport { kind: L::KIND, query: query.to_owned(), format };
    match desk.exports.export(member, &what, list).await? {
        Exported::File(file) => Ok(attachment((name, file), format)),
        Exported::Job(id) => Ok(sent_to(&format!("{}/{id}", HERE.0), Some("export"))),
    }
}

/// A file as an answer, by its name.
pub(super) fn attachment((name, file): (String, Vec<u8>), format: TableFormat) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((header::CONTENT_DISPOSITION, attached(&name)))
        .body(file)
}

fn attached(file: &str) -> String {
    format!("attachment; filename=\"{file}\"")
}

/// The query of an address as a list's page reads it.
pub(super) fn read<Q: DeserializeOwned>(query: &str) -> Result<Q, PageError> {
    let read = actix_web::web::Query::<Q>::from_query(query);
    Ok(read.map_err(|_| ApiError::new(INVALID))?.into_inner())
}

/// What the log says of a filter, as in `, 状态：停用`; not whom somebody looked for.
pub(super) fn said(chips: &[super::list::Chip]) -> String {
    let said = chips.iter().filter(|chip| chip.name != "of");
    said.flat_map(|chip| [", ", &*chip.text]).collect()
}

/// What the second sheet says of every list: its filter, who took it.
pub(super) fn about(
    member: &StaffMember,
    (chips, none): (Vec<super::list::Chip>, &str),
) -> [(&'static str, String); 2] {
    let chips: Vec<String> = chips.into_iter().map(|chip| chip.text).collect();
    [
        ("筛选", if chips.is_empty() { none.to_owned() } else { chips.join("，") }),
        ("导出人", format!("{}（{}）", member.login, member.staff_no)),
    ]
}
