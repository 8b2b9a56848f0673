//! 复核: requests that one person makes and another decides.

mod refund_facts;

use super::{
    Console,
    browser::{Needs, Seat},
    deciding::{Decided, RequestDesk, Tried, Typed, page_of},
    frame::{Frame, PageError, Wrong, reason_of},
    second,
    way_back::{after, anchor},
    words,
};
use crate::{
    approvals::{Approval, ApprovalId, ApprovalKind, ApprovalState},
    base::clock::Timestamp,
    staff::{
        MoneyStanding, StaffRefund, StaffRepair,
        guard::{AskRefund, DecideRefund, ReadRefunds},
    },
    staff_accounts::{StaffAct, StaffMember},
};
use actix_web::HttpResponse;
use askama::Template;
use serde::Deserialize;

pub(super) const HERE: (&str, &str) = ("/staff/approvals", "复核");
/// The longest reason of a decision, in characters.
pub(super) const LONGEST_REASON: usize = 200;

/// Whose desk a request is at, as the address names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Desk {
    /// Refunds, and their ends.
    Refund,
    /// Differences of bills.
    Bill,
}

impl Desk {
    const fn code(self) -> &'static str {
        match self {
            Self::Refund => "refund",
            Self::Bill => "bill",
        }
    }

    const fn decides(self) -> StaffAct {
        match self {
            Self::Refund => StaffAct::DecideRefund,
            Self::Bill => StaffAct::DecideRepair,
        }
    }

    const fn reads(self) -> StaffAct {
        match self {
            Self::Refund => StaffAct::ReadRefunds,
            Self::Bill => StaffAct::ReadBills,
        }
    }
}

/// A request as pages show it.
pub(super) struct Row {
    pub(super) path: String,
    /// Its place in a list, to come back to.
    pub(super) anchor: String,
    pub(super) kind: &'static str,
    /// What it is about, in lists.
    pub(super) object: String,
    pub(super) state: &'static str,
    /// Still to be decided.
    pub(super) waits: bool,
    pub(super) amount: String,
    pub(super) asked_by: String,
    pub(super) asked_at: String,
    pub(super) expires_at: String,
    pub(super) reason: String,
    pub(super) stage: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "console/approval.html")]
struct DetailPage {
    frame: Frame,
    wrong: Option<Wrong>,
    typed: Typed,
    seen: Option<i64>,
    row: Row,
    question: String,
    verb: String,
    /// The page of the order, and the end of its number.
    order: Option<(String, String)>,
    facts: Vec<(&'static str, String)>,
    history: Vec<String>,
    /// Whether the provider can be asked how it stands.
    queries: bool,
    decides: bool,
    /// Why 通过 is not offered to who could decide.
    why_not: Option<&'static str>,
    withdraws: bool,
    list: String,
}

/// A request of either desk.
struct Request {
    approval: Approval,
    /// How far the refund is that it made.
    standing: Option<MoneyStanding>,
    /// The page of the order that it is about, and the end of its number.
    order: Option<(String, String)>,
    /// What one reads before one decides.
    facts: Vec<(&'static str, String)>,
}

/// The desks of refunds and of bills.
pub(super) struct MoneyRequests;

impl RequestDesk for MoneyRequests {
    type Key = (Desk, ApprovalId);
    type Reads = ReadRefunds;
    type Asks = AskRefund;
    type Decides = DecideRefund;

    fn path_of((desk, id): Self::Key) -> String {
        path_of(desk, id)
    }

    async fn page<N: Needs>(
        seat: &Seat<N>,
        console: &Console,
        (desk, id): Self::Key,
        tried: Tried,
    ) -> Result<HttpResponse, PageError> {
        let mut request = find(console, &seat.member, desk, id).await?;
        let now = console.clock.now();
        if desk == Desk::Refund {
            let about = refund_facts::of(console, &seat.member, &request.approval).await?;
            request.facts.extend(about.facts);
            request.order = about.order;
        }
        let approval = &request.approval;
        let waits = approval.state_at(now) == ApprovalState::Requested;
        let own = approval.asked_by.staff_no == *seat.member.staff_no;
        let decides = waits && !own && seat.member.roles.has(desk.decides());
        let why_not =
            if decides { second::why_not(console, &seat.member, approval).await? } else { None };
        let row = request.row(desk, now);
        let (wrong, typed) = tried.about(approval, now);
        let status = wrong.as_ref().map(|wrong| wrong.status);
        let page = DetailPage {
            frame: Frame::of(seat, console, HERE).await?,
            queries: request.standing == Some(MoneyStanding::RefundSent)
                && approval.kind == ApprovalKind::Refund
                && seat.member.roles.has(StaffAct::AskProvider),
            decides,
            why_not,
            withdraws: waits && own,
            history: history(approval),
            list: after(&typed.back, &format!("{}?desk={}", HERE.0, desk.code())),
            question: format!("通过{} {}？", row.kind, row.amount),
            verb: format!("通过 {}", row.amount),
            row,
            order: request.order,
            facts: request.facts,
            wrong,
            seen: None,
            typed,
        };
        page_of(status, &page)
    }

