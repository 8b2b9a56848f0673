//! 人员: found by number, name or phone, and listed by department, class and state.

mod acts;
mod detail;
mod file;
mod reveal;
mod statement;

pub(super) use acts::{
    ask_binding, ask_cancel, ask_device, ask_loss, cancel_loss, end_binding, end_device, loss,
};
pub(super) use detail::show;
pub(super) use file::People;
pub(super) use reveal::{ask as ask_reveal, reveal};
pub(super) use statement::{Statement, export as export_statement, show as statement};

use super::{
    Console,
    browser::{Seat, Sent},
    frame::{Frame, PageError, Wrong, sent_to, shown, shown_as},
    list::{self, Address, COUNTED, Chip, Choice, ListView, Pages, Place},
    sealed::{opened, sealed},
    way_back, words,
};
use crate::{
    base::{db::Keyset, http::ApiError, ids::PersonId, money::Balance},
    cards::CardStatus,
    staff::{ListedPerson, PeopleQuery, StaffPeopleError, guard::ReadPeople},
    staff_accounts::{StaffAct, StaffMember},
};
use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;

pub(super) const HERE: (&str, &str) = ("/staff/people", "人员");
const LIST: Address = Address::of(HERE.0);

/// Whom somebody looks for, sealed.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    of: Option<String>,
}

/// Whom somebody looks for.
#[derive(Debug, Deserialize)]
pub(super) struct SearchForm {
    #[serde(default)]
    text: String,
}

/// A person as the list shows one.
struct Row {
    path: String,
    /// Its place on the page, to come back to.
    anchor: String,
    person_no: String,
    name: String,
    place: String,
    state: &'static str,
    kind: &'static str,
    balance: Option<String>,
    owes: bool,
    bound: String,
}

/// A department, with whether it was chosen.
struct Department {
    name: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "console/people.html")]
struct ListPage {
    frame: Frame,
    wrong: Option<Wrong>,
    /// Who was looked for.
    text: String,
    /// The same, sealed.
    of: String,
    departments: Vec<Department>,
    class: String,
    states: Vec<Choice>,
    with_money: bool,
    in_debt: bool,
    exports: bool,
    list: ListView,
    rows: Vec<Row>,
    pages: Pages,
}

/// What a list is asked for, checked.
struct Asked {
    query: PeopleQuery,
    of: String,
    status: Option<CardStatus>,
    in_debt: bool,
    place: Place,
}

impl Asked {
    fn of(
        member: &StaffMember,
        console: &Console,
        (query, wanted, place): (PeopleQuery, Wanted, Place),
    ) -> Result<Self, PageError> {
        let of = wanted.of.unwrap_or_default();
        let text = opened(console, member, &of);
        let of = if text.is_some() { of } else { String::new() };
        let (status, in_debt) = (query.status()?, query.in_debt()?);
        Ok(Self { query: PeopleQuery { text, ..query }, of, status, in_debt, place })
    }

    /// The address of the list from its beginning.
    fn list(&self) -> Address {
        let text = |value: &Option<String>| value.as_deref().unwrap_or_default().trim().to_owned();
        LIST.with("of", &self.of)
            .with("department", text(&self.query.department))
            .with("class", text(&self.query.class))
            .with("state", self.status.map_or("", code_of))
            .with("debt", if self.in_debt { "1" } else { "" })
    }

    fn chips(&self) -> Vec<Chip> {
        let PeopleQuery { text, department, class, .. } = &self.query;
        let said = |word: &str, value: &Option<String>| {
            let value = value.as_deref().map(str::trim).filter(|value| !value.is_empty());
            value.map(|value| format!("{word}：{value}"))
        };
        let fields = [
            ("of", said("查找", text)),
            ("department", said("院系", department)),
            ("class", said("班级", class)),
            ("state", self.status.map(|status| format!("状态：{}", words::card(status)))),
            ("debt", self.in_debt.then(|| "有欠款".to_owned())),
        ];
        list::chips(&self.list(), fields)
    }

