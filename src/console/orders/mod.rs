//! 订单: lists by day, one found by a number, and files of them.

mod ask;
mod detail;
mod file;
mod history;

pub(super) use ask::{ask, ask_form, fen_of};
pub(super) use detail::show;
pub(super) use file::Orders;

use super::{
    Console,
    browser::{Seat, Sent},
    frame::{Frame, PageError, Wrong, sent_to, shown, shown_as},
    list::{self, Address, COUNTED, Chip, Choice, ListView, Pages, Place},
    sealed::{opened, sealed},
    way_back, words,
};
use crate::{
    base::{
        clock::{Day, Timestamp},
        ids::PersonId,
    },
    orders::{
        fact::Provider,
        listing::{ListedOrder, OrderFilter},
        order::OrderId,
        purpose::Purpose,
    },
    staff::{NamedOrder, OrderQuery, StaffOrderError, guard::ReadOrders},
    staff_accounts::StaffMember,
};
use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;

const HERE: (&str, &str) = ("/staff/orders", "订单");
const LIST: Address = Address::of(HERE.0);

/// Orders that a search found, in place of a filter.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Found {
    /// Their ids, separated by commas.
    only: Option<String>,
    /// Whose orders they are, sealed: no address names a person.
    of: Option<String>,
}

/// Whose orders are listed, as the address carries it sealed.
#[derive(Clone, Debug)]
struct Whose {
    person: PersonId,
    /// The masked name and the end of the number.
    said: String,
}

impl Whose {
    fn opened(console: &Console, member: &StaffMember, of: &str) -> Option<Self> {
        let text = opened(console, member, of)?;
        let (person, said) = text.split_once(' ')?;
        Some(Self { person: person.parse().ok()?, said: said.to_owned() })
    }
}

/// The list of all orders of a person.
pub(super) fn list_of(
    console: &Console,
    member: &StaffMember,
    (person, name, number): (PersonId, &str, &str),
) -> Result<String, PageError> {
    let start = number.char_indices().rev().nth(3).map_or(0, |(start, _)| start);
    let end = number.get(start..).unwrap_or_default();
    let of = sealed(console, member, &format!("{person} {name} 尾号 {end}"))?;
    Ok(LIST.with("of", of).to_string())
}

/// A number to be looked for.
#[derive(Debug, Deserialize)]
pub(super) struct SearchForm {
    number: String,
}

/// An order as lists show it.
struct Row {
    path: String,
    /// Its place on the page, to come back to.
    anchor: String,
    number: String,
    at: String,
    person: String,
    purpose: &'static str,
    amount: String,
    provider: &'static str,
    state: &'static str,
    kind: &'static str,
    given_back: Option<String>,
}

/// A day beside the one that is shown.
struct Beside {
    word: &'static str,
    path: String,
}

#[derive(Template)]
#[template(path = "console/orders.html")]
struct ListPage {
    frame: Frame,
    wrong: Option<Wrong>,
    /// What was looked for.
    number: String,
    /// Whose they are, sealed.
    of: String,
    day: String,
    today: String,
    days: Vec<Beside>,
    states: Vec<Choice>,
    purposes: Vec<Choice>,
    providers: Vec<Choice>,
    list: ListView,
    rows: Vec<Row>,
    pages: Pages,
}

/// What a list is asked for, checked.
struct Asked {
    filter: OrderFilter,
    /// Whose they are, with the same sealed.
    whose: Option<(Whose, String)>,
    place: Place,
    today: Day,
}

impl Asked {
    fn of(
        member: &StaffMember,
        console: &Console,
        (query, found, place): (&OrderQuery, &Found, Place),
    ) -> Result<Self, PageError> {
        let (school, today) = (member.school, console.clock.now().day());
        let filter = match &found.only {
            Some(only) => {
                let ids = only.split(',').take(list::ROWS.into()).map(|id| id.parse().ok());
                let ids: Option<Vec<OrderId>> = ids.collect();
                OrderFilter {
                    only: Some(ids.ok_or(StaffOrderError::BadFilter("only"))?),
                    ..OrderFilter::all(school)
                }
            }
            None => query.filter(school, today)?,
        };
        let of = found.of.clone().unwrap_or_default();
        let whose = Whose::opened(console, member, &of).map(|whose| (whose, of));
        let filter = match &whose {
            // All days, where none is asked for.
            Some((whose, _)) => OrderFilter {
                person: Some(whose.person),
                day: filter.day.filter(|_| query.has_day()),
                ..filter
            },
            None => filter,
        };
        Ok(Self { filter, whose, place, today })
    }

    /// The address of the list from its beginning.
    fn list(&self) -> Address {
        let filter = &self.filter;
        let day = self.day_to_say();
        let only = filter
            .only
            .as_ref()
            .map(|only| only.iter().map(OrderId::to_string).collect::<Vec<_>>().join(","));
        LIST.with("day", day.map_or_else(String::new, |day| day.to_string()))
            .with("state", filter.state.unwrap_or_default())
            .with("purpose", filter.purpose.map_or("", Purpose::code))
            .with("provider", filter.provider.map_or("", Provider::code))
            .with("only", only.unwrap_or_default())
            .with("of", self.whose.as_ref().map_or("", |(_, of)| of))
    }

    /// The day, unless it is the one that a list without a day is of.
    fn day_to_say(&self) -> Option<Day> {
        self.filter.day.filter(|day| self.whose.is_some() || *day != self.today)
    }

    /// The same with its day, even if that is today: what leads on from a page is of its day, also after
    /// midnight.
    fn list_of_its_day(&self) -> Address {
        let day = self.filter.day.map_or_else(String::new, |day| day.to_string());
        self.list().with("day", day)
    }

