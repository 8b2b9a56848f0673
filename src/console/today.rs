//! 今日待办: what waits for the member who looks.

use super::{
    Console,
    browser::{Anybody, Seat},
    frame::{Frame, PageError, shown},
    list::{COUNTED, grouped},
    requests, words,
};
use crate::{base::clock::Timestamp, staff_accounts::StaffAct};
use actix_web::{HttpResponse, web::Data};
use askama::Template;

const HERE: (&str, &str) = ("/staff", "今日待办");

/// How many rows there are, of which up to [`COUNTED`] and one were looked at, and since when the oldest is.
type Counted = (u64, Option<Timestamp>);

/// A number that is a list.
struct Waiting {
    word: &'static str,
    count: String,
    oldest: Option<String>,
    path: &'static str,
}

#[derive(Template)]
#[template(path = "console/today.html")]
struct TodayPage {
    frame: Frame,
    waiting: Vec<Waiting>,
}

/// Each number costs one query, however many rows there are.
pub(super) async fn show(
    seat: Seat<Anybody>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (member, most) = (&seat.member, COUNTED + 1);
    let mut found: Vec<(&'static str, &'static str, Counted)> = Vec::new();
    if member.roles.has(StaffAct::DecideRefund) {
        let counted = console.staff.waiting(member, most).await?;
        found.push(("退款待复核", requests::REFUNDS_TO_DECIDE, counted));
    }
    if member.roles.has(StaffAct::DecideRepair) {
        let counted = console.bills.waiting(member, most).await?;
        found.push(("对账差异待复核", requests::REPAIRS_TO_DECIDE, counted));
    }
    if member.roles.has(StaffAct::DecideAdjustment) {
        let counted = console.people.waiting_adjustments(member, most).await?;
        found.push(("调账待复核", requests::ADJUSTMENTS_TO_DECIDE, counted));
    }
    if member.roles.has(StaffAct::ResetPassword) {
        let counted = console.people.waiting_resets(member, most).await?;
        found.push(("重置密码待复核", requests::RESETS_TO_DECIDE, counted));
    }
    if member.roles.has(StaffAct::HandleCases) {
        let [free, own] = console.cases.waiting_for(member, most).await?;
        found.push(("异常未接手", "/staff/cases?state=free", free));
        found.push(("异常您接手", "/staff/cases?mine=yes", own));
    }
    if member.roles.has(StaffAct::ReadBills) {
        let counted = console.bills.open_days(member, most).await?;
        found.push(("账单未平的日子", "/staff/reconciliation?state=open&sort=oldest", counted));
    }
    if member.roles.has(StaffAct::ChangeStaff) {
        let counted = console.staff.count_staff_requests(member, most).await?;
        found.push(("账号申请待复核", "/staff/staff", counted));
    }
    if member.roles.has(StaffAct::ChangePolicy) {
        let counted = console.staff.count_policy_requests(member, most).await?;
        found.push(("政策申请待复核", "/staff/policy", counted));
    }
    let now = console.clock.now();
    let some = found.into_iter().filter(|(.., (count, _))| *count > 0);
    let waiting = some.map(|one| tile(one, now)).collect();
    shown(&TodayPage { frame: Frame::of(&seat, &console, HERE).await?, waiting })
}

fn tile(
    (word, path, (count, oldest)): (&'static str, &'static str, Counted),
    now: Timestamp,
) -> Waiting {
    let many = count > u64::from(COUNTED);
    Waiting {
        word,
        count: if many { "1,000+".to_owned() } else { grouped(count) },
        oldest: oldest.map(|oldest| format!("最早 {}", words::ago(oldest, now))),
        path,
    }
}
