//! A change of the policy that another admin decides.

use super::{Changed, HERE, changed};
use crate::{
    approvals::{ApprovalId, ApprovalState},
    base::clock::Timestamp,
    console::{
        Console,
        approvals::{history, remark_of},
        browser::{Needs, Seat},
        deciding::{Decided, RequestDesk, Tried, Typed, page_of},
        frame::{Frame, PageError, Wrong},
        second,
        way_back::after,
        words,
    },
    policies::{PolicyPreview, PolicyProposal, PolicyRequest},
    staff::guard::{ChangePolicy, ReadPolicy},
    staff_accounts::{StaffAct, StaffMember},
};
use actix_web::HttpResponse;
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

/// The desk of changes of the policy.
pub(in crate::console) struct PolicyRequests;

impl RequestDesk for PolicyRequests {
    type Key = ApprovalId;
    type Reads = ReadPolicy;
    type Asks = ChangePolicy;
    type Decides = ChangePolicy;

    fn path_of(id: ApprovalId) -> String {
        path_of(id)
    }

    async fn page<N: Needs>(
        seat: &Seat<N>,
        console: &Console,
        id: ApprovalId,
        tried: Tried,
    ) -> Result<HttpResponse, PageError> {
        let (desk, member, now) = (&console.staff, &seat.member, console.clock.now());
        let PolicyRequest { approval, proposal, differences } =
            desk.policy_request(member, id).await?;
        let state = approval.state_at(now);
        let waits = state == ApprovalState::Requested;
        let asked = approval.asked_by.staff_no == *member.staff_no;
        let changes = waits && member.roles.has(StaffAct::ChangePolicy);
        let rows = changed(&differences);
        let from = proposal.from.to_string();
        let begins = begins(&proposal, now);
        let preview = PolicyPreview { proposal, differences, two_persons: true };
        let impacts =
            if changes { desk.policy_impact(member, &preview).await? } else { Vec::new() };
        let title = format!("更改政策 {} 项", rows.len());
        let decides = changes && !asked;
        let why_not =
            if decides { second::why_not(console, member, &approval).await? } else { None };
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
            list: after(&typed.back, HERE.0),
            typed,
        };
        page_of(status, &page)
    }

    async fn approve(
        seat: &Seat<ChangePolicy>,
        console: &Console,
        id: ApprovalId,
        form: &Decided,
    ) -> Result<Option<HttpResponse>, PageError> {
        let why = remark_of(&form.reason)?;
        console.staff.approve_policy(&seat.member, id, &why).await?;
        Ok(None)
    }

    async fn reject(
        member: &StaffMember,
        console: &Console,
        id: ApprovalId,
        why: &str,
    ) -> Result<(), PageError> {
        console.staff.reject_policy(member, id, why).await?;
        Ok(())
    }

    async fn withdraw(
        member: &StaffMember,
        console: &Console,
        id: ApprovalId,
    ) -> Result<(), PageError> {
        console.staff.withdraw_policy(member, id).await?;
        Ok(())
    }
}

/// When a proposal begins to apply.
fn begins(proposal: &PolicyProposal, now: Timestamp) -> String {
    if proposal.from <= now.day() {
        "立即生效".to_owned()
    } else {
        format!("{} 起生效", proposal.from)
    }
}

pub(in crate::console) fn path_of(id: ApprovalId) -> String {
    format!("{}/requests/{id}", HERE.0)
}
