//! Requests about logins of members of staff: one admin asks, another decides.

use super::{
    Console,
    approvals::{Decided, LONGEST_REASON, history, remark_of},
    browser::{Seat, Sent},
    frame::{Frame, PageError, reason_of, sent_to, shown},
    member_add::slip_page,
    members::{self, HERE, MemberRow, roles_word},
    second, words,
};
use crate::{
    approvals::{Approval, ApprovalId, ApprovalState},
    staff::guard::{ChangeStaff, ReadStaff},
    staff_accounts::{StaffAct, StaffChange, StaffId},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
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
    pub(super) fn of(approval: &Approval) -> Self {
        Self {
            path: path_of(approval.id),
            kind: words::approval_kind(approval.kind),
            asked_at: words::when(approval.asked_at),
            asked_by: asker(approval),
            reason: approval.reason.clone(),
        }
    }
}

pub(super) async fn show(
    seat: Seat<ReadStaff>,
    id: Path<ApprovalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let request = console.staff.staff_request(&seat.member, id.into_inner()).await?;
    let (approval, member, change) = (request.approval, request.member, request.change);
    let state = approval.state_at(console.clock.now());
    let waits = state == ApprovalState::Requested;
    let asked = approval.asked_by.staff_no == *seat.member.staff_no;
    let changes = waits && seat.member.roles.has(StaffAct::ChangeStaff);
    let login = &*member.login;
    let (after, question, consequence) = match &change {
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
    };
    let decides = changes && !asked && member.staff_no != seat.member.staff_no;
    let why_not =
        if decides { second::why_not(&console, &seat.member, &approval).await? } else { None };
    shown(&RequestPage {
        frame: Frame::of(&seat, &console, HERE).await?,
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
        asked_by: asker(&approval),
        expires_at: words::when(approval.expires_at),
        history: history(&approval),
        reason: approval.reason,
    })
}

/// Approves; the answer to the form of a new factor is the slip, once.
pub(super) async fn approve(
    sent: Sent<ChangeStaff, Decided>,
    id: Path<ApprovalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form }, id) = (sent, id.into_inner());
    let why = remark_of(&form.reason)?;
    let (approval, slip) = console.staff.approve_change(&seat.member, id, &why).await?;
    let Some(slip) = slip else { return Ok(sent_to(&path_of(id), Some("approved"))) };
    let back = members::path_of(StaffId::from_uuid(approval.subject));
    slip_page(&seat, &console, (&slip, back), None).await
}

pub(super) async fn reject(
    sent: Sent<ChangeStaff, Decided>,
    id: Path<ApprovalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let id = id.into_inner();
    let why = reason_of(&sent.form.reason, LONGEST_REASON)?;
    console.staff.reject_change(&sent.seat.member, id, &why).await?;
    Ok(sent_to(&path_of(id), Some("rejected")))
}

pub(super) async fn withdraw(
    sent: Sent<ChangeStaff, Decided>,
    id: Path<ApprovalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let id = id.into_inner();
    console.staff.withdraw_change(&sent.seat.member, id).await?;
    Ok(sent_to(&path_of(id), Some("withdrawn")))
}

pub(super) fn path_of(id: ApprovalId) -> String {
    format!("/staff/staff-requests/{id}")
}

fn asker(approval: &Approval) -> String {
    format!("{}（{}）", approval.asked_by.login, approval.asked_by.staff_no)
}
