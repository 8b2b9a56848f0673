//! Rights to pass doors, and parts of their log, as files.

use super::{
    LONGEST_REASON,
    log::{LogForm, decision_word, log_row},
    rights::{Asked, Wanted, source_word, times},
    search_of,
};
use crate::{
    access::{
        listing::{AccessLogQuery, DoorRightQuery},
        log::LoggedAccess,
        rights::DoorRight,
    },
    base::{
        http::{ApiError, problem::INVALID},
        table_file::{TableFormat, TableShape},
    },
    console::{
        Console,
        browser::Sent,
        exports::{self, Exportable},
        frame::{PageError, reason_of},
        list::{Address, Place},
        sealed::{opened, sealed},
    },
    exports::{ExportDesk, ExportKind, OpenedList},
    staff::{
        Numbered,
        guard::{ReadAccessLog, ReadDoorRights},
    },
    staff_accounts::StaffMember,
};
use actix_web::{HttpResponse, web::Data};
use serde::Deserialize;

const RIGHT_HEADER: &[&str] = &["学号或工号", "门组", "起", "止", "时段", "来源"];
const LOG_HEADER: &[&str] = &["时间", "学号或工号", "门组", "方式", "结果", "原因"];

/// Rights as they are exported.
pub(in crate::console) struct Rights;

/// Parts of the log as they are exported.
pub(in crate::console) struct Log;

/// A row with the number of its person.
type WithNumber<T> = (T, String);

impl Exportable for Rights {
    type Needs = ReadDoorRights;
    const KIND: ExportKind = ExportKind::DoorRights;

    fn open(console: &Console, member: &StaffMember, query: &str) -> Result<OpenedList, PageError> {
        let (wanted, rights) =
            (exports::read::<Wanted>(query)?, exports::read::<DoorRightQuery>(query)?);
        let place = exports::read::<Place>(query)?;
        let asked = Asked::of(member, console, (wanted, &rights, place))?;
        let said = exports::said(&asked.chips());
        let about = exports::about(member, (asked.chips(), "无"));
        let (desk, member, search) = (console.doors.clone(), member.clone(), asked.search);
        Ok(OpenedList {
            table: TableShape {
                name: format!("door-rights-{}", console.clock.now().day()),
                sheet: "门禁权限",
                header: RIGHT_HEADER,
                amounts: &[],
                about: about.into(),
            },
            needs: Self::KIND.act(),
            subject: "door rights".to_owned(),
            asked: said,
            rows: OpenedList::pages(
                place.descending(),
                async move |page| {
                    let found = desk.found(&member, &search).await?;
                    let found = desk.rights(&member, &found, page).await;
                    found.map(|found| with_numbers(found, |right| right.person))
                },
                |(right, _): &WithNumber<DoorRight>| right.id.uuid(),
                |(right, number)| {
                    let [from, until, hours] = times(right.times);
                    let source = source_word(right.source).to_owned();
                    vec![number, right.group.to_string(), from, until, hours, source]
                },
            ),
        })
    }
}

fn with_numbers<T>(
    Numbered { rows, student_nos }: Numbered<T>,
    person: impl Fn(&T) -> crate::base::ids::PersonId,
) -> Vec<WithNumber<T>> {
    let number = |row: &T| student_nos.get(&person(row)).cloned().unwrap_or_default();
    rows.into_iter().map(|row| (number(&row), row)).map(|(number, row)| (row, number)).collect()
}

/// Which part of the log, and why, as an export keeps it: whom it is of is sealed, by number and id.
#[derive(Debug, Deserialize)]
struct Kept {
    of: Option<String>,
    group: Option<String>,
    reason: Option<String>,
}

/// A part of the log, and the format.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct LogFileForm {
    #[serde(flatten)]
    log: LogForm,
    format: TableFormat,
}

