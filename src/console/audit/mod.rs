//! 记录: the audit log as sentences, as far as the roles of the reader go.

mod asked;
mod details;
mod file;
mod heads;
mod links;
mod words;

pub(super) use file::Log;
pub(super) use heads::show as heads;
pub(super) use words::who;

use super::{
    Console,
    browser::Seat,
    frame::{Frame, PageError, shown},
    list::{self, Address, COUNTED, Chip, Choice, ListView, Pages, Place},
    words as common,
};
use crate::{
    audit::{AuditFilter, AuditKind, AuditLine},
    staff::{AuditQuery, guard::ReadAudit},
    staff_accounts::{StaffAct, StaffMember, StaffRoles},
};
use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;

const HERE: (&str, &str) = ("/staff/audit", "记录");
const LIST: Address = Address::of(HERE.0);

/// An entry as the page shows it.
struct Row {
    position: i64,
    at: String,
    who: String,
    act: String,
    object: String,
    /// The page of what it is about.
    path: Option<String>,
    detail: String,
    why: String,
}

#[derive(Template)]
#[template(path = "console/audit.html")]
struct AuditPage {
    frame: Frame,
    /// Whose entries these are.
    scope: &'static str,
    kinds: Vec<Choice>,
    act: String,
    since: String,
    who: String,
    object: String,
    list: ListView,
    rows: Vec<Row>,
    pages: Pages,
}

/// What of the log is asked for, checked.
struct Asked {
    filter: AuditFilter,
    kind: Option<AuditKind>,
    /// The one act that is asked for, where no kind is; and from which day on.
    act: String,
    since: String,
    place: Place<i64>,
}

impl Asked {
    fn of(member: &StaffMember, query: &AuditQuery, place: Place<i64>) -> Result<Self, PageError> {
        let filter = query.filter(member)?;
        let code = query.kind.as_deref().unwrap_or_default().trim();
        let kind = AuditKind::ALL.into_iter().find(|kind| kind.code() == code);
        let text = |field: &Option<String>| field.as_deref().unwrap_or_default().trim().to_owned();
        let act = if kind.is_some() { String::new() } else { text(&query.act) };
        let since = text(&query.since);
        Ok(Self { filter, kind, act, since, place })
    }

    /// The address of the list from its beginning.
    fn list(&self) -> Address {
        LIST.with("kind", self.kind.map_or("", AuditKind::code))
            .with("act", self.act.as_str())
            .with("since", self.since.as_str())
            .with("who", self.filter.who.as_deref().unwrap_or_default())
            .with("object", self.filter.object.as_deref().unwrap_or_default())
    }

    fn chips(&self) -> Vec<Chip> {
        let Self { filter, kind, act, since, .. } = self;
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let fields = [
            ("kind", kind.map(|kind| format!("类别：{}", words::kind(kind)))),
            ("act", some(act).map(|act| format!("做了什么：{}", words::act(&act)))),
            ("since", some(since).map(|since| format!("从 {since}"))),
            ("who", filter.who.as_ref().map(|who| format!("谁：{who}"))),
            ("object", filter.object.as_ref().map(|object| format!("对象：{object}"))),
        ];
        list::chips(&self.list(), fields)
    }

    async fn page(self, seat: &Seat<ReadAudit>, console: &Console) -> Result<AuditPage, PageError> {
        let Self { filter, place, .. } = &self;
        let list = self.list();
        let found = console.staff.audit_page(filter, place.keyset()).await?;
        let count = console.staff.audit_count(filter, COUNTED + 1).await?;
        let (found, pages) = place.turn(found, |line| line.position, &list);
        let none = ["还没有记录。", "没有符合条件的记录。"];
        Ok(AuditPage {
            frame: Frame::of(seat, console, HERE).await?,
            scope: scope(&seat.member),
            kinds: list::choices(AuditKind::ALL, self.kind, AuditKind::code, words::kind),
            act: self.act.clone(),
            since: self.since.clone(),
            who: filter.who.clone().unwrap_or_default(),
            object: filter.object.clone().unwrap_or_default(),
            list: place.view(&list, self.chips(), list::count(count, "条"), none),
            rows: found.into_iter().map(|line| row(line, &seat.member.roles)).collect(),
            pages,
        })
    }
}

pub(super) async fn list(
    seat: Seat<ReadAudit>,
    asked: (Query<AuditQuery>, Query<Place<i64>>),
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (query, place) = asked;
    let asked = Asked::of(&seat.member, &query, *place)?;
    shown(&asked.page(&seat, &console).await?)
}

/// Whose entries the member reads.
fn scope(member: &StaffMember) -> &'static str {
    let has = |act| member.roles.has(act);
    if has(StaffAct::ReadWholeAudit) {
        "本校的全部记录"
    } else if has(StaffAct::ReadStaffAudit) {
        "工作人员和政策的记录、拒绝的记录，以及您自己的"
    } else {
        "您自己的记录"
    }
}

/// What was done, when, by whom and why, beside the thing itself.
pub(super) fn sentence(line: AuditLine) -> String {
    let (at, who, act) = (common::when(line.at), words::who(&line.who), words::act(&line.act));
    let (detail, why) = (words::detail(&line.detail), line.why);
    let parts = [(detail, "，"), (why, "：")];
    let parts = parts.into_iter().filter(|(text, _)| !text.is_empty());
    parts.fold(format!("{at} {who} {act}"), |said, (text, mark)| format!("{said}{mark}{text}"))
}

fn row(line: AuditLine, roles: &StaffRoles) -> Row {
    let AuditLine { position, at, who, act, subject, detail, why } = line;
    // Who signs in does so as oneself.
    let is_own = who.starts_with(&format!("{subject}, "));
    Row {
        position,
        at: common::when(at),
        who: words::who(&who),
        act: words::act(&act).to_owned(),
        object: if is_own { String::new() } else { words::object(&subject) },
        path: links::path(&subject, &detail, roles),
        detail: words::detail(&detail),
        why,
    }
}
