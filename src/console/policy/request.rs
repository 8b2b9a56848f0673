//! A change of the policy that another admin decides.

use super::{Changed, HERE, LONGEST_REASON, changed};
use crate::{
    approvals::{ApprovalId, ApprovalState},
    console::{
        Console,
        approvals::{Decided, history, remark_of},
        browser::{Seat, Sent},
        frame::{Frame, PageError, reason_of, sent_to, shown},
        second, words,
    },
    policies::{PolicyPreview, PolicyRequest},
    staff::guard::{ChangePolicy, ReadPolicy},
    staff_accounts::StaffAct,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;

#[derive(Template)]
#[template(path = "console/policy_request.html")]
struct RequestPage {
    frame: Frame,
    path: String,
    state: &'static str,
    waits: bool,
    from: String,
    rows: Vec<Changed>,
    impacts: Vec<(&'static str, String)>,
    reason: String,
    asked_by: String,
    expires_at: String,
    question: String,
    consequence: String,
    decides: bool,
    /// Why 通过 is not offered to who could decide.
    why_not: Option<&'static str>,
    withdraws: bool,
    history: Vec<String>,
}

pub(in crate::console) async fn show_request(
    seat: Seat<ReadPolicy>,
    id: Path<ApprovalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (desk, member) = (&console.staff, &seat.member);
    let PolicyRequest { approval, proposal, differences } =
        desk.policy_request(member, id.into_inner()).await?;
    let state = approval.state_at(console.clock.now());
    let waits = state == ApprovalState::Requested;
    let asked = approval.asked_by.staff_no == *member.staff_no;
    let changes = waits && member.roles.has(StaffAct::ChangePolicy);
    let rows = changed(&differences);
    let from = proposal.from.to_string();
    let today = console.clock.now().day();
    let begins = if proposal.from <= today {
        "立即生效".to_owned()
    } else {
        format!("{from} 起生效")
    };
    let preview = PolicyPreview { proposal, differences, two_persons: true };
    let impacts = if changes { desk.policy_impact(member, &preview).await? } else { Vec::new() };
    let title = format!("更改政策 {} 项", rows.len());
    let decides = changes && !asked;
    let why_not = if decides { second::why_not(&console, member, &approval).await? } else { None };
    shown(&RequestPage {
        frame: Frame::of(&seat, &console, (HERE.0, &title)).await?,
        path: path_of(approval.id),
        state: words::approval_state(state),
        waits,
        question: format!("从 {from} 起更改 {} 项？", rows.len()),
        consequence: format!("通过后{begins}，成为新的版本；可以再恢复以前的版本。"),
        from,
        rows,
        impacts: impacts.into_iter().map(|one| (one.group, one.sentence)).collect(),
        asked_by: format!("{}（{}）", approval.asked_by.login, approval.asked_by.staff_no),
        expires_at: words::when(approval.expires_at),
        decides,
        why_not,
        withdraws: changes && asked,
        history: history(&approval),
        reason: approval.reason,
    })
}

pub(in crate::console) async fn approve(
    sent: Sent<ChangePolicy, Decided>,
    id: Path<ApprovalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (id, why) = (id.into_inner(), remark_of(&sent.form.reason)?);
    console.staff.approve_policy(&sent.seat.member, id, &why).await?;
    Ok(sent_to(&path_of(id), Some("approved")))
}

pub(in crate::console) async fn reject(
    sent: Sent<ChangePolicy, Decided>,
    id: Path<ApprovalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let id = id.into_inner();
    let why = reason_of(&sent.form.reason, LONGEST_REASON)?;
    console.staff.reject_policy(&sent.seat.member, id, &why).await?;
    Ok(sent_to(&path_of(id), Some("rejected")))
}

pub(in crate::console) async fn withdraw(
    sent: Sent<ChangePolicy, Decided>,
    id: Path<ApprovalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let id = id.into_inner();
    console.staff.withdraw_policy(&sent.seat.member, id).await?;
    Ok(sent_to(&path_of(id), Some("withdrawn")))
}

pub(super) fn path_of(id: ApprovalId) -> String {
    format!("{}/requests/{id}", HERE.0)
}
