//! 门禁: rights of single persons to pass doors, and the log of doors.

use super::{
    Console,
    browser::{Seat, Sent},
    frame::{Frame, PageError, form_encoded, reason_of, sent_to, shown},
    list::{self, Address, Pages},
    sealed::{opened, sealed},
    words,
};
use crate::{
    access::{
        desk::DoorPage,
        log::{AccessWay, DoorDecision, LoggedAccess},
        rights::{DayWindow, DoorRight, DoorRightId, DoorTimes, RightSource},
    },
    base::{
        clock::Timestamp,
        http::{ApiError, problem::INVALID},
    },
    staff::{
        DoorGrant, DoorSearch, Numbered,
        guard::{ChangeDoorRights, ReadAccessLog, ReadDoorRights},
    },
    staff_accounts::{StaffAct, StaffMember},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

const RIGHTS: (&str, &str) = ("/staff/doors", "门禁权限");
const LOG: (&str, &str) = ("/staff/doors/log", "门禁记录");
/// The longest reason, in characters.
const LONGEST_REASON: usize = 80;

/// A right as pages show it.
struct RightRow {
    id: DoorRightId,
    student_no: String,
    group: String,
    from: String,
    until: String,
    hours: String,
    source: &'static str,
    /// Given by staff, and not over.
    can_end: bool,
}

/// An entry of the log as pages show it.
struct LogRow {
    at: String,
    student_no: String,
    group: String,
    way: &'static str,
    decision: &'static str,
    opened: bool,
    reason: String,
}

#[derive(Template)]
#[template(path = "console/door_rights.html")]
struct RightsPage {
    frame: Frame,
    student_no: String,
    group: String,
    rows: Vec<RightRow>,
    changes: bool,
    pages: Pages,
}

#[derive(Template)]
#[template(path = "console/door_log.html")]
struct LogPage {
    frame: Frame,
    asked: LogForm,
    /// `None` until a reason was given.
    rows: Option<Vec<LogRow>>,
    next: Option<Uuid>,
}

/// Whose rights are listed: sealed, so that no address names a person.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    of: Option<String>,
    group: Option<String>,
    cursor: Option<Uuid>,
}

/// Whose rights somebody looks for.
#[derive(Debug, Deserialize)]
pub(super) struct SearchForm {
    student_no: String,
    group: String,
}

/// A right to be given.
#[derive(Debug, Deserialize)]
pub(super) struct GrantForm {
    student_no: String,
    group: String,
    /// A day, the first one without the right; empty for no end.
    until: String,
    /// Hours of the day; empty for all.
    hours: String,
    reason: String,
}

/// The end of a right.
#[derive(Debug, Deserialize)]
pub(super) struct EndForm {
    reason: String,
}

/// Which part of the log, and why.
#[derive(Debug, Default, Deserialize)]
pub(super) struct LogForm {
    #[serde(default)]
    student_no: String,
    #[serde(default)]
    group: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    cursor: String,
}

pub(super) async fn rights(
    seat: Seat<ReadDoorRights>,
    wanted: Query<Wanted>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Wanted { of, group, cursor } = wanted.into_inner();
    let student_no = of.as_deref().and_then(|of| opened(&console, &seat.member, of));
    let group = group.unwrap_or_default();
    let search = search_of(student_no.as_deref().unwrap_or_default(), &group)?;
    let size = list::size();
    let page = DoorPage { cursor, most: size.to_read() };
    let found = console.doors.rights(&seat.member, &search, page).await?;
    let Numbered { rows, student_nos } = found;
    let (rows, next) = size.page(rows, |right| right.id.to_string());
    let now = console.clock.now();
    let number = |right: &DoorRight| student_nos.get(&right.person).cloned().unwrap_or_default();
    let page = RightsPage {
        frame: Frame::of(&seat, &console, RIGHTS).await?,
        rows: rows.iter().map(|right| right_row(right, number(right), now)).collect(),
        changes: seat.member.roles.has(StaffAct::ChangeDoorRights),
        pages: Pages::onward(next.map(|cursor| {
            let list = Address::of(RIGHTS.0).with("group", &group);
            list.with("of", of.unwrap_or_default()).with("cursor", cursor).to_string()
        })),
        student_no: student_no.unwrap_or_default(),
        group,
    };
    shown(&page)
}

/// Sends the browser to the list, with the number sealed.
pub(super) async fn search(
    sent: Sent<ReadDoorRights, SearchForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let SearchForm { student_no, group } = sent.form;
    Ok(sent_to(&list_of(&console, &sent.seat.member, &student_no, &group)?, None))
}

pub(super) async fn give(
    sent: Sent<ChangeDoorRights, GrantForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let student_no = sent.form.student_no.trim().to_owned();
    let grant = sent.form.grant(console.clock.now())?;
    let member = &sent.seat.member;
    console.doors.give(member, &grant).await?;
    Ok(sent_to(&list_of(&console, member, &student_no, "")?, Some("given")))
}

