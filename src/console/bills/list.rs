//! The list of days of bills.

use super::{HERE, path_of};
use crate::{
    base::clock::Day,
    console::{
        Console,
        bill_days::Wanted,
        browser::{Needs, Seat},
        frame::{Frame, PageError, Wrong, shown, shown_as},
        list::{self, Address, COUNTED, Chip, Choice, ListView, Pages, Place},
        way_back::{self, anchor, at_row},
        words,
    },
    orders::fact::Provider,
    reconciliation::{
        BillDay,
        listing::{BillDayFilter, BillDayQuery, BillDayState},
    },
    staff::{StaffActError, guard::ReadBills},
    staff_accounts::{StaffAct, StaffMember},
};
use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;

const LIST: Address = Address::of(HERE.0);

/// A day of a provider's bills.
struct DayRow {
    path: String,
    /// Its place on the page, and the page at that place, to come back to.
    anchor: String,
    back: String,
    /// Where its bill is fetched.
    run: String,
    date: String,
    provider: &'static str,
    merchant: String,
    state: String,
    good: bool,
    paid: String,
    billed: String,
    gap: String,
    /// Why the sums differ though no row does.
    apart: Vec<String>,
    fee: String,
    compared_at: String,
    /// Whether its bill has not come, and the member may have it fetched now.
    fetches: bool,
}

#[derive(Template)]
#[template(path = "console/bill_days.html")]
struct DaysPage {
    frame: Frame,
    /// What the fetching of a bill was refused for.
    wrong: Option<Wrong>,
    providers: Vec<Choice>,
    states: Vec<Choice>,
    from: String,
    to: String,
    today: String,
    list: ListView,
    rows: Vec<DayRow>,
    pages: Pages,
    /// The last day whose bill can be fetched, where the member may have it fetched.
    yesterday: Option<String>,
    /// Whose bill of which day is asked for.
    run: Wanted,
}

/// What a list is asked for, checked.
pub(super) struct Asked {
    pub(super) query: BillDayQuery,
    filter: BillDayFilter,
    pub(super) place: Place,
}

impl Asked {
    pub(super) fn of(
        member: &StaffMember,
        (query, place): (BillDayQuery, Place),
    ) -> Result<Self, PageError> {
        let filter = query.filter(member.school).map_err(StaffActError::BadFilter)?;
        Ok(Self { query, filter, place })
    }

    fn days(&self) -> [String; 2] {
        let day = |day: Option<_>| day.map_or_else(String::new, |day| format!("{day}"));
        [day(self.filter.from), day(self.filter.to)]
    }

    /// The address of the list from its beginning.
    fn list(&self) -> Address {
        let [from, to] = self.days();
        LIST.with("provider", self.filter.provider.map_or("", Provider::code))
            .with("state", self.filter.state.map_or("", BillDayState::code))
            .with("from", from)
            .with("to", to)
    }

    pub(super) fn chips(&self) -> Vec<Chip> {
        let filter = &self.filter;
        let fields = [
            ("provider", filter.provider.map(|one| format!("渠道：{}", words::provider(one)))),
            ("state", filter.state.map(|state| format!("状态：{}", word(state)))),
            ("from", filter.from.map(|day| format!("从 {day}"))),
            ("to", filter.to.map(|day| format!("到 {day}"))),
        ];
        list::chips(&self.list(), fields)
    }

    async fn page<N: Needs>(
        self,
        seat: &Seat<N>,
        console: &Console,
    ) -> Result<DaysPage, PageError> {
        let (member, desk, list) = (&seat.member, &console.bills, self.list());
        let Self { query, filter, place } = &self;
        let found = desk.days(member, query, place.keyset()).await?;
        let count = desk.count_days(member, query, COUNTED + 1).await?;
        let (found, pages) = place.turn(found, |day| day.id, &list);
        let back = place.address(&list).to_string();
        let askable = desk.askable(member, &found).await?;
        let none = ["还没有对过账的日子。", "没有符合条件的日子。"];
        let [from, to] = self.days();
        let (providers, states) = (Provider::ALL, BillDayState::ALL);
        let today = console.clock.now().day();
        let yesterday = Day::from_number(today.number().saturating_sub(1));
        let compares = member.roles.has(StaffAct::CompareBills);
        Ok(DaysPage {
            frame: Frame::of(seat, console, HERE).await?,
            wrong: None,
            providers: list::choices(providers, filter.provider, Provider::code, words::provider),
            states: list::choices(states, filter.state, BillDayState::code, word),
            from,
            to,
            today: today.to_string(),
            list: place.view(&list, self.chips(), list::count(count, "天"), none),
            rows: found
                .iter()
                .zip(askable)
                .map(|(day, askable)| day_row(day, compares && askable, &back))
                .collect(),
            pages,
            yesterday: compares.then(|| yesterday.to_string()),
            run: Wanted { provider: String::new(), date: yesterday.to_string() },
        })
    }
}

/// The list again where a bill was not fetched, with which it was to be.
pub(in crate::console) async fn list_again<N: Needs>(
    seat: &Seat<N>,
    console: &Console,
    run: Wanted,
    error: PageError,
) -> Result<HttpResponse, PageError> {
    let wrong = Wrong::of(&error.refusal()?);
    let all = (BillDayQuery::default(), Place::default());
    let page = Asked::of(&seat.member, all)?.page(seat, console).await?;
    shown_as(wrong.status, &DaysPage { wrong: Some(wrong), run, ..page })
}

pub(in crate::console) async fn list(
    seat: Seat<ReadBills>,
    asked: (Query<BillDayQuery>, Query<Place>),
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (query, place) = asked;
    let asked = Asked::of(&seat.member, (query.into_inner(), *place))?;
    shown(&asked.page(&seat, &console).await?)
}

/// The state of a day, as the filter names it: what is open is without a bill or with one. No bill is what the
/// provider says; one that has not come is another thing.
pub(super) const fn word(state: BillDayState) -> &'static str {
    match state {
        BillDayState::Closed => "平",
        BillDayState::Open => "有差异",
        BillDayState::Unbilled => "对方当天无账",
        BillDayState::Awaited => "未取到账单",
    }
}

/// What we have of a day and what the provider has, in fen.
pub(super) const fn sums(day: &BillDay) -> [i64; 2] {
    let totals = &day.totals;
    [totals.paid_fen - totals.back_fen, totals.billed_fen - totals.refunded_fen]
}

/// What is the provider's of a day: nothing is known of it before its bill has come.
pub(super) fn of_bill(day: &BillDay, known: impl FnOnce() -> String) -> String {
    if day.is_awaited() { "—".to_owned() } else { known() }
}

fn day_row(day: &BillDay, asks: bool, list: &str) -> DayRow {
    let ([ours, theirs], state) = (sums(day), BillDayState::of(day));
    let (path, anchor) = (path_of(day.id), anchor('d', day.id));
    DayRow {
        run: format!("{path}/run"),
        path: way_back::row(&path, list, &anchor),
        back: at_row(list, &anchor),
        anchor,
        date: day.key.day.to_string(),
        provider: words::provider(day.key.provider),
        merchant: day.key.merchant.clone(),
        state: super::state(day),
        good: state == BillDayState::Closed,
        paid: words::yuan(ours),
        billed: of_bill(day, || words::yuan(theirs)),
        gap: of_bill(day, || words::yuan(theirs - ours)),
        apart: super::apart(day),
        fee: of_bill(day, || words::yuan(day.totals.fee_fen)),
        compared_at: of_bill(day, || words::when(day.compared_at)),
        fetches: asks && day.is_awaited(),
    }
}
