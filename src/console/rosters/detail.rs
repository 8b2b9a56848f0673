//! One roster: how far it is, what is refused, who changes; and the refused rows as a file.

use super::{HERE, counted, path_of, progress_of, state_of};
use crate::{
    audit::AuditLine,
    base::{clock::Timestamp, http::ApiError, table_file::TableFormat},
    console::{
        Console, audit,
        browser::{Needs, Seat, Sent},
        exports::attachment,
        frame::{Frame, PageError, Wrong, shown, shown_as},
        list::grouped,
        way_back::{CameFrom, after, leading_back},
        words,
    },
    roster_imports::{
        RosterDetail, RosterJob, RosterJobId, RosterState, column_in_words, fault_in_words,
        reason_in_words, refusal_file,
    },
    schools::{PersonKind, roster::RosterExample},
    staff::guard::ReadRoster,
};
use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;

/// After so many seconds a page of something that runs is asked for again by the browser.
const AGAIN: u16 = 3;
/// How many entries of the log are shown.
const SHOWN: u16 = 20;

/// Somebody whose data change.
struct Example {
    line: u64,
    student_no: String,
    name: String,
    changes: String,
}

/// A row that is refused.
struct Refused {
    line: u64,
    student_no: String,
    reason: String,
}

/// How far what runs is.
struct Progress {
    done: u64,
    total: u64,
    text: String,
}

#[derive(Template)]
#[template(path = "console/roster.html")]
struct DetailPage {
    frame: Frame,
    wrong: Option<Wrong>,
    here: String,
    /// The very page, and the list that one came from.
    now: String,
    back: String,
    state: &'static str,
    state_kind: &'static str,
    facts: Vec<(&'static str, String)>,
    progress: Option<Progress>,
    fault: Option<String>,
    /// Where the import is started, if it can be.
    start: Option<String>,
    refused: Vec<Refused>,
    /// How many there are.
    refused_all: u64,
    refused_word: String,
    has_file: bool,
    examples: Vec<Example>,
    history: Vec<String>,
}

pub(in crate::console) async fn show(
    seat: Seat<ReadRoster>,
    id: Path<RosterJobId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let detail = console.rosters.find(&seat.member, id.into_inner()).await?;
    let running = detail.job.state.is_running();
    let mut answer = shown(&page(&seat, &console, (detail, None), from.given()).await?)?;
    if running {
        // Complete without scripts.
        answer.headers_mut().insert(header::REFRESH, header::HeaderValue::from(AGAIN));
    }
    Ok(answer)
}

/// In which format the refused rows are wanted, and where one came from.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct RefusedForm {
    format: TableFormat,
    #[serde(default)]
    back: String,
}

/// The refused rows as a file.
pub(in crate::console) async fn export(
    sent: Sent<ReadRoster, RefusedForm>,
    id: Path<RosterJobId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form: RefusedForm { format, back } }, id) = (sent, id.into_inner());
    let exported = console.rosters.export_refused(&seat.member, id, format.code()).await;
    let (job, rows) = match exported {
        Ok(exported) => exported,
        Err(error) => {
            let back = CameFrom::of(back).given();
            return again(&seat, &console, (id, back), error.into()).await;
        }
    };
    let taken_by = format!("{}（{}）", seat.member.login, seat.member.staff_no);
    let file = refusal_file(&job, rows, (taken_by, format)).await;
    Ok(attachment(file.map_err(|error| ApiError::internal(&error))?, format))
}

/// The page again with what is wrong.
pub(super) async fn again<N: Needs>(
    seat: &Seat<N>,
    console: &Console,
    (id, back): (RosterJobId, String),
    error: ApiError,
) -> Result<HttpResponse, PageError> {
    let wrong = Wrong::of(&error);
    let status = wrong.status;
    let Ok(detail) = console.rosters.find(&seat.member, id).await else {
        return Err(error.into());
    };
    shown_as(status, &page(seat, console, (detail, Some(wrong)), back).await?)
}

