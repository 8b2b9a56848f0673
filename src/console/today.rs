//! 今日待办: what waits for the member who looks.

use super::{
    Console,
    browser::{Anybody, Seat},
    frame::{Frame, PageError, shown},
};
use crate::{
    approvals::{Approval, ApprovalState},
    staff_accounts::StaffAct,
};
use actix_web::{HttpResponse, web::Data};
use askama::Template;

const HERE: (&str, &str) = ("/staff", "今日待办");
/// The newest requests and days that are looked at; more are counted as so many and more.
const LOOKED_AT: u16 = 100;

/// A number that is a list.
struct Waiting {
    word: &'static str,
    count: String,
    path: &'static str,
}

#[derive(Template)]
#[template(path = "console/today.html")]
struct TodayPage {
    frame: Frame,
    waiting: Vec<Waiting>,
}

pub(super) async fn show(
    seat: Seat<Anybody>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let mut waiting = Vec::new();
    let (member, now) = (&seat.member, console.clock.now());
    let mine = |approval: &Approval| {
        let open = approval.state_at(now) == ApprovalState::Requested;
        open && approval.asked_by.staff_no != *member.staff_no
    };
    if member.roles.has(StaffAct::DecideRefund) {
        let found = console.staff.refunds(member, None, LOOKED_AT.into()).await;
        let found = found?;
        let count = found.iter().filter(|one| mine(&one.approval)).count();
        add(&mut waiting, ("退款待复核", "/staff/approvals?desk=refund"), count);
    }
    if member.roles.has(StaffAct::DecideRepair) {
        let found = console.bills.repairs(member, None, LOOKED_AT.into()).await;
        let found = found?;
        let count = found.iter().filter(|one| mine(&one.approval)).count();
        add(&mut waiting, ("对账差异待复核", "/staff/approvals?desk=bill"), count);
    }
    if member.roles.has(StaffAct::ReadBills) {
        let found = console.bills.days(member, None, LOOKED_AT.into()).await;
        let found = found?;
        let count = found.iter().filter(|day| day.state.code() != "closed").count();
        add(&mut waiting, ("账单未平的日子", "/staff/reconciliation"), count);
    }
    shown(&TodayPage { frame: Frame::of(&seat, &console, HERE).await?, waiting })
}

fn add(waiting: &mut Vec<Waiting>, (word, path): (&'static str, &'static str), count: usize) {
    let most = usize::from(LOOKED_AT);
    let count = match count {
        0 => return,
        many if many >= most => format!("{most}+"),
        some => some.to_string(),
    };
    waiting.push(Waiting { word, count, path });
}