    /// The whole list, whatever is wrong with its search.
    async fn page(
        self,
        seat: &Seat<ReadPeople>,
        console: &Console,
        (typed, wrong): (Option<String>, Option<Wrong>),
    ) -> Result<ListPage, PageError> {
        let Self { query, of, place, .. } = &self;
        let (list, member) = (self.list(), &seat.member);
        // The list of an address begins with the lowest number.
        let keyset = place.keyset();
        let keyset = Keyset { descending: !keyset.descending, ..keyset };
        let found = console.people.page(member, query, keyset).await?;
        let count = console.people.count(member, query, COUNTED + 1).await?;
        let departments = console.people.departments(member).await?;
        let (found, pages) = place.turn(found, |one| one.id.uuid(), &list);
        let back = place.address(&list).to_string();
        let department = query.department.clone().unwrap_or_default();
        let none = match member.only_classes() {
            Some(classes) if classes.names().len() == 0 => [NO_CLASSES, NO_CLASSES],
            Some(_) | None => ["花名册里还没有人。", "没有符合条件的人。"],
        };
        let states = PeopleQuery::STATES.map(|(_, status)| status);
        Ok(ListPage {
            frame: Frame::of(seat, console, HERE).await?,
            wrong,
            text: typed.or_else(|| query.text.clone()).unwrap_or_default(),
            of: of.clone(),
            departments: departments
                .into_iter()
                .map(|name| Department { chosen: name == department.trim(), name })
                .collect(),
            class: query.class.clone().unwrap_or_default(),
            states: list::choices(states, self.status, code_of, words::card),
            with_money: member.roles.has(StaffAct::ReadBalances),
            in_debt: self.in_debt,
            exports: member.roles.has(StaffAct::ExportPeople),
            list: place.view(&list, self.chips(), list::count(count, "人"), none),
            rows: found.into_iter().map(|one| row(one, &back)).collect(),
            pages,
        })
    }
}

pub(super) async fn list(
    seat: Seat<ReadPeople>,
    asked: (Query<PeopleQuery>, Query<Wanted>, Query<Place>),
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (query, wanted, place) = asked;
    let asked = (query.into_inner(), wanted.into_inner(), *place);
    let asked = Asked::of(&seat.member, &console, asked)?;
    shown(&asked.page(&seat, &console, (None, None)).await?)
}

/// Sends the browser to the list of those who are found: whom it looks for is sealed there.
pub(super) async fn search(
    sent: Sent<ReadPeople, SearchForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form: SearchForm { text } } = sent;
    if text.trim().chars().count() <= LONGEST_TEXT {
        let of = sealed(&console, &seat.member, &text)?;
        return Ok(sent_to(&LIST.with("of", of).to_string(), None));
    }
    let wrong = Wrong::of(&ApiError::from(StaffPeopleError::BadFilter("text")));
    let nothing = (PeopleQuery::default(), Wanted::default(), Place::default());
    let asked = Asked::of(&seat.member, &console, nothing)?;
    shown_as(wrong.status, &asked.page(&seat, &console, (Some(text), Some(wrong))).await?)
}

/// What a counsellor reads who has no classes yet.
const NO_CLASSES: &str = "管理员还没有给您分配班级，所以这里没有人。请联系管理员。";

/// The longest text that is looked for, in characters: as in [`PeopleQuery`].
const LONGEST_TEXT: usize = 60;

pub(super) fn path_of(id: PersonId) -> String {
    format!("{}/{id}", HERE.0)
}

/// The name of a status in an address.
fn code_of(status: CardStatus) -> &'static str {
    let known = PeopleQuery::STATES.into_iter().find(|(_, one)| *one == status);
    known.map_or("", |(code, _)| code)
}

/// How a status looks.
const fn kind_of(status: CardStatus) -> &'static str {
    match status {
        CardStatus::Normal => "good",
        CardStatus::Lost | CardStatus::Dormant => "waits",
        CardStatus::Expired | CardStatus::Closed => "",
    }
}

/// Department and class, as far as there are any.
fn place_of(one: &ListedPerson) -> String {
    let parts = [one.department.as_str(), one.class_name.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn row(one: ListedPerson, back: &str) -> Row {
    let anchor = way_back::anchor('p', one.id.uuid());
    let bound = one.platforms.iter().map(|platform| words::platform(*platform));
    Row {
        path: way_back::row(&path_of(one.id), back, &anchor),
        anchor,
        place: place_of(&one),
        state: words::card(one.status),
        kind: kind_of(one.status),
        balance: one.balance.map(|balance| words::yuan(balance.get())),
        owes: one.balance.is_some_and(Balance::is_negative),
        bound: bound.collect::<Vec<_>>().join(" "),
        person_no: one.person_no,
        name: one.name,
    }
}
