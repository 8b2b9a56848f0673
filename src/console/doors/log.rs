//! The log of doors, which asks why it is read.

use super::{LOG, LONGEST_REASON, of_field, search_of};
use crate::{
    access::{
        listing::AccessLogQuery,
        log::{AccessWay, DoorDecision, LoggedAccess},
    },
    console::{
        Console,
        browser::{Seat, Sent},
        frame::{Frame, PageError, Wrong, reason_of, shown, shown_as},
        list::{self, COUNTED, Choice, Place},
        words,
    },
    staff::{DoorSearch, Numbered, guard::ReadAccessLog},
};
use actix_web::{HttpResponse, web::Data};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

/// An entry of the log as pages show it.
pub(super) struct LogRow {
    pub(super) at: String,
    pub(super) student_no: String,
    pub(super) group: String,
    pub(super) way: &'static str,
    pub(super) decision: &'static str,
    opened: bool,
    pub(super) reason: String,
}

#[derive(Template)]
#[template(path = "console/door_log.html")]
struct LogPage {
    frame: Frame,
    wrong: Option<Wrong>,
    asked: LogForm,
    is_oldest_first: bool,
    decisions: Vec<Choice>,
    today: String,
    /// `None` until a reason was given.
    found: Option<Found>,
}

/// A page of the log.
struct Found {
    total: String,
    rows: Vec<LogRow>,
    previous: Option<Uuid>,
    next: Option<Uuid>,
}

/// Which part of the log, and why. It is sent as a form: no address says whom somebody looked for.
#[derive(Debug, Default, Deserialize)]
pub(in crate::console) struct LogForm {
    #[serde(default)]
    pub(super) student_no: String,
    #[serde(default)]
    pub(super) group: String,
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) day: String,
    #[serde(default)]
    pub(super) decision: String,
    #[serde(flatten)]
    pub(super) place: Place,
}

impl LogForm {
    pub(super) fn search(&self) -> Result<DoorSearch, PageError> {
        let (day, decision) = (Some(self.day.clone()), Some(self.decision.clone()));
        search_of((&self.student_no, &self.group), AccessLogQuery { day, decision }.narrow())
    }
}

/// The form that asks why somebody reads the log.
pub(in crate::console) async fn ask(
    seat: Seat<ReadAccessLog>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    shown(&page(&seat, &console, (LogForm::default(), None)).await?)
}

/// A page of the log. It is the answer to the form itself: the log is not to be read again by going back.
pub(in crate::console) async fn read(
    sent: Sent<ReadAccessLog, LogForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    match found(&seat, &console, &form).await {
        Ok(found) => shown(&page(&seat, &console, (form, Some(found))).await?),
        Err(error) => {
            let wrong = Wrong::of(&error.refusal()?);
            let page = page(&seat, &console, (form, None)).await?;
            shown_as(wrong.status, &LogPage { wrong: Some(wrong), ..page })
        }
    }
}

async fn found(
    seat: &Seat<ReadAccessLog>,
    console: &Console,
    form: &LogForm,
) -> Result<Found, PageError> {
    let reason = reason_of(&form.reason, LONGEST_REASON)?;
    let (search, place) = (form.search()?, form.place);
    let read = (place.keyset(), &*reason);
    let (desk, member) = (&console.doors, &seat.member);
    let found = desk.found(member, &search).await.map_err(of_field)?;
    let Numbered { rows, student_nos } = desk.log(member, &found, read).await?;
    let count = desk.count_log(member, &found, COUNTED + 1).await?;
    let (rows, [previous, next]) = place.beside(rows, |entry| entry.id.uuid());
    let number = |entry: &LoggedAccess| student_nos.get(&entry.person).cloned().unwrap_or_default();
    let rows = rows.into_iter().map(|entry| log_row(number(&entry), entry)).collect();
    Ok(Found { total: list::count(count, "条"), rows, previous, next })
}

async fn page(
    seat: &Seat<ReadAccessLog>,
    console: &Console,
    (asked, found): (LogForm, Option<Found>),
) -> Result<LogPage, PageError> {
    let chosen = DoorDecision::from_code(asked.decision.trim());
    let decisions = [DoorDecision::Open, DoorDecision::Refuse, DoorDecision::Unknown];
    Ok(LogPage {
        frame: Frame::of(seat, console, LOG).await?,
        wrong: None,
        is_oldest_first: !asked.place.descending(),
        decisions: list::choices(decisions, chosen, DoorDecision::code, decision_word),
        today: console.clock.now().day().to_string(),
        asked,
        found,
    })
}

pub(super) const fn decision_word(decision: DoorDecision) -> &'static str {
    match decision {
        DoorDecision::Open => "已开",
        DoorDecision::Refuse => "未开",
        DoorDecision::Unknown => "门锁未答复",
    }
}

pub(super) fn log_row(student_no: String, entry: LoggedAccess) -> LogRow {
    LogRow {
        at: words::when(entry.at),
        student_no,
        group: entry.group,
        way: match entry.way {
            AccessWay::Code => "扫码",
            AccessWay::Phone => "手机开门",
        },
        decision: decision_word(entry.decision),
        opened: entry.decision == DoorDecision::Open,
        reason: refusal(&entry.reason).to_owned(),
    }
}

/// Why a door stayed closed, by the code of the log.
fn refusal(code: &str) -> &str {
    match code {
        "" => "",
        "code_invalid" => "码无效",
        "code_clock_skew" => "手机时间不准",
        "code_wrong_purpose" => "不是这里用的码",
        "code_used" => "码已用过",
        "account_lost" => "已挂失",
        "account_dormant" => "账户休眠",
        "account_expired" => "账户已过期",
        "account_closed" => "账户已注销",
        "right_missing" => "没有权限",
        "right_not_now" => "不在可通行的时段",
        other => other,
    }
}
