//! 复核: the lists of requests, one for each desk that decides about them.

mod file;
mod objects;
mod search;

pub(super) use file::{Adjustments, Logins, PasswordResets, Policies, Refunds, Repairs, export};
pub(super) use search::search;

use super::{
    Console, adjustments, approvals,
    browser::{Needs, Seat},
    frame::{Frame, PageError, shown},
    list::{self, Address, COUNTED, Chip, Choice, ListView, Pages, Place},
    member_requests, password_resets, policy,
    sealed::opened,
    way_back, words,
};
use crate::{
    approvals::{Approval, ApprovalId, ApprovalQuery, ApprovalState},
    base::clock::Timestamp,
    staff::{
        MoneyStanding, StaffActError,
        guard::{ReadAdjustments, ReadPasswordResets, ReadPolicy, ReadRefunds, ReadStaff},
    },
    staff_accounts::{StaffAct, StaffMember},
};
use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use approvals::{HERE, Row};
use askama::Template;
use serde::Deserialize;

/// Whose requests are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Desk {
    /// Refunds, and their ends.
    Refunds,
    /// Differences of bills.
    Repairs,
    Adjustments,
    Resets,
    /// Logins of members of staff.
    Logins,
    /// Changes of the policy.
    Policies,
}

/// Which of the two desks that share an address, and who asked: sealed, so that no address names a person.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    desk: Option<approvals::Desk>,
    of: String,
}

/// What waits for the member to decide, at each desk, the oldest first.
pub(super) const REFUNDS_TO_DECIDE: &str =
    "/staff/approvals?desk=refund&state=requested&mine=no&sort=oldest";
pub(super) const REPAIRS_TO_DECIDE: &str =
    "/staff/approvals?desk=bill&state=requested&mine=no&sort=oldest";
pub(super) const ADJUSTMENTS_TO_DECIDE: &str =
    "/staff/adjustments?state=requested&mine=no&sort=oldest";
pub(super) const RESETS_TO_DECIDE: &str =
    "/staff/password-resets?state=requested&mine=no&sort=oldest";
pub(super) const LOGINS_TO_DECIDE: &str =
    "/staff/staff-requests?state=requested&mine=no&sort=oldest";
pub(super) const POLICIES_TO_DECIDE: &str =
    "/staff/policy/requests?state=requested&mine=no&sort=oldest";

/// A request as a list shows it.
struct Listed {
    approval: Approval,
    /// How far the refund is that it made.
    standing: Option<MoneyStanding>,
    /// What it is about.
    object: String,
}

/// A list's tab: its path, its word, and whether it is shown.
type Tab = (&'static str, &'static str, bool);

#[derive(Template)]
#[template(path = "console/approvals.html")]
struct ListPage {
    frame: Frame,
    tabs: Vec<Tab>,
    /// Where the filter is sent to, and the desk that it names there.
    path: &'static str,
    desk: &'static str,
    states: Vec<Choice>,
    mine: Vec<Choice>,
    by: String,
    /// The same, sealed.
    of: String,
    /// Where it is sent to.
    search: String,
    list: ListView,
    rows: Vec<Row>,
    pages: Pages,
}

impl Desk {
    const ALL: [Self; 6] = [
        Self::Refunds,
        Self::Repairs,
        Self::Adjustments,
        Self::Resets,
        Self::Logins,
        Self::Policies,
    ];

