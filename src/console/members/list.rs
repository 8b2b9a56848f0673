//! The list of logins.

use super::{HERE, MemberRow};
use crate::{
    console::{
        Console,
        browser::Seat,
        frame::{Frame, PageError, shown},
        list::{self, Address, COUNTED, Chip, Choice, ListView, Pages, Place},
        member_requests::RequestRow,
        words,
    },
    staff::{StaffActError, guard::ReadStaff},
    staff_accounts::{StaffAct, StaffFilter, StaffMember, StaffPlace, StaffQuery, StaffRole},
};
use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;

const LIST: Address = Address::of(HERE.0);
/// So many of the requests that wait are shown, the oldest first.
const MOST_REQUESTS: u64 = 50;

#[derive(Template)]
#[template(path = "console/members.html")]
struct ListPage {
    frame: Frame,
    requests: Vec<RequestRow>,
    roles: Vec<Choice>,
    states: Vec<Choice>,
    changes: bool,
    is_by_sign_in: bool,
    /// The list in the order of the logins, and in that of the last sign-in.
    orders: [String; 2],
    list: ListView,
    rows: Vec<MemberRow>,
    pages: Pages,
}

/// What a list is asked for, checked.
pub(super) struct Asked {
    pub(super) query: StaffQuery,
    filter: StaffFilter,
    pub(super) place: Place<StaffPlace>,
}

impl Asked {
    pub(super) fn of(
        member: &StaffMember,
        (query, place): (StaffQuery, Place<StaffPlace>),
    ) -> Result<Self, PageError> {
        let filter = query.filter(member.school).map_err(StaffActError::BadFilter)?;
        let place = if filter.by_sign_in { place } else { place.oldest_first() };
        Ok(Self { query, filter, place })
    }

    /// The address of the list from its beginning.
    fn list(&self) -> Address {
        LIST.with("role", self.filter.role.map_or("", StaffRole::code))
            .with("state", self.filter.enabled.map_or("", state))
            .with("by", if self.filter.by_sign_in { "signed_in" } else { "" })
    }

    pub(super) fn chips(&self) -> Vec<Chip> {
        let role = self.filter.role.map(|role| format!("角色：{}", words::role(role.code())));
        let state = self.filter.enabled.map(|enabled| format!("状态：{}", word(enabled)));
        list::chips(&self.list(), [("role", role), ("state", state)])
    }

    async fn page(self, seat: &Seat<ReadStaff>, console: &Console) -> Result<ListPage, PageError> {
        let (member, desk, list) = (&seat.member, &console.staff, self.list());
        let Self { query, filter, place } = &self;
        let found = desk.members(member, query, place.keyset()).await?;
        let count = desk.count_members(member, query, COUNTED + 1).await?;
        let requests = desk.waiting_staff_requests(member, MOST_REQUESTS).await?;
        let (found, pages) = place.turn(found, StaffPlace::of, &list);
        let back = place.address(&list).to_string();
        let none = ["还没有账号。", "没有符合条件的账号。"];
        let role = |role: StaffRole| words::role(role.code());
        let orders = [list.without("by"), list.with("by", "signed_in")];
        Ok(ListPage {
            frame: Frame::of(seat, console, HERE).await?,
            requests: requests.iter().map(|one| RequestRow::of(one, &back)).collect(),
            roles: list::choices(StaffRole::ALL, filter.role, StaffRole::code, role),
            states: list::choices([true, false], filter.enabled, state, word),
            changes: member.roles.has(StaffAct::ChangeStaff),
            is_by_sign_in: filter.by_sign_in,
            orders: orders.map(|list| list.to_string()),
            list: place.view(&list, self.chips(), list::count(count, "个账号"), none),
            rows: found.iter().map(|one| MemberRow::of_list(one, &back)).collect(),
            pages,
        })
    }
}

const fn state(enabled: bool) -> &'static str {
    if enabled { "on" } else { "off" }
}

const fn word(enabled: bool) -> &'static str {
    if enabled { "正常" } else { "已停用" }
}

pub(in crate::console) async fn list(
    seat: Seat<ReadStaff>,
    asked: (Query<StaffQuery>, Query<Place<StaffPlace>>),
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (query, place) = asked;
    let asked = Asked::of(&seat.member, (query.into_inner(), *place))?;
    shown(&asked.page(&seat, &console).await?)
}