/// The part of the log that was read as a file, for the same reason.
pub(in crate::console) async fn export_log(
    sent: Sent<ReadAccessLog, LogFileForm>,
    console: Data<Console>,
    desk: Data<ExportDesk>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form: LogFileForm { log, format } } = sent;
    let reason = reason_of(&log.reason, LONGEST_REASON)?;
    let number = log.student_no.trim();
    let of = if number.is_empty() {
        String::new()
    } else {
        let person = console.doors.person(&seat.member, number).await.map_err(ApiError::from)?;
        format!("{number} {person}")
    };
    let query = Address::of("")
        .with("of", sealed(&console, &seat.member, &of)?)
        .with("group", log.group.trim())
        .with("day", log.day.trim())
        .with("decision", log.decision.trim())
        .with("sort", if log.place.descending() { "" } else { "oldest" })
        .with("reason", reason)
        .to_string();
    let what = (query.trim_start_matches('?'), format);
    exports::taken::<Log>(&seat.member, &console, &desk, what).await
}

/// The log says whose it was, as where a page of it is read.
fn subject_of(person: &str) -> String {
    if person.is_empty() { "access log".to_owned() } else { format!("person {person}") }
}

impl Exportable for Log {
    type Needs = ReadAccessLog;
    const KIND: ExportKind = ExportKind::AccessLog;

    fn open(console: &Console, member: &StaffMember, query: &str) -> Result<OpenedList, PageError> {
        let Kept { of, group, reason } = exports::read(query)?;
        let (log, place) =
            (exports::read::<AccessLogQuery>(query)?, exports::read::<Place>(query)?);
        let reason = reason_of(&reason.unwrap_or_default(), LONGEST_REASON)?;
        // Who may not open whom it is of is not given everybody's.
        let of = of.map(|of| opened(console, member, &of).ok_or_else(|| ApiError::new(INVALID)));
        let (of, group) = (of.transpose()?.unwrap_or_default(), group.unwrap_or_default());
        let (number, person) = of.split_once(' ').unwrap_or_default();
        let search = search_of((number, &group), log.narrow())?;
        let narrow = search.narrow;
        let asked = [
            search.group.as_ref().map(|group| format!("门组：{group}")),
            narrow.day.map(|day| format!("日期：{day}")),
            narrow.decision.map(|decision| format!("结果：{}", decision_word(decision))),
        ];
        let asked: Vec<String> = asked.into_iter().flatten().collect();
        let whose = search.student_no.as_ref().map(|number| format!("学号或工号：{number}"));
        let filter: Vec<String> = whose.into_iter().chain(asked.clone()).collect();
        let filter = if filter.is_empty() { "无".to_owned() } else { filter.join("，") };
        let [_, taker] = exports::about(member, (Vec::new(), ""));
        let why = format!("原因：{reason}");
        let said = asked.iter().chain([&why]).flat_map(|text| [", ", text]).collect();
        let (desk, member) = (console.doors.clone(), member.clone());
        Ok(OpenedList {
            table: TableShape {
                name: format!("door-log-{}", console.clock.now().day()),
                sheet: "门禁记录",
                header: LOG_HEADER,
                amounts: &[],
                about: vec![("筛选", filter), ("查阅原因", reason), taker],
            },
            needs: Self::KIND.act(),
            subject: subject_of(person),
            asked: said,
            rows: OpenedList::pages(
                place.descending(),
                async move |page| {
                    let found = desk.found(&member, &search).await?;
                    let found = desk.log_for_file(&member, &found, page).await;
                    found.map(|found| with_numbers(found, |entry| entry.person))
                },
                |(entry, _): &WithNumber<LoggedAccess>| entry.id.uuid(),
                |(entry, number)| cells(entry, number),
            ),
        })
    }
}

fn cells(entry: LoggedAccess, number: String) -> Vec<String> {
    let row = log_row(number, entry);
    vec![row.at, row.student_no, row.group, row.way.to_owned(), row.decision.to_owned(), row.reason]
}
