//! The list of rights to pass doors.

use super::{GrantForm, RIGHTS, end, is_nobody, search_of};
use crate::{
    access::{
        listing::DoorRightQuery,
        rights::{DayWindow, DoorRight, DoorTimes, RightSource},
    },
    audit::AuditLine,
    base::{clock::Timestamp, db::Keyset, http::ApiError},
    console::{
        Console, audit,
        browser::{Needs, Seat},
        frame::{Frame, PageError, Wrong, shown, shown_as},
        list::{self, Address, COUNTED, Chip, Choice, ListView, Pages, Place},
        sealed::opened,
        way_back, words,
    },
    staff::{DoorDesk, DoorSearch, Numbered, guard::ReadDoorRights},
    staff_accounts::{StaffAct, StaffMember},
};
use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;
use std::collections::HashMap;

const LIST: Address = Address::of(RIGHTS.0);

/// A right as pages show it.
pub(super) struct RightRow {
    /// Its place on the page, to come back to.
    anchor: String,
    pub(super) student_no: String,
    pub(super) group: String,
    pub(super) from: String,
    pub(super) until: String,
    pub(super) hours: String,
    pub(super) source: &'static str,
    /// Where it is ended, if staff gave it and it is not over.
    pub(super) end: Option<String>,
}

#[derive(Template)]
#[template(path = "console/door_rights.html")]
struct RightsPage {
    frame: Frame,
    wrong: Option<Wrong>,
    /// As it was filled in.
    grant: GrantForm,
    student_no: String,
    /// The same, sealed.
    of: String,
    group: String,
    states: Vec<Choice>,
    sources: Vec<Choice>,
    changes: bool,
    list: ListView,
    rows: Vec<RightRow>,
    pages: Pages,
    /// Of one person: what was done to the rights.
    logged: Option<Vec<String>>,
}

/// Whose rights are listed: sealed, so that no address names a person.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Wanted {
    of: Option<String>,
    group: Option<String>,
}

/// What a list is asked for, checked.
pub(super) struct Asked {
    pub(super) search: DoorSearch,
    of: String,
    pub(super) place: Place,
}

const STATES: [bool; 2] = [false, true];
const SOURCES: [RightSource; 2] = [RightSource::Staff, RightSource::Allocation];

impl Asked {
    pub(super) fn of(
        member: &StaffMember,
        console: &Console,
        (wanted, query, place): (Wanted, &DoorRightQuery, Place),
    ) -> Result<Self, PageError> {
        let of = wanted.of.unwrap_or_default();
        let student_no = opened(console, member, &of);
        let of = if student_no.is_some() { of } else { String::new() };
        let whose = (student_no.as_deref().unwrap_or_default(), &*wanted.group.unwrap_or_default());
        Ok(Self { search: search_of(whose, query.narrow(console.clock.now()))?, of, place })
    }

    fn ended(&self) -> Option<bool> {
        self.search.narrow.ended.map(|(ended, _)| ended)
    }

    fn group(&self) -> &str {
        self.search.group.as_deref().unwrap_or_default()
    }

    /// The address of the list from its beginning.
    fn list(&self) -> Address {
        LIST.with("of", &self.of)
            .with("group", self.group())
            .with("state", self.ended().map_or("", state))
            .with("source", self.search.narrow.source.map_or("", RightSource::code))
    }

    pub(super) fn chips(&self) -> Vec<Chip> {
        let DoorSearch { student_no, group, narrow } = &self.search;
        let fields = [
            ("of", student_no.as_ref().map(|number| format!("学号或工号：{number}"))),
            ("group", group.as_ref().map(|group| format!("门组：{group}"))),
            ("state", self.ended().map(|ended| format!("状态：{}", state_word(ended)))),
            ("source", narrow.source.map(|source| format!("来源：{}", source_word(source)))),
        ];
        list::chips(&self.list(), fields)
    }