    async fn approve(
        seat: &Seat<DecideRefund>,
        console: &Console,
        (desk, id): Self::Key,
        form: &Decided,
    ) -> Result<Option<HttpResponse>, PageError> {
        let (why, member) = (remark_of(&form.reason)?, &seat.member);
        match desk {
            Desk::Refund => console.staff.approve_refund(member, id, &why).await.map(drop),
            Desk::Bill => console.bills.approve_repair(member, id, &why).await.map(drop),
        }?;
        Ok(None)
    }

    async fn reject(
        member: &StaffMember,
        console: &Console,
        (desk, id): Self::Key,
        why: &str,
    ) -> Result<(), PageError> {
        match desk {
            Desk::Refund => console.staff.reject_refund(member, id, why).await.map(drop),
            Desk::Bill => console.bills.reject_repair(member, id, why).await.map(drop),
        }?;
        Ok(())
    }

    async fn withdraw(
        member: &StaffMember,
        console: &Console,
        (desk, id): Self::Key,
    ) -> Result<(), PageError> {
        match desk {
            Desk::Refund => console.staff.withdraw_refund(member, id).await.map(drop),
            Desk::Bill => console.bills.withdraw_repair(member, id).await.map(drop),
        }?;
        Ok(())
    }
}

/// A remark, which may be left out.
pub(super) fn remark_of(text: &str) -> Result<String, PageError> {
    if text.trim().is_empty() { Ok(String::new()) } else { reason_of(text, LONGEST_REASON) }
}

pub(super) fn path_of(desk: Desk, id: ApprovalId) -> String {
    format!("{}/{}/{id}", HERE.0, desk.code())
}

async fn find(
    console: &Console,
    member: &StaffMember,
    desk: Desk,
    id: ApprovalId,
) -> Result<Request, PageError> {
    member.may(desk.reads(), console.clock.now())?;
    let found = match desk {
        Desk::Refund => console.staff.refund(member, id).await.map(Request::from),
        Desk::Bill => console.bills.repair(member, id).await.map(Request::from),
    };
    Ok(found?)
}

impl Request {
    fn row(&self, desk: Desk, now: Timestamp) -> Row {
        let path = path_of(desk, self.approval.id);
        Row { stage: self.standing.map(words::refund), ..Row::of(&self.approval, path, now) }
    }
}

impl Row {
    /// A request whose page is at `path`.
    pub(super) fn of(approval: &Approval, path: String, now: Timestamp) -> Self {
        let state = approval.state_at(now);
        Self {
            path,
            anchor: anchor('a', approval.id.uuid()),
            kind: words::approval_kind(approval.kind),
            object: String::new(),
            state: words::approval_state(state),
            waits: state == ApprovalState::Requested,
            amount: approval.amount.to_string(),
            asked_by: approval.asked_by.login.clone(),
            asked_at: words::when(approval.asked_at),
            expires_at: words::when(approval.expires_at),
            reason: approval.reason.clone(),
            stage: None,
        }
    }
}

impl From<StaffRefund> for Request {
    fn from(refund: StaffRefund) -> Self {
        let StaffRefund { approval, standing } = refund;
        let [money, next] = words::money(standing.unwrap_or(MoneyStanding::RefundAsked));
        let over = approval.decision.is_some() && standing.is_none();
        let next = if over { "无" } else { next };
        let facts = vec![("钱在哪里", money.to_owned()), ("下一步", next.to_owned())];
        Self { approval, standing, order: None, facts }
    }
}

impl From<StaffRepair> for Request {
    fn from(repair: StaffRepair) -> Self {
        let moves = repair.difference.is_open().then(|| repair.difference.moves_fen()).flatten();
        let difference = repair.difference.found.difference;
        let mut facts = vec![
            ("差异", words::differs(difference.differs.code()).to_owned()),
            ("我们", difference.ours),
            ("对方", difference.theirs),
            ("金额", words::yuan(difference.stake_fen)),
            ("建议", words::repair(difference.repair.code()).to_owned()),
            ("支付单号", difference.out_trade_no),
        ];
        facts.extend(moves.map(|fen| ("通过后学生账户增减", words::yuan(fen))));
        Self { approval: repair.approval, standing: None, order: None, facts }
    }
}

/// Who did what, as sentences.
pub(super) fn history(approval: &Approval) -> Vec<String> {
    let asked = format!(
        "{} {}（{}）申请：{}",
        words::when(approval.asked_at),
        approval.asked_by.login,
        approval.asked_by.staff_no,
        approval.reason,
    );
    let decided = approval.decision.as_ref().map(|decision| {
        let state = approval.decided_state().map_or("已结束", words::approval_state);
        let why =
            if decision.why.is_empty() { String::new() } else { format!("：{}", decision.why) };
        let at = words::when(decision.at);
        format!("{at} {}（{}）{state}{why}", decision.by.login, decision.by.staff_no)
    });
    std::iter::once(asked).chain(decided).collect()
}
