//! Requests about logins of members of staff: one admin asks, another decides.

use super::{
    Console,
    approvals::{history, remark_of},
    browser::{Needs, Seat},
    deciding::{Decided, RequestDesk, Tried, Typed, page_of},
    frame::{Frame, PageError, Wrong},
    member_add::slip_page,
    members::{self, HERE, MemberRow, roles_word},
    second,
    way_back::{self, leading_back},
    words,
};
use crate::{
    approvals::{Approval, ApprovalId, ApprovalState},
    staff::guard::{ChangeStaff, ReadStaff},
    staff_accounts::{StaffAct, StaffChange, StaffId, StaffMember},
};
use actix_web::HttpResponse;
use askama::Template;

/// A request as a list shows it.
pub(super) struct RequestRow {
    pub(super) path: String,
    pub(super) kind: &'static str,
    pub(super) asked_at: String,
    pub(super) asked_by: String,
    pub(super) reason: String,
}

#[derive(Template)]
#[template(path = "console/member_request.html")]
struct RequestPage {
    frame: Frame,
    wrong: Option<Wrong>,
    typed: Typed,
    list: String,
    seen: Option<i64>,
    path: String,
    kind: &'static str,
    state: &'static str,
    waits: bool,
    row: MemberRow,
    /// The roles that it gets.
    after: Option<String>,
    question: String,
    /// What follows from it.
    consequence: &'static str,
    reason: String,
    asked_by: String,
    expires_at: String,
    decides: bool,
    /// Why 通过 is not offered to who could decide.
    why_not: Option<&'static str>,
    withdraws: bool,
    history: Vec<String>,
}

impl RequestRow {
    /// A request that leads back to `back`.
    pub(super) fn of(approval: &Approval, back: &str) -> Self {
        Self {
            path: leading_back(&path_of(approval.id), back),
            kind: words::approval_kind(approval.kind),
            asked_at: words::when(approval.asked_at),
            asked_by: asker(approval),
            reason: approval.reason.clone(),
        }
    }
}

/// The desk of logins.
pub(super) struct MemberRequests;

impl RequestDesk for MemberRequests {
    type Key = ApprovalId;
    type Reads = ReadStaff;
    type Asks = ChangeStaff;
    type Decides = ChangeStaff;

    fn path_of(id: ApprovalId) -> String {
        path_of(id)
    }

    async fn page<N: Needs>(
        seat: &Seat<N>,
        console: &Console,
        id: ApprovalId,
        tried: Tried,
    ) -> Result<HttpResponse, PageError> {
        let request = console.staff.staff_request(&seat.member, id).await?;
        let (approval, member, change) = (request.approval, request.member, request.change);
        let now = console.clock.now();
        let state = approval.state_at(now);
        let waits = state == ApprovalState::Requested;
        let asked = approval.asked_by.staff_no == *seat.member.staff_no;
        let changes = waits && seat.member.roles.has(StaffAct::ChangeStaff);
        let (after, question, consequence) = what_follows(&member.login, &change);
        let decides = changes && !asked && member.staff_no != seat.member.staff_no;
        let why_not =
            if decides { second::why_not(console, &seat.member, &approval).await? } else { None };
        let (wrong, typed) = tried.about(&approval, now);
        let status = wrong.as_ref().map(|wrong| wrong.status);
        let page = RequestPage {
            frame: Frame::of(seat, console, HERE).await?,
            wrong,
            path: path_of(approval.id),
            kind: words::approval_kind(approval.kind),
            state: words::approval_state(state),
            waits,
            decides,
            why_not,
            withdraws: changes && asked,
            row: MemberRow::of(&member),
            after,
            question,
            consequence,
            seen: None,
            asked_by: asker(&approval),
            expires_at: words::when(approval.expires_at),
            history: history(&approval),
            reason: approval.reason,
            list: way_back::after(&typed.back, HERE.0),
            typed,
        };
        page_of(status, &page)
    }

    /// Approves; the answer to the form of a new factor is the slip, once.
    async fn approve(
        seat: &Seat<ChangeStaff>,
        console: &Console,
        id: ApprovalId,
        form: &Decided,
    ) -> Result<Option<HttpResponse>, PageError> {
        let why = remark_of(&form.reason)?;
        let (approval, slip) = console.staff.approve_change(&seat.member, id, &why).await?;
        let Some(slip) = slip else { return Ok(None) };
        let back = form.back_or(&members::path_of(StaffId::from_uuid(approval.subject)));
        slip_page(seat, console, (&slip, back), None).await.map(Some)
    }

    async fn reject(
        member: &StaffMember,
        console: &Console,
        id: ApprovalId,
        why: &str,
    ) -> Result<(), PageError> {
        console.staff.reject_change(member, id, why).await?;
        Ok(())
    }

    async fn withdraw(
        member: &StaffMember,
        console: &Console,
        id: ApprovalId,
    ) -> Result<(), PageError> {
        console.staff.withdraw_change(member, id).await?;
        Ok(())
    }
}

/// The roles afterwards, the question, and what follows.
fn what_follows(login: &str, change: &StaffChange) -> (Option<String>, String, &'static str) {
    match change {
        StaffChange::Roles(roles) => {
            let after = roles_word(roles);
            let question = format!("{login} 的角色改为 {after}？");
            (Some(after), question, "通过后即刻生效，须重新登录。")
        }
        StaffChange::Factor => (
            None,
            format!("重置 {login} 的验证器？"),
            "请先当面核对本人。通过后显示一次新的登录单。",
        ),
    }
}

/// Its list.
pub(super) const LIST: &str = "/staff/staff-requests";

pub(super) fn path_of(id: ApprovalId) -> String {
    format!("{LIST}/{id}")
}

fn asker(approval: &Approval) -> String {
    format!("{}（{}）", approval.asked_by.login, approval.asked_by.staff_no)
}