pub(super) async fn end(
    sent: Sent<ChangeDoorRights, EndForm>,
    id: Path<DoorRightId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (member, reason) = (&sent.seat.member, reason_of(&sent.form.reason, LONGEST_REASON)?);
    let ended = console.doors.end(member, id.into_inner(), &reason).await;
    let Numbered { rows, student_nos } = ended?;
    let number = rows.first().and_then(|right| student_nos.get(&right.person));
    let number = number.map(String::as_str).unwrap_or_default();
    Ok(sent_to(&list_of(&console, member, number, "")?, Some("ended")))
}

/// The form that asks why somebody reads the log.
pub(super) async fn ask_log(
    seat: Seat<ReadAccessLog>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let frame = Frame::of(&seat, &console, LOG).await?;
    shown(&LogPage { frame, asked: LogForm::default(), rows: None, next: None })
}

/// A page of the log. It is the answer to the form itself: the log is not to be read again by going back.
pub(super) async fn log(
    sent: Sent<ReadAccessLog, LogForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let reason = reason_of(&form.reason, LONGEST_REASON)?;
    let search = search_of(&form.student_no, &form.group)?;
    let size = list::size();
    let page = DoorPage { cursor: form.cursor.parse().ok(), most: size.to_read() };
    let found = console.doors.log(&seat.member, &search, (page, &reason)).await;
    let Numbered { rows, student_nos } = found?;
    let (rows, next) = size.page(rows, |entry| entry.id.to_string());
    let number = |entry: &LoggedAccess| student_nos.get(&entry.person).cloned().unwrap_or_default();
    let rows = rows.into_iter().map(|entry| log_row(number(&entry), entry)).collect();
    let page = LogPage {
        frame: Frame::of(&seat, &console, LOG).await?,
        asked: form,
        rows: Some(rows),
        next: next.and_then(|next| next.parse().ok()),
    };
    shown(&page)
}

impl GrantForm {
    fn grant(self, now: Timestamp) -> Result<DoorGrant, PageError> {
        let wrong = |field, why| PageError::from(ApiError::new(INVALID).field(field, why));
        let until = given(&self.until).map(|day| {
            let midnight = Timestamp::parse_rfc3339(&format!("{day}T00:00:00+08:00"));
            midnight.map_err(|_| wrong("/until", "到期日须为日期"))
        });
        let times =
            DoorGrant::times((None, until.transpose()?), given(&self.hours).as_deref(), now)?;
        let group = self.group.trim().parse();
        Ok(DoorGrant {
            reason: reason_of(&self.reason, LONGEST_REASON)?,
            student_no: self.student_no.trim().to_owned(),
            group: group.map_err(|_| wrong("/group", "请填写门组名称"))?,
            times,
        })
    }
}

/// What stands in a field, if anything does.
fn given(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn search_of(student_no: &str, group: &str) -> Result<DoorSearch, PageError> {
    let group = given(group).map(|group| group.parse()).transpose();
    let group = group.map_err(|_| ApiError::new(INVALID).field("/group", "不是门组名称"))?;
    Ok(DoorSearch { student_no: given(student_no), group })
}

/// The address of a list of one person's rights, or of all.
pub(super) fn list_of(
    console: &Console,
    member: &StaffMember,
    student_no: &str,
    group: &str,
) -> Result<String, PageError> {
    let (of, group) = (sealed(console, member, student_no)?, form_encoded(group.trim()));
    let of = if of.is_empty() { of } else { format!("&of={of}") };
    Ok(format!("{}?group={group}{of}", RIGHTS.0))
}

fn right_row(right: &DoorRight, student_no: String, now: Timestamp) -> RightRow {
    let DoorTimes { from, until, window } = right.times;
    let over = until.is_some_and(|until| until <= now);
    RightRow {
        id: right.id,
        student_no,
        group: right.group.to_string(),
        from: words::when(from),
        until: until.map_or_else(|| "不限".to_owned(), words::when),
        hours: if window == DayWindow::ALL { "全天".to_owned() } else { window.to_string() },
        source: match right.source {
            RightSource::Allocation => "宿舍分配",
            RightSource::Staff => "人工",
        },
        can_end: right.source == RightSource::Staff && !over,
    }
}

fn log_row(student_no: String, entry: LoggedAccess) -> LogRow {
    LogRow {
        at: words::when(entry.at),
        student_no,
        group: entry.group,
        way: match entry.way {
            AccessWay::Code => "扫码",
            AccessWay::Phone => "手机开门",
        },
        decision: match entry.decision {
            DoorDecision::Open => "已开",
            DoorDecision::Refuse => "未开",
            DoorDecision::Unknown => "门锁未答复",
        },
        opened: entry.decision == DoorDecision::Open,
        reason: words::refusal(&entry.reason).to_owned(),
    }
}
