//! 异常: what needs a look, who has it, and how it ends.

mod acts;
mod detail;
mod file;
mod history;
pub(super) mod words;

pub(super) use acts::{end_refund, release, resolve, take, take_over};
pub(super) use detail::show;
pub(super) use file::Cases;

use super::{
    Console,
    browser::Seat,
    frame::{Frame, PageError, shown},
    list::{self, Address, COUNTED, Chip, Choice, ListView, Pages, Place},
    way_back::{self, anchor},
    words as common,
};
use crate::{
    cases::{CaseId, CaseKind, FoundCase},
    staff::{CaseList, CaseQuery, ListedCase, guard::ReadCases},
    staff_accounts::{StaffAct, StaffMember},
};
use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;

const HERE: (&str, &str) = ("/staff/cases", "异常");
const LIST: Address = Address::of(HERE.0);
/// The states that one can ask for.
const STATES: [&str; 5] = ["open", "free", "taken", "review", "closed"];
/// A case as lists show it.
struct Row {
    path: String,
    /// Its place on the page, to come back to.
    anchor: String,
    number: String,
    kind: &'static str,
    amount: String,
    at: String,
    state: &'static str,
    waits: bool,
    holder: String,
}

#[derive(Template)]
#[template(path = "console/cases.html")]
struct ListPage {
    frame: Frame,
    states: Vec<Choice>,
    kinds: Vec<Choice>,
    is_mine: bool,
    list: ListView,
    rows: Vec<Row>,
    pages: Pages,
}

/// What a list is asked for, checked.
struct Asked {
    wanted: CaseList,
    place: Place,
}

impl Asked {
    fn of(member: &StaffMember, (query, place): (&CaseQuery, Place)) -> Result<Self, PageError> {
        Ok(Self { wanted: query.list(member)?, place: place.oldest_first() })
    }

    /// The state that is asked for, by its code; that of the list where none is named is `open`.
    const fn state(&self) -> &'static str {
        if self.wanted.in_review { "review" } else { self.wanted.filter.state.code() }
    }

    /// The address of the list from its beginning.
    fn list(&self) -> Address {
        let filter = &self.wanted.filter;
        let state = Some(self.state()).filter(|state| *state != "open");
        LIST.with("state", state.unwrap_or_default())
            .with("kind", filter.kind.map_or("", CaseKind::code))
            .with("mine", filter.held_by.as_ref().map_or("", |_| "yes"))
    }

    fn chips(&self) -> Vec<Chip> {
        let filter = &self.wanted.filter;
        let state = Some(self.state()).filter(|state| *state != "open");
        let fields = [
            ("state", state.map(|state| format!("状态：{}", words::state(state)))),
            ("kind", filter.kind.map(|kind| format!("种类：{}", words::kind(kind)))),
            ("mine", filter.held_by.as_ref().map(|_| "您接手的".to_owned())),
        ];
        list::chips(&self.list(), fields)
    }

    async fn page(self, seat: &Seat<ReadCases>, console: &Console) -> Result<ListPage, PageError> {
        let (list, now) = (self.list(), console.clock.now());
        let found = console.cases.page(&self.wanted, self.place.keyset()).await?;
        let (count, oldest) = console.cases.count(&self.wanted, COUNTED + 1).await?;
        let (found, pages) = self.place.turn(found, |one| one.case.id.uuid(), &list);
        let back = self.place.address(&list).to_string();
        let since = oldest.map(|oldest| format!("，最早 {}", common::ago(oldest, now)));
        let total = list::count(count, "项") + &since.unwrap_or_default();
        let none = ["没有未结的异常。", "没有符合条件的异常。"];
        let money = seat.member.roles.has(StaffAct::ReadMoneyCases);
        let kinds = CaseKind::ALL.into_iter().filter(|kind| money || !kind.is_money());
        Ok(ListPage {
            frame: Frame::of(seat, console, HERE).await?,
            states: list::choices(STATES, Some(self.state()), |state| state, words::state),
            kinds: list::choices(kinds, self.wanted.filter.kind, CaseKind::code, words::kind),
            is_mine: self.wanted.filter.held_by.is_some(),
            list: self.place.view(&list, self.chips(), total, none),
            rows: found.iter().map(|one| row(one, &seat.member.staff_no, &back)).collect(),
            pages,
        })
    }
}

pub(super) async fn list(
    seat: Seat<ReadCases>,
    asked: (Query<CaseQuery>, Query<Place>),
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (query, place) = asked;
    let asked = Asked::of(&seat.member, (&query, *place))?;
    shown(&asked.page(&seat, &console).await?)
}

fn path_of(id: CaseId) -> String {
    format!("{}/{id}", HERE.0)
}

/// The last eight characters of an id.
fn end_of(id: uuid::Uuid) -> String {
    id.simple().to_string().split_off(24)
}

/// The state of a case, by its code.
const fn state_of(case: &FoundCase, in_review: bool) -> &'static str {
    match (&case.end, &case.holder) {
        (Some(_), _) => "closed",
        (None, _) if in_review => "review",
        (None, Some(_)) => "taken",
        (None, None) => "free",
    }
}

fn amount_of(case: &FoundCase) -> String {
    let amount = case.facts.amount;
    if amount.is_zero() { String::new() } else { amount.to_string() }
}

fn row(ListedCase { case, in_review }: &ListedCase, own: &str, back: &str) -> Row {
    let number = end_of(case.id.uuid());
    let anchor = anchor('c', case.id.uuid());
    let holder = case.holder.as_ref().filter(|_| case.end.is_none());
    let holder = holder.map(|holder| {
        if holder.by.staff_no == own { "您".to_owned() } else { holder.by.login.clone() }
    });
    Row {
        path: way_back::row(&path_of(case.id), back, &anchor),
        anchor,
        number,
        kind: words::title(case.kind),
        amount: amount_of(case),
        at: common::when(case.opened_at),
        state: words::state(state_of(case, *in_review)),
        waits: case.end.is_none(),
        holder: holder.unwrap_or_default(),
    }
}