    /// Its list without a filter.
    const fn tab(self) -> &'static str {
        match self {
            Self::Refunds => "/staff/approvals?desk=refund",
            Self::Repairs => "/staff/approvals?desk=bill",
            Self::Adjustments => adjustments::LIST,
            Self::Resets => password_resets::LIST,
            Self::Logins => member_requests::LIST,
            Self::Policies => policy::REQUESTS,
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Refunds | Self::Repairs => HERE.0,
            Self::Adjustments => adjustments::LIST,
            Self::Resets => password_resets::LIST,
            Self::Logins => member_requests::LIST,
            Self::Policies => policy::REQUESTS,
        }
    }

    /// As the address names it, where it must.
    const fn code(self) -> &'static str {
        match self {
            Self::Refunds => "refund",
            Self::Repairs => "bill",
            Self::Adjustments | Self::Resets | Self::Logins | Self::Policies => "",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Refunds => "退款",
            Self::Repairs => "对账差异",
            Self::Adjustments => "调账",
            Self::Resets => "重置密码",
            Self::Logins => "账号",
            Self::Policies => "政策",
        }
    }

    const fn reads(self) -> StaffAct {
        match self {
            Self::Refunds => StaffAct::ReadRefunds,
            Self::Repairs => StaffAct::ReadBills,
            Self::Adjustments => StaffAct::ReadAdjustments,
            Self::Resets => StaffAct::ReadPasswordResets,
            Self::Logins => StaffAct::ReadStaff,
            Self::Policies => StaffAct::ReadPolicy,
        }
    }

    const fn is_of_money(self) -> bool {
        matches!(self, Self::Refunds | Self::Repairs | Self::Adjustments)
    }

    fn path_of(self, id: ApprovalId) -> String {
        match self {
            Self::Refunds => approvals::path_of(approvals::Desk::Refund, id),
            Self::Repairs => approvals::path_of(approvals::Desk::Bill, id),
            Self::Adjustments => adjustments::path_of(id),
            Self::Resets => password_resets::path_of(id),
            Self::Logins => member_requests::path_of(id),
            Self::Policies => policy::request_path(id),
        }
    }

    async fn count(
        self,
        console: &Console,
        member: &StaffMember,
        query: &ApprovalQuery,
    ) -> Result<u64, PageError> {
        let (staff, people, most) = (&console.staff, &console.people, COUNTED + 1);
        Ok(match self {
            Self::Refunds => staff.count_refunds(member, query, most).await?,
            Self::Repairs => console.bills.count_repairs(member, query, most).await?,
            Self::Adjustments => people.count_adjustments(member, query, most).await?,
            Self::Resets => people.count_resets(member, query, most).await?,
            Self::Logins => staff.count_staff_requests(member, query, most).await?,
            Self::Policies => staff.count_policy_requests(member, query, most).await?,
        })
    }

    fn row(self, listed: &Listed, back: &str, now: Timestamp) -> Row {
        let Listed { approval, standing, object } = listed;
        let row = Row::of(approval, self.path_of(approval.id), now);
        let amount = if self.is_of_money() { row.amount } else { String::new() };
        let path = way_back::row(&row.path, back, &row.anchor);
        let object = object.clone();
        Row { path, object, amount, stage: standing.map(words::refund), ..row }
    }
}

/// What a list is asked for.
struct Asked {
    desk: Desk,
    query: ApprovalQuery,
    /// Who asked, as the address says it.
    of: String,
    place: Place,
}

impl Asked {
    /// The list of an address. One that says who asked in plain text is refused, and not read as one that does not.
    fn of(
        member: &StaffMember,
        console: &Console,
        (desk, of): (Desk, String),
        (query, place): (ApprovalQuery, Place),
    ) -> Result<Self, PageError> {
        if !Self::text(query.by.as_ref()).is_empty() {
            return Err(StaffActError::BadFilter("by").into());
        }
        let by = opened(console, member, &of);
        let of = if by.is_some() { of } else { String::new() };
        Ok(Self { desk, query: ApprovalQuery { by, ..query }, of, place })
    }

    /// What stands in a field.
    fn text(field: Option<&String>) -> &str {
        field.map(|text| text.trim()).unwrap_or_default()
    }

    fn state(&self) -> Option<ApprovalState> {
        ApprovalState::from_code(Self::text(self.query.state.as_ref()))
    }

