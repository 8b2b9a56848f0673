//! A change of the policy that another admin decides.

use super::{Changed, HERE, LONGEST_REASON, changed};
use crate::{
    approvals::{ApprovalId, ApprovalState, ApprovalVerdict},
    base::clock::Timestamp,
    console::{
        Console,
        approvals::{history, remark_of},
        browser::{Needs, Seat, Sent},
        deciding::{self, Decided, Tried, Typed, page_of},
        frame::{Frame, PageError, Wrong, reason_of},
        second, words,
    },
    policies::{PolicyPreview, PolicyProposal, PolicyRequest},
    staff::guard::{ChangePolicy, ReadPolicy},
    staff_accounts::StaffAct,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;

#[derive(Template)]
#[template(path = "console/policy_request.html")]
struct RequestPage {
    frame: Frame,
    wrong: Option<Wrong>,
    typed: Typed,
    list: String,
    seen: Option<i64>,
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
    from: Query<deciding::CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    page(&seat, &console, id.into_inner(), Tried::nothing(from.back())).await
}

async fn page<N: Needs>(
    seat: &Seat<N>,
    console: &Console,
    id: ApprovalId,
    tried: Tried,
) -> Result<HttpResponse, PageError> {
    let (desk, member, now) = (&console.staff, &seat.member, console.clock.now());
    let PolicyRequest { approval, proposal, differences } = desk.policy_request(member, id).await?;
    let state = approval.state_at(now);
    let waits = state == ApprovalState::Requested;
    let asked = approval.asked_by.staff_no == *member.staff_no;
    let changes = waits && member.roles.has(StaffAct::ChangePolicy);
    let rows = changed(&differences);
    let from = proposal.from.to_string();
    let begins = begins(&proposal, now);
    let preview = PolicyPreview { proposal, differences, two_persons: true };
    let impacts = if changes { desk.policy_impact(member, &preview).await? } else { Vec::new() };
    let title = format!("更改政策 {} 项", rows.len());
    let decides = changes && !asked;
    let why_not = if decides { second::why_not(console, member, &approval).await? } else { None };
    let (wrong, typed) = tried.about(&approval, now);
    let status = wrong.as_ref().map(|wrong| wrong.status);
    let page = RequestPage {
        frame: Frame::of(seat, console, (HERE.0, &title)).await?,
        wrong,
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
        seen: None,
        decides,
        why_not,
        withdraws: changes && asked,
        history: history(&approval),
        reason: approval.reason,
        list: deciding::after(&typed.back, HERE.0),
        typed,
    };
    page_of(status, &page)
}

/// When a proposal begins to apply.
fn begins(proposal: &PolicyProposal, now: Timestamp) -> String {
    if proposal.from <= now.day() {
        "立即生效".to_owned()
    } else {
        format!("{} 起生效", proposal.from)
    }
}

pub(in crate::console) async fn approve(
    Sent { seat, form }: Sent<ChangePolicy, Decided>,
    id: Path<ApprovalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (id, staff) = (id.into_inner(), &console.staff);
    let deciding = async {
        let why = remark_of(&form.reason)?;
        staff.approve_policy(&seat.member, id, &why).await?;
        Ok(())
    };
    let decided = deciding.await;
    deciding::ended(&path_of(id), (form, ApprovalVerdict::Approve, decided), |tried| {
        page(&seat, &console, id, tried)
    })
    .await
}

pub(in crate::console) async fn reject(
    Sent { seat, form }: Sent<ChangePolicy, Decided>,
    id: Path<ApprovalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (id, staff) = (id.into_inner(), &console.staff);
    let deciding = async {
        let why = reason_of(&form.reason, LONGEST_REASON)?;
        staff.reject_policy(&seat.member, id, &why).await?;
        Ok(())
    };
    let decided = deciding.await;
    deciding::ended(&path_of(id), (form, ApprovalVerdict::Reject, decided), |tried| {
        page(&seat, &console, id, tried)
    })
    .await
}

pub(in crate::console) async fn withdraw(
    Sent { seat, form }: Sent<ChangePolicy, Decided>,
    id: Path<ApprovalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let id = id.into_inner();
    let withdrawn = console.staff.withdraw_policy(&seat.member, id).await;
    let decided = withdrawn.map(drop).map_err(PageError::from);
    deciding::ended(&path_of(id), (form, ApprovalVerdict::Withdraw, decided), |tried| {
        page(&seat, &console, id, tried)
    })
    .await
}

pub(super) fn path_of(id: ApprovalId) -> String {
    format!("{}/requests/{id}", HERE.0)
}
