//! 对账: days of providers' bills, and what differs on them.

use super::{
    Console, audit,
    browser::{Seat, Sent},
    frame::{Frame, PageError, reason_of, sent_to, shown},
    list::{self, Pages},
    second, words,
};
use crate::{
    base::clock::Day,
    reconciliation::{Apart, BillDay, DayState, ProposedRepair},
    staff::{
        RepairAsk,
        guard::{AskRepair, ReadBills},
    },
    staff_accounts::StaffAct,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

pub(super) const HERE: (&str, &str) = ("/staff/reconciliation", "对账");
/// The longest reason, in characters.
const LONGEST_REASON: usize = 200;

/// A day of a provider's bills.
struct DayRow {
    path: String,
    date: String,
    provider: &'static str,
    merchant: String,
    state: &'static str,
    good: bool,
    paid: String,
    billed: String,
    gap: String,
    /// Why the sums differ though no row does.
    apart: Vec<String>,
    fee: String,
    compared_at: String,
}

/// What differs.
struct DifferenceRow {
    id: Uuid,
    number: String,
    field: &'static str,
    ours: String,
    theirs: String,
    stake: String,
    /// What accepting it gives to the person.
    moves: Option<String>,
    repair: &'static str,
    state: &'static str,
    open: bool,
    /// For the form: a repeat of it is the same request.
    form_id: Uuid,
}

#[derive(Template)]
#[template(path = "console/bill_days.html")]
struct DaysPage {
    frame: Frame,
    rows: Vec<DayRow>,
    pages: Pages,
    /// The last day whose bill can be fetched, where the member may have it fetched.
    yesterday: Option<String>,
}

/// What the member may do with a day: have it compared again, and close it.
struct ByHand {
    closes: bool,
}

#[derive(Template)]
#[template(path = "console/bill_day.html")]
struct DayPage {
    frame: Frame,
    title: String,
    day: Uuid,
    facts: Vec<(&'static str, String)>,
    apart: Vec<String>,
    by_hand: Option<ByHand>,
    /// That hardly anybody could decide what is asked for here.
    alone: Option<&'static str>,
    rows: Vec<DifferenceRow>,
    ended: bool,
    asks: bool,
    pages: Pages,
}

/// Which rows.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    cursor: Option<Uuid>,
    #[serde(default)]
    ended: bool,
}

/// That a difference be accepted as it stands.
#[derive(Debug, Deserialize)]
pub(super) struct Accepting {
    day: Uuid,
    form_id: Uuid,
    reason: String,
}

pub(super) async fn days(
    seat: Seat<ReadBills>,
    wanted: Query<Wanted>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let size = list::size();
    let found = console.bills.days(&seat.member, wanted.cursor, size.to_read().into()).await;
    let (found, next) = size.page(found?, |day| day.id.to_string());
    let page = DaysPage {
        frame: Frame::of(&seat, &console, HERE).await?,
        rows: found.into_iter().map(day_row).collect(),
        pages: Pages::onward(next.map(|cursor| format!("{}?cursor={cursor}", HERE.0))),
        yesterday: seat.member.roles.has(StaffAct::CompareBills).then(|| {
            let today = console.clock.now().day().number();
            Day::from_number(today.saturating_sub(1)).to_string()
        }),
    };
    shown(&page)
}

pub(super) async fn day(
    seat: Seat<ReadBills>,
    day: Path<Uuid>,
    wanted: Query<Wanted>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (day, size) = (day.into_inner(), list::size());
    let which = (wanted.ended, size.to_read().into());
    let whole = console.bills.day(&seat.member, day).await?;
    let found = console.bills.differences(&seat.member, day, wanted.cursor, which).await;
    let (found, next) = size.page(found?, |one| one.id.to_string());
    let ended = wanted.ended;
    let roles = &seat.member.roles;
    let asks = roles.has(StaffAct::AskRepair);
    let alone = if asks && found.iter().any(ProposedRepair::is_open) {
        second::warning(&console, &seat.member, StaffAct::DecideRepair).await?
    } else {
        None
    };
    let page = DayPage {
        frame: Frame::of(&seat, &console, HERE).await?,
        title: title(&whole),
        facts: facts(&whole),
        apart: apart(&whole),
        by_hand: roles
            .has(StaffAct::CompareBills)
            .then_some(ByHand { closes: is_closable(&whole) && roles.has(StaffAct::CloseBills) }),
        alone,
        asks,
        rows: found.into_iter().map(difference_row).collect(),
        pages: Pages::onward(
            next.map(|cursor| format!("{}/{day}?ended={ended}&cursor={cursor}", HERE.0)),
        ),
        day,
        ended,
    };
    shown(&page)
}

pub(super) async fn ask(
    sent: Sent<AskRepair, Accepting>,
    difference: Path<Uuid>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Accepting { day, form_id, reason } = sent.form;
    let reason = reason_of(&reason, LONGEST_REASON)?;
    let (difference, key) = (difference.into_inner(), form_id.to_string());
    let ask = RepairAsk { difference, reason, key };
    console.bills.ask_repair(&sent.seat.member, &ask).await?;
    Ok(sent_to(&format!("{}/{day}", HERE.0), Some("asked")))
}

/// A day and whose bill it is: `11-27 微信支付账`.
pub(super) fn title(day: &BillDay) -> String {
    format!("{} {}账", day.key.day, words::provider(day.key.provider))
}

/// Whether nothing differs and nobody has closed it by hand.
pub(super) fn is_closable(day: &BillDay) -> bool {
    day.totals.open_differences == 0 && day.confirmed.is_none()
}

/// What both have, without what differs.
fn sums(day: &BillDay) -> (i64, i64) {
    let totals = &day.totals;
    (totals.paid_fen - totals.back_fen, totals.billed_fen - totals.refunded_fen)
}

fn state(day: &BillDay) -> &'static str {
    match (day.state, &day.confirmed) {
        (DayState::Open, _) => "有差异",
        (DayState::Closed, None) => "平",
        (DayState::Closed, Some(_)) => "平，已关闭",
    }
}

