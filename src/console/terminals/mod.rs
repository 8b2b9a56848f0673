//! 终端: a list that begins with those that were silent the longest, one of them, and what is done to it.

mod acts;
mod add;
mod detail;
mod file;
mod keys;

pub(super) use acts::{ask_replace_key, ask_start, ask_stop, replace_key, start, stop};
pub(super) use add::{add, ask_add};
pub(super) use detail::show;
pub(super) use file::Terminals;

use super::{
    Console,
    browser::Seat,
    frame::{Frame, PageError, shown},
    list::{self, Address, COUNTED, Chip, Choice, ListView, Pages, Place},
    way_back, words,
};
use crate::{
    base::clock::Timestamp,
    staff::{TakingTerminal, TerminalQuery, guard::ReadTerminals},
    staff_accounts::{StaffAct, StaffMember},
    terminals::{
        TerminalId, TerminalKind,
        listing::{Silence, TerminalFilter, TerminalState},
    },
};
use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;

const HERE: (&str, &str) = ("/staff/terminals", "终端");
const LIST: Address = Address::of(HERE.0);
/// The longest reason, in characters.
const LONGEST_REASON: usize = 80;

/// A terminal as lists show it.
pub(super) struct Row {
    pub(super) path: String,
    /// Its place on the page, to come back to.
    pub(super) anchor: String,
    pub(super) code: String,
    pub(super) merchant: String,
    pub(super) is_merchant_off: bool,
    pub(super) kind: &'static str,
    pub(super) seen: String,
    pub(super) key_set: String,
    pub(super) taken: String,
    pub(super) state: &'static str,
    pub(super) state_kind: &'static str,
}

#[derive(Template)]
#[template(path = "console/terminals.html")]
struct ListPage {
    frame: Frame,
    states: Vec<Choice>,
    kinds: Vec<Choice>,
    merchant: String,
    code: String,
    adds: bool,
    list: ListView,
    rows: Vec<Row>,
    pages: Pages,
}

/// What a list is asked for, checked.
struct Asked {
    filter: TerminalFilter,
    place: Place<Silence>,
}

impl Asked {
    fn of(
        member: &StaffMember,
        console: &Console,
        (query, place): (&TerminalQuery, Place<Silence>),
    ) -> Result<Self, PageError> {
        let filter = query.filter(member.school, console.clock.now())?;
        Ok(Self { filter, place })
    }

    /// The address of the list from its beginning.
    fn list(&self) -> Address {
        let filter = &self.filter;
        LIST.with("code", filter.code.as_deref().unwrap_or_default())
            .with("state", filter.state.map_or("", TerminalState::code))
            .with("kind", filter.kind.map_or("", TerminalKind::code))
            .with("merchant", filter.merchant.as_deref().unwrap_or_default())
    }

    fn chips(&self) -> Vec<Chip> {
        let filter = &self.filter;
        let fields = [
            ("code", filter.code.as_ref().map(|code| format!("编号：{code}"))),
            ("state", filter.state.map(|state| format!("状态：{}", words::terminal_state(state)))),
            ("kind", filter.kind.map(|kind| format!("种类：{}", words::terminal_kind(kind)))),
            ("merchant", filter.merchant.as_ref().map(|code| format!("商户：{code}"))),
        ];
        list::chips(&self.list(), fields)
    }

    async fn page(
        self,
        seat: &Seat<ReadTerminals>,
        console: &Console,
    ) -> Result<ListPage, PageError> {
        let Self { filter, place } = &self;
        let list = self.list();
        let found = console.terminals.page(filter, place.keyset()).await?;
        let count = console.terminals.count(filter, COUNTED + 1).await?;
        let (found, pages) = place.turn(found, |one| one.terminal.place(), &list);
        let back = place.address(&list).to_string();
        let none = ["还没有终端。", "没有符合条件的终端。"];
        Ok(ListPage {
            frame: Frame::of(seat, console, HERE).await?,
            states: list::choices(
                TerminalState::ALL,
                filter.state,
                TerminalState::code,
                words::terminal_state,
            ),
            kinds: list::choices(
                TerminalKind::ALL,
                filter.kind,
                TerminalKind::code,
                words::terminal_kind,
            ),
            merchant: filter.merchant.as_deref().unwrap_or_default().to_owned(),
            code: filter.code.clone().unwrap_or_default(),
            adds: seat.member.roles.has(StaffAct::ChangeTerminals),
            list: place.view(&list, self.chips(), list::count(count, "台"), none),
            rows: found.iter().map(|one| row(one, &back, filter.now)).collect(),
            pages,
        })
    }
}

pub(super) async fn list(
    seat: Seat<ReadTerminals>,
    asked: (Query<TerminalQuery>, Query<Place<Silence>>),
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (query, place) = asked;
    let asked = Asked::of(&seat.member, &console, (&query, *place))?;
    shown(&asked.page(&seat, &console).await?)
}

fn path_of(id: TerminalId) -> String {
    format!("{}/{id}", HERE.0)
}

/// When a terminal was last heard of.
fn seen(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "从未".to_owned(), words::when)
}

/// How a state looks.
const fn kind_of(state: TerminalState) -> &'static str {
    match state {
        TerminalState::On => "good",
        TerminalState::Silent | TerminalState::Off => "waits",
    }
}

/// A row that leads to the terminal, and from there back to `back`.
pub(super) fn row(one: &TakingTerminal, back: &str, now: Timestamp) -> Row {
    let TakingTerminal { terminal, taken, .. } = one;
    let anchor = way_back::anchor('t', terminal.id.uuid());
    let merchant = terminal.merchant.as_ref();
    let state = terminal.state(now);
    Row {
        path: way_back::row(&path_of(terminal.id), back, &anchor),
        anchor,
        code: terminal.code.clone(),
        merchant: merchant.map(|merchant| merchant.name.clone()).unwrap_or_default(),
        is_merchant_off: merchant.is_some_and(|merchant| !merchant.enabled),
        kind: words::terminal_kind(terminal.kind),
        seen: seen(terminal.seen_at),
        key_set: terminal.key_set_at.day().to_string(),
        taken: list::money(*taken),
        state: words::terminal_state(state),
        state_kind: kind_of(state),
    }
}