    fn chips(&self) -> Vec<Chip> {
        let filter = &self.filter;
        let other_day = self.day_to_say();
        let found = filter.only.as_ref();
        let fields = [
            ("day", other_day.map(|day| format!("日期：{day}"))),
            ("state", filter.state.map(|state| format!("状态：{}", words::order_state(state)))),
            ("purpose", filter.purpose.map(|purpose| format!("用途：{}", purpose.title()))),
            ("provider", filter.provider.map(|one| format!("渠道：{}", words::provider(one)))),
            ("of", self.whose.as_ref().map(|(whose, _)| format!("人：{}", whose.said))),
            ("only", found.map(|found| format!("单号查到的 {} 笔", found.len()))),
        ];
        list::chips(&self.list(), fields)
    }

    /// The days before and after, with the rest of the filter.
    fn days(&self) -> Vec<Beside> {
        let Some(day) = self.filter.day else { return Vec::new() };
        let list = self.list();
        let on = |word, day: Day| Beside { word, path: list.with("day", day).to_string() };
        let before = on("前一天", Day::from_number(day.number().saturating_sub(1)));
        let after = (day < self.today).then(|| on("后一天", day.next()));
        std::iter::once(before).chain(after).collect()
    }

    /// The whole list, whatever is wrong with its search.
    async fn page(
        self,
        seat: &Seat<ReadOrders>,
        console: &Console,
        (number, wrong): (String, Option<Wrong>),
    ) -> Result<ListPage, PageError> {
        let Self { filter, place, today, .. } = &self;
        let list = self.list_of_its_day();
        let found = console.orders.page(filter, place.keyset()).await?;
        let total = console.orders.total(filter, COUNTED + 1).await?;
        let (found, pages) = place.turn(found, |one| one.order.id.uuid(), &list);
        let back = place.address(&list).to_string();
        let total = list::totals(total, "笔", "已付款");
        let none = ["今天还没有订单。", "没有符合条件的订单。"];
        Ok(ListPage {
            frame: Frame::of(seat, console, HERE).await?,
            wrong,
            number,
            of: self.whose.as_ref().map(|(_, of)| of.clone()).unwrap_or_default(),
            day: filter.day.map_or_else(String::new, |day| day.to_string()),
            today: today.to_string(),
            days: self.days(),
            states: list::choices(
                OrderFilter::STATES,
                filter.state,
                |state| state,
                words::order_state,
            ),
            purposes: list::choices(Purpose::ALL, filter.purpose, Purpose::code, Purpose::title),
            providers: list::choices(
                Provider::ALL,
                filter.provider,
                Provider::code,
                words::provider,
            ),
            list: place.view(&list, self.chips(), total, none),
            rows: found.into_iter().map(|one| row(one, &back)).collect(),
            pages,
        })
    }
}

pub(super) async fn list(
    seat: Seat<ReadOrders>,
    asked: (Query<OrderQuery>, Query<Found>, Query<Place>),
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (query, found, place) = asked;
    let asked = Asked::of(&seat.member, &console, (&query, &found, *place))?;
    shown(&asked.page(&seat, &console, (String::new(), None)).await?)
}

/// Sends the browser to the order with this number, or to the list of those that end alike.
pub(super) async fn search(
    sent: Sent<ReadOrders, SearchForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form: SearchForm { number } } = sent;
    let wrong = match console.orders.search(&seat.member, &number).await {
        Ok(found) => match found.as_slice() {
            [] => nothing_found(),
            [one] => return Ok(sent_to(&path_of(*one), None)),
            several => {
                let ids: Vec<String> = several.iter().map(OrderId::to_string).collect();
                return Ok(sent_to(&LIST.with("only", ids.join(",")).to_string(), None));
            }
        },
        Err(error @ StaffOrderError::BadNumber) => Wrong::of(&error.into()),
        Err(error) => return Err(error.into()),
    };
    let nothing = (&OrderQuery::default(), &Found::default(), Place::default());
    let asked = Asked::of(&seat.member, &console, nothing)?;
    shown_as(wrong.status, &asked.page(&seat, &console, (number, Some(wrong))).await?)
}

fn nothing_found() -> Wrong {
    Wrong {
        title: "没有找到这个单号",
        details: vec![
            "订单号、支付单号、退款单号和支付平台的交易号都没有这个结尾。请核对最后 8 位。"
                .to_owned()
                .into(),
        ],
        status: 404,
    }
}

pub(super) fn path_of(id: OrderId) -> String {
    format!("{}/{id}", HERE.0)
}

/// The last eight characters of an id: the first eight are those of all orders of a minute.
pub(super) fn end_of(id: OrderId) -> String {
    id.uuid().simple().to_string().split_off(24)
}

/// How a state looks.
fn kind_of(state: &str) -> &'static str {
    match state {
        "fulfilled" => "good",
        "paid" | "refunding" => "waits",
        _ => "",
    }
}

fn row(NamedOrder { order, person }: NamedOrder, back: &str) -> Row {
    let ListedOrder { id, purpose, amount, state, created_at, provider, given_back, .. } = order;
    let (number, anchor) = (end_of(id), format!("o{}", end_of(id)));
    let partly = state == "fulfilled" && !given_back.is_zero();
    Row {
        path: way_back::row(&path_of(id), back, &anchor),
        anchor,
        number,
        at: clock_of(created_at),
        person,
        purpose: purpose.title(),
        amount: amount.to_string(),
        provider: words::provider(provider),
        state: words::order_state(state),
        kind: kind_of(state),
        given_back: partly.then(|| format!("已退 {given_back}")),
    }
}

/// `11-28 12:07:09`
fn clock_of(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    text.get(5..19).unwrap_or(&text).replace('T', " ")
}