    fn mine(&self) -> Option<&'static str> {
        MINE.into_iter().find(|mine| *mine == Self::text(self.query.mine.as_ref()))
    }

    /// The address of the list from its beginning.
    fn list(&self) -> Address {
        Address::of(self.desk.path())
            .with("desk", self.desk.code())
            .with("state", Self::text(self.query.state.as_ref()))
            .with("mine", Self::text(self.query.mine.as_ref()))
            .with("of", &self.of)
    }

    fn chips(&self) -> Vec<Chip> {
        let by = Some(Self::text(self.query.by.as_ref())).filter(|by| !by.is_empty());
        let state = self.state().map(|state| format!("状态：{}", words::approval_state(state)));
        let fields = [
            ("state", state),
            ("mine", self.mine().map(|mine| mine_word(mine).to_owned())),
            ("of", by.map(|by| format!("申请人：{by}"))),
        ];
        list::chips(&self.list(), fields)
    }

    async fn page<N: Needs>(
        self,
        seat: &Seat<N>,
        console: &Console,
    ) -> Result<ListPage, PageError> {
        let Self { desk, query, of, place } = &self;
        let (desk, list, now) = (*desk, self.list(), console.clock.now());
        let found = desk.page(console, &seat.member, query, place.keyset()).await?;
        let count = desk.count(console, &seat.member, query).await?;
        let (found, pages) = place.turn(found, |one| one.approval.id.uuid(), &list);
        let back = place.address(&list).to_string();
        let none = ["还没有申请。", "没有符合条件的申请。"];
        let view = place.view(&list, self.chips(), list::count(count, "项"), none);
        let code = ApprovalState::code;
        Ok(ListPage {
            frame: Frame::of(seat, console, HERE).await?,
            tabs: tabs(&seat.member, desk),
            path: desk.path(),
            desk: desk.code(),
            states: list::choices(ApprovalState::ALL, self.state(), code, words::approval_state),
            mine: list::choices(MINE, self.mine(), |mine| mine, mine_word),
            by: Self::text(query.by.as_ref()).to_owned(),
            of: of.clone(),
            search: format!("{}/search", desk.path()),
            list: ListView { clear: desk.tab(), ..view },
            rows: found.iter().map(|one| desk.row(one, &back, now)).collect(),
            pages,
        })
    }
}

const MINE: [&str; 2] = ["yes", "no"];

fn mine_word(mine: &str) -> &'static str {
    if mine == "yes" { "您申请的" } else { "别人申请的" }
}

/// The lists that the member may read.
fn tabs(member: &StaffMember, here: Desk) -> Vec<Tab> {
    let may = Desk::ALL.into_iter().filter(|desk| member.roles.has(desk.reads()));
    may.map(|desk| (desk.tab(), desk.word(), desk == here)).collect()
}

/// A list's filter and place.
type AskedFor = (Query<Wanted>, Query<ApprovalQuery>, Query<Place>);

async fn listed<N: Needs>(
    seat: Seat<N>,
    desk: Desk,
    (wanted, query, place): AskedFor,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let asked_for = (query.into_inner(), *place);
    let asked = Asked::of(&seat.member, &console, (desk, wanted.into_inner().of), asked_for)?;
    shown(&asked.page(&seat, &console).await?)
}

impl Wanted {
    const fn desk(&self) -> Desk {
        match self.desk {
            Some(approvals::Desk::Bill) => Desk::Repairs,
            Some(approvals::Desk::Refund) | None => Desk::Refunds,
        }
    }
}

pub(super) async fn of_money(
    seat: Seat<ReadRefunds>,
    asked: AskedFor,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    listed(seat, asked.0.desk(), asked, console).await
}

pub(super) async fn of_adjustments(
    seat: Seat<ReadAdjustments>,
    asked: AskedFor,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    listed(seat, Desk::Adjustments, asked, console).await
}

pub(super) async fn of_resets(
    seat: Seat<ReadPasswordResets>,
    asked: AskedFor,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    listed(seat, Desk::Resets, asked, console).await
}

pub(super) async fn of_logins(
    seat: Seat<ReadStaff>,
    asked: AskedFor,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    listed(seat, Desk::Logins, asked, console).await
}

pub(super) async fn of_policies(
    seat: Seat<ReadPolicy>,
    asked: AskedFor,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    listed(seat, Desk::Policies, asked, console).await
}