    async fn page<N: Needs>(
        self,
        seat: &Seat<N>,
        console: &Console,
    ) -> Result<RightsPage, PageError> {
        let (member, list, now) = (&seat.member, self.list(), console.clock.now());
        let Self { search, place, .. } = &self;
        let (desk, source) = (&console.doors, search.narrow.source);
        let Listed { found: Numbered { rows, student_nos }, count, logged } =
            listed(desk, member, (search, place.keyset())).await?;
        let (rows, pages) = place.turn(rows, |right| right.id.uuid(), &list);
        let number =
            |right: &DoorRight| student_nos.get(&right.person).cloned().unwrap_or_default();
        let back = place.address(&list).to_string();
        let logged = logged.map(|log| log.into_iter().map(audit::sentence).collect());
        let none = ["还没有权限。", "没有符合条件的权限。"];
        Ok(RightsPage {
            frame: Frame::of(seat, console, RIGHTS).await?,
            wrong: None,
            grant: GrantForm::default(),
            student_no: search.student_no.clone().unwrap_or_default(),
            of: self.of.clone(),
            group: self.group().to_owned(),
            states: list::choices(STATES, self.ended(), state, state_word),
            sources: list::choices(SOURCES, source, RightSource::code, source_word),
            changes: member.roles.has(StaffAct::ChangeDoorRights),
            list: place.view(&list, self.chips(), list::count(count, "项"), none),
            rows: rows.iter().map(|right| row(right, (number(right), &back), now)).collect(),
            pages,
            logged,
        })
    }
}

/// What is on a page of the list.
struct Listed {
    found: Numbered<DoorRight>,
    count: u64,
    /// Of one person.
    logged: Option<Vec<AuditLine>>,
}

/// A page of rights; an empty one where nobody has the number that is looked for.
async fn listed(
    desk: &DoorDesk,
    member: &StaffMember,
    (search, page): (&DoorSearch, Keyset),
) -> Result<Listed, ApiError> {
    let of = match desk.found(member, search).await.map_err(ApiError::from) {
        Err(error) if is_nobody(&error) => {
            let found = Numbered { rows: Vec::new(), student_nos: HashMap::new() };
            return Ok(Listed { found, count: 0, logged: None });
        }
        of => of?,
    };
    Ok(Listed {
        found: desk.rights(member, &of, page).await?,
        count: desk.count_rights(member, &of, COUNTED + 1).await?,
        logged: desk.rights_log(member, &of).await?,
    })
}

const fn state(ended: bool) -> &'static str {
    if ended { "ended" } else { "current" }
}

const fn state_word(ended: bool) -> &'static str {
    if ended { "已结束" } else { "没有结束" }
}

pub(super) const fn source_word(source: RightSource) -> &'static str {
    match source {
        RightSource::Allocation => "宿舍分配",
        RightSource::Staff => "人工",
    }
}

/// When a right ends, and at which hours of the day it is one.
pub(super) fn times(times: DoorTimes) -> [String; 3] {
    let DoorTimes { from, until, window } = times;
    let hours = if window == DayWindow::ALL { "全天".to_owned() } else { window.to_string() };
    [words::when(from), until.map_or_else(|| "不限".to_owned(), words::when), hours]
}

pub(in crate::console) async fn list(
    seat: Seat<ReadDoorRights>,
    asked: (Query<Wanted>, Query<DoorRightQuery>, Query<Place>),
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (wanted, query, place) = asked;
    let asked = Asked::of(&seat.member, &console, (wanted.into_inner(), &query, *place))?;
    shown(&asked.page(&seat, &console).await?)
}

/// The list again where a right was not given, with what was typed.
pub(super) async fn again<N: Needs>(
    seat: &Seat<N>,
    console: &Console,
    grant: GrantForm,
    error: PageError,
) -> Result<HttpResponse, PageError> {
    let error = error.refusal()?;
    let all = (Wanted { of: None, group: None }, &DoorRightQuery::default(), Place::default());
    let page = Asked::of(&seat.member, console, all)?.page(seat, console).await?;
    let mut wrong = Wrong::of(&error);
    for detail in &mut wrong.details {
        detail.field = detail.field.take().map(|field| match &*field {
            "student_no" => "g-no".to_owned(),
            "reason" => "g-why".to_owned(),
            field => format!("g-{field}"),
        });
    }
    shown_as(wrong.status, &RightsPage { wrong: Some(wrong), grant, ..page })
}

/// A right, which is ended on the way to its row of `list`.
pub(super) fn row(
    right: &DoorRight,
    (student_no, list): (String, &str),
    now: Timestamp,
) -> RightRow {
    let over = right.times.until.is_some_and(|until| until <= now);
    let [from, until, hours] = times(right.times);
    let anchor = way_back::anchor('r', right.id.uuid());
    let ends = right.source == RightSource::Staff && !over;
    RightRow {
        student_no,
        group: right.group.to_string(),
        from,
        until,
        hours,
        source: source_word(right.source),
        end: ends.then(|| way_back::row(&end::path_of(right.id), list, &anchor)),
        anchor,
    }
}
