//! 对账: days of providers' bills, and what differs on them.

mod file;
mod list;

pub(super) use file::Days;
pub(super) use list::list as days;

use super::{
    Console, audit,
    browser::{Seat, Sent},
    frame::{Frame, PageError, reason_of, sent_to, shown},
    list::{Address, Pages, Place},
    second, words,
};
use crate::{
    reconciliation::{Apart, BillDay, ProposedRepair, listing::BillDayState},
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

pub(super) async fn day(
    seat: Seat<ReadBills>,
    day: Path<Uuid>,
    (wanted, place): (Query<Wanted>, Query<Place>),
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (day, ended, place) = (day.into_inner(), wanted.ended, place.oldest_first());
    let found = console.bills.differences(&seat.member, (day, ended), place.keyset()).await?;
    let list = Address::of("").with("ended", if ended { "true" } else { "" });
    let (found, pages) = place.turn(found, |one| one.id, &list);
    let whole = console.bills.day(&seat.member, day).await?;
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
        pages,
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

/// The state of a day, and whether somebody closed it by hand.
fn state(day: &BillDay) -> String {
    let word = list::word(BillDayState::of(day));
    if day.confirmed.is_some() { format!("{word}，已关闭") } else { word.to_owned() }
}

/// The figures of a day.
pub(super) fn facts(day: &BillDay) -> Vec<(&'static str, String)> {
    let totals = &day.totals;
    let [ours, theirs] = list::sums(day);
    let rows = |count, paid, back| {
        format!("收 {}，退 {}，共 {count} 笔", words::yuan(paid), words::yuan(back))
    };
    let our_rows = totals.paid_count + totals.back_count;
    let mut facts = vec![
        ("状态", state(day)),
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
