//! The list of merchants.

use super::{HERE, path_of};
use crate::{
    console::{
        Console,
        browser::Seat,
        frame::{Frame, PageError, shown},
        list::{self, Address, Chip, Choice, ListView, Pages, Place},
        way_back,
    },
    staff::{MerchantQuery, TakingMerchant, guard::ReadTerminals},
    staff_accounts::{StaffAct, StaffMember},
    terminals::listing::MerchantFilter,
};
use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;

const LIST: Address = Address::of(HERE.0);

/// A merchant as the list shows it.
struct Row {
    path: String,
    /// Its place on the page, to come back to.
    anchor: String,
    code: String,
    name: String,
    since: String,
    taken: String,
    terminals: usize,
    enabled: bool,
}

#[derive(Template)]
#[template(path = "console/merchants.html")]
struct ListPage {
    frame: Frame,
    states: Vec<Choice>,
    text: String,
    adds: bool,
    list: ListView,
    rows: Vec<Row>,
    pages: Pages,
}

/// What a list is asked for, checked.
pub(super) struct Asked {
    pub(super) filter: MerchantFilter,
    pub(super) place: Place,
}

impl Asked {
    pub(super) fn of(
        member: &StaffMember,
        (query, place): (&MerchantQuery, Place),
    ) -> Result<Self, PageError> {
        Ok(Self { filter: query.filter(member.school)?, place })
    }

    /// The address of the list from its beginning.
    fn list(&self) -> Address {
        LIST.with("state", self.filter.enabled.map_or("", state))
            .with("text", self.filter.text.as_deref().unwrap_or_default())
    }

    pub(super) fn chips(&self) -> Vec<Chip> {
        let fields = [
            ("state", self.filter.enabled.map(|enabled| format!("状态：{}", word(enabled)))),
            ("text", self.filter.text.as_ref().map(|text| format!("编号或名称：{text}"))),
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
        let found = console.terminals.merchants(filter, place.keyset()).await?;
        let (found, pages) = place.turn(found, |one| one.listed.merchant.id.uuid(), &list);
        let count = list::count(found.first().map_or(0, |one| one.listed.listed), "家");
        let back = place.address(&list).to_string();
        let none = ["还没有商户。", "没有符合条件的商户。"];
        Ok(ListPage {
            frame: Frame::of(seat, console, HERE).await?,
            states: list::choices([true, false], filter.enabled, state, word),
            text: filter.text.clone().unwrap_or_default(),
            adds: seat.member.roles.has(StaffAct::ChangeTerminals),
            list: place.view(&list, self.chips(), count, none),
            rows: found.into_iter().map(|one| row(one, &back)).collect(),
            pages,
        })
    }
}

const fn state(enabled: bool) -> &'static str {
    if enabled { "on" } else { "off" }
}

pub(super) const fn word(enabled: bool) -> &'static str {
    if enabled { "在用" } else { "停用" }
}

pub(in crate::console) async fn list(
    seat: Seat<ReadTerminals>,
    asked: (Query<MerchantQuery>, Query<Place>),
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (query, place) = asked;
    let asked = Asked::of(&seat.member, (&query, *place))?;
    shown(&asked.page(&seat, &console).await?)
}

fn row(TakingMerchant { listed, terminals, taken, .. }: TakingMerchant, back: &str) -> Row {
    let merchant = listed.merchant;
    let anchor = way_back::anchor('m', merchant.id.uuid());
    Row {
        path: way_back::row(&path_of(merchant.id), back, &anchor),
        anchor,
        code: merchant.code,
        name: merchant.name,
        since: listed.created_at.day().to_string(),
        taken: list::money(taken),
        terminals,
        enabled: merchant.enabled,
    }
}