/// The figures of a day.
pub(super) fn facts(day: &BillDay) -> Vec<(&'static str, String)> {
    let totals = &day.totals;
    let (ours, theirs) = sums(day);
    let rows = |count, paid, back| {
        format!("收 {}，退 {}，共 {count} 笔", words::yuan(paid), words::yuan(back))
    };
    let our_rows = totals.paid_count + totals.back_count;
    let mut facts = vec![
        ("状态", state(day).to_owned()),
        ("我们", rows(our_rows, totals.paid_fen, totals.back_fen)),
        ("对方", rows(totals.our_rows, totals.billed_fen, totals.refunded_fen)),
        ("差额", words::yuan(theirs - ours)),
        ("手续费", words::yuan(totals.fee_fen)),
        ("商户号", day.key.merchant.clone()),
        ("核对时间", words::when(day.compared_at)),
    ];
    if let Some((by, at)) = &day.confirmed {
        facts.push(("关闭", format!("{}，{}", audit::who(by), words::when(*at))));
    }
    if let Some(at) = day.reopened_at {
        facts.push(("重新打开", format!("{}，因为有迟到的账或差错", words::when(at))));
    }
    facts
}

/// Why the sums of a day differ though no row does.
pub(super) fn apart(day: &BillDay) -> Vec<String> {
    let Apart { on_the_way, ours_elsewhere, theirs_elsewhere } = day.apart;
    let cases = [
        (on_the_way, "为退款在途：对方已列入账单，我们尚未入账"),
        (ours_elsewhere, "的退款对方记在这一天，我们记在到账的那一天"),
        (theirs_elsewhere, "的退款我们记在这一天，对方记在另一天的账单"),
    ];
    let some = cases.into_iter().filter(|(fen, _)| *fen != 0);
    some.map(|(fen, why)| format!("其中 {} {why}", words::yuan(fen))).collect()
}

fn day_row(day: BillDay) -> DayRow {
    let (ours, theirs) = sums(&day);
    let (state, apart) = (state(&day), apart(&day));
    let totals = day.totals;
    let good = day.state == DayState::Closed;
    DayRow {
        path: format!("{}/{}", HERE.0, day.id),
        date: day.key.day.to_string(),
        provider: words::provider(day.key.provider),
        merchant: day.key.merchant,
        state,
        good,
        paid: words::yuan(ours),
        billed: words::yuan(theirs),
        gap: words::yuan(theirs - ours),
        apart,
        fee: words::yuan(totals.fee_fen),
        compared_at: words::when(day.compared_at),
    }
}

fn difference_row(proposed: ProposedRepair) -> DifferenceRow {
    let (open, moves) = (proposed.is_open(), proposed.moves_fen());
    let (difference, state) = (proposed.found.difference, proposed.found.state);
    DifferenceRow {
        id: proposed.id,
        number: difference.number,
        field: words::differs(difference.differs.code()),
        ours: difference.ours,
        theirs: difference.theirs,
        stake: words::yuan(difference.stake_fen),
        moves: moves.filter(|_| open).map(words::yuan),
        repair: words::repair(difference.repair.code()),
        state: words::found_state(state.code()),
        open,
        form_id: Uuid::new_v4(),
    }
}
