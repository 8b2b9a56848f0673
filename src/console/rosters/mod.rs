//! 花名册: uploaded, checked, imported; what was refused, as a file.

mod detail;
mod start;

pub(super) use detail::{export, show};
pub(super) use start::{ask_start, start};

use super::{
    Console,
    browser::{Needs, Seat},
    frame::{Frame, PageError, Wrong, sent_to, shown, shown_as},
    list::{self, Address, Chip, Choice, Pages, Place, grouped},
    sent_file::SentFile,
    way_back, words,
};
use crate::{
    base::{
        clock::Timestamp,
        http::{ApiError, problem::INVALID},
    },
    roster_imports::{
        MAX_ROSTER_BYTES, RosterCounts, RosterJob, RosterJobId, RosterState, fault_in_words,
    },
    staff::{
        StaffActError,
        guard::{ImportRoster, ReadRoster},
    },
    staff_accounts::StaffAct,
};
use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;

const HERE: (&str, &str) = ("/staff/roster-imports", "花名册");
const LIST: Address = Address::of(HERE.0);

/// A roster as the list shows it.
struct Row {
    path: String,
    /// Its place on the page, to come back to.
    anchor: String,
    at: String,
    by: String,
    file: String,
    state: &'static str,
    state_kind: &'static str,
    counts: String,
}

#[derive(Template)]
#[template(path = "console/rosters.html")]
struct ListPage {
    frame: Frame,
    wrong: Option<Wrong>,
    /// Whether a file may be sent now: with a second factor of the last minutes.
    uploads: bool,
    most_mb: u64,
    states: Vec<Choice>,
    chips: Vec<Chip>,
    rows: Vec<Row>,
    pages: Pages,
}

/// Which of them.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    state: Option<String>,
}

pub(super) async fn list(
    seat: Seat<ReadRoster>,
    (wanted, place): (Query<Wanted>, Query<Place>),
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let state = wanted.state.as_deref().map(str::trim).filter(|state| !state.is_empty());
    let state = state.map(|code| {
        RosterState::from_code(code).ok_or(PageError::from(StaffActError::BadFilter("state")))
    });
    shown(&page(&seat, &console, (state.transpose()?, *place, None)).await?)
}

/// Receives a roster, and has it checked. What is wrong stands above the form.
pub(super) async fn upload(
    sent: SentFile<ImportRoster>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let SentFile { seat, file } = sent;
    let received = match file {
        Ok(file) if file.name.is_empty() => {
            Err(ApiError::new(INVALID).field("/file", "请选择文件"))
        }
        Ok(file) => console.rosters.receive(&seat.member, file).await,
        Err(PageError::Said(error)) => Err(error),
        Err(elsewhere) => return Err(elsewhere),
    };
    match received {
        Ok(id) => Ok(sent_to(&path_of(id), Some("roster-received"))),
        Err(error) => {
            let wrong = Wrong::of(&error);
            let status = wrong.status;
            shown_as(status, &page(&seat, &console, (None, Place::default(), Some(wrong))).await?)
        }
    }
}

async fn page<N: Needs>(
    seat: &Seat<N>,
    console: &Console,
    (state, place, wrong): (Option<RosterState>, Place, Option<Wrong>),
) -> Result<ListPage, PageError> {
    let list = LIST.with("state", state.map_or("", RosterState::code));
    let found = console.rosters.page(&seat.member, state, place.keyset()).await?;
    let (found, pages) = place.turn(found, |job| job.id.uuid(), &list);
    let chosen = [("state", state.map(|state| format!("状态：{}", word(state))))];
    let (now, back) = (console.clock.now(), place.address(&list).to_string());
    Ok(ListPage {
        frame: Frame::of(seat, console, HERE).await?,
        wrong,
        states: list::choices(RosterState::ALL, state, RosterState::code, word),
        chips: list::chips(&list, chosen),
        uploads: seat.member.may(StaffAct::ImportRoster, now).is_ok(),
        most_mb: MAX_ROSTER_BYTES / (1024 * 1024),
        rows: found.iter().map(|job| row(job, &back, now)).collect(),
        pages,
    })
}

fn path_of(id: RosterJobId) -> String {
    format!("{}/{id}", HERE.0)
}

fn row(job: &RosterJob, list: &str, now: Timestamp) -> Row {
    let (state, state_kind) = state_of(job, now);
    let by = &job.uploaded;
    let anchor = way_back::anchor('r', job.id.uuid());
    Row {
        path: way_back::row(&path_of(job.id), list, &anchor),
        anchor,
        at: words::when(by.at),
        by: format!("{}（{}）", by.login, by.staff_no),
        file: job.file_name.clone(),
        state,
        state_kind,
        counts: match (job.state, &job.fault) {
            (RosterState::Failed, Some(fault)) => fault_in_words(fault),
            (RosterState::Checking | RosterState::Importing, _) => progress_of(job),
            _ => counted(counts_of(job)),
        },
    }
}

/// What there is to say of a roster: what its check said, or what its import did.
const fn counts_of(job: &RosterJob) -> RosterCounts {
    if job.started.is_some() { job.imported } else { job.checked }
}

fn counted(counts: RosterCounts) -> String {
    let RosterCounts { added, changed, unchanged, refused } = counts;
    let [added, changed, unchanged, refused] = [added, changed, unchanged, refused].map(grouped);
    format!("新增 {added}，更改 {changed}，不变 {unchanged}，拒绝 {refused}")
}

fn progress_of(job: &RosterJob) -> String {
    format!("{} / {} 行", grouped(job.rows_done), grouped(job.rows_total))
}

/// A state, as the filter names it.
const fn word(state: RosterState) -> &'static str {
    match state {
        RosterState::Checking => "核对中",
        RosterState::Checked => "待导入",
        RosterState::Importing => "导入中",
        RosterState::Done => "已导入",
        RosterState::Failed => "没有办成",
    }
}

/// How far it is, and how that looks.
fn state_of(job: &RosterJob, now: Timestamp) -> (&'static str, &'static str) {
    match job.state {
        RosterState::Checked if !job.can_start(now) => ("没有导入，已过期", ""),
        RosterState::Checking | RosterState::Checked | RosterState::Importing => {
            (word(job.state), "waits")
        }
        RosterState::Done => (word(job.state), "good"),
        RosterState::Failed => (word(job.state), ""),
    }
}