async fn page<N: Needs>(
    seat: &Seat<N>,
    console: &Console,
    (detail, wrong): (RosterDetail, Option<Wrong>),
    back: String,
) -> Result<DetailPage, PageError> {
    let RosterDetail { job, refused, examples } = detail;
    let now = console.clock.now();
    let log = AuditLine::about(&console.rosters.db, job.school, &job.subject(), SHOWN).await?;
    let (state, state_kind) = state_of(&job, now);
    let refused_all = super::counts_of(&job).refused;
    Ok(DetailPage {
        frame: Frame::of(seat, console, HERE).await?,
        wrong,
        here: path_of(job.id),
        now: leading_back(&path_of(job.id), &back),
        state,
        state_kind,
        facts: facts(&job),
        progress: job.state.is_running().then(|| Progress {
            done: job.rows_done,
            total: job.rows_total.max(1),
            text: progress_of(&job),
        }),
        fault: job.fault.as_deref().map(|fault| said_of(fault, &job)),
        start: job
            .can_start(now)
            .then(|| leading_back(&format!("{}/start", path_of(job.id)), &back)),
        refused: refused.into_iter().map(refused_row).collect(),
        refused_all,
        refused_word: grouped(refused_all),
        has_file: job.has_refusals && refused_all > 0,
        examples: examples.into_iter().map(example).collect(),
        history: log.into_iter().map(audit::sentence).collect(),
        back: after(&back, HERE.0),
    })
}

/// Why it failed, and what that means for people: an import that is given up has written some of them.
fn said_of(fault: &str, job: &RosterJob) -> String {
    let why = fault_in_words(fault);
    if job.imported.added == 0 && job.imported.changed == 0 {
        format!("{why}。人员没有因此改动。")
    } else {
        format!("{why}。已写入的人员保留；请重新上传同一份花名册并导入，其余的会接着写入。")
    }
}

fn refused_row(row: crate::schools::roster::RefusedRow) -> Refused {
    let reason = reason_in_words(&row.reason);
    Refused { line: row.line, student_no: row.student_no, reason }
}

fn example(one: RosterExample) -> Example {
    let changes: Vec<String> = one.changes.iter().map(change).collect();
    let RosterExample { line, student_no, name, .. } = one;
    Example { line, student_no, name, changes: changes.join("；") }
}

/// A column that changes, with what may be said of it.
fn change([column, before, after]: &[String; 3]) -> String {
    let word = column_in_words(column);
    let tail = |digits: &str| {
        if digits.is_empty() { "（空）".to_owned() } else { format!("尾号 {digits}") }
    };
    let kind = |code: &str| PersonKind::from_code(code).map_or("其他", words::person_kind);
    let text = |text: &str| {
        if text.is_empty() { "（空）".to_owned() } else { text.to_owned() }
    };
    match column.as_str() {
        "id_number" | "chip_number" => format!("{word}有更改"),
        "phone" => format!("{word} {} → {}", tail(before), tail(after)),
        "kind" => format!("{word} {} → {}", kind(before), kind(after)),
        _ => format!("{word} {} → {}", text(before), text(after)),
    }
}

/// What is known of a roster.
pub(super) fn facts(job: &RosterJob) -> Vec<(&'static str, String)> {
    let by = |login: &str, staff_no: &str, at: Timestamp| {
        format!("{login}（{staff_no}）{}", words::when(at))
    };
    let up = &job.uploaded;
    let kilobytes = grouped(job.file_bytes.div_ceil(1024));
    let mut facts = vec![
        ("文件", format!("{}（{kilobytes} KB）", job.file_name)),
        ("上传", by(&up.login, &up.staff_no, up.at)),
    ];
    if job.rows_total > 0 {
        facts.push(("行数", grouped(job.rows_total)));
    }
    if job.checked_at.is_some() {
        facts.push(("核对", counted(job.checked)));
    }
    if job.state == RosterState::Checked {
        facts.push(("可导入到", words::when(job.expires_at)));
    }
    if let Some(started) = &job.started {
        facts.push(("开始导入", by(&started.login, &started.staff_no, started.at)));
        facts.push(("已写入", counted(job.imported)));
    }
    if let Some(ended_at) = job.ended_at {
        facts.push(("结束", words::when(ended_at)));
    }
    facts
}
