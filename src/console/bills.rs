//! 对账: days of providers' bills, and what differs on them.

mod file;
mod list;

pub(super) use file::Days;
pub(super) use list::{list as days, list_again};

use super::{
    Console, audit,
    browser::{Needs, Seat, Sent},
    deciding::page_of,
    exports,
    frame::{Frame, PageError, Wrong, is_refusal, reason_of, sent_to},
    list::{Address, Pages, Place},
    second,
    way_back::{CameFrom, after, anchor, leading_back},
    words,
};
use crate::{
    reconciliation::{Apart, BillDay, DayState, ProposedRepair, listing::BillDayState},
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
    /// Its place on the page, to come back to.
    anchor: String,
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
    /// As it was typed.
    reason: String,
}

/// What the member may do with a day: have it compared again, and close it.
struct ByHand {
    compares: &'static str,
    closes: bool,
}

#[derive(Template)]
#[template(path = "console/bill_day.html")]
struct DayPage {
    frame: Frame,
    wrong: Option<Wrong>,
    /// With which it is answered.
    status: Option<u16>,
    title: String,
    day: Uuid,
    facts: Vec<(&'static str, String)>,
    apart: Vec<String>,
    by_hand: Option<ByHand>,
    /// That hardly anybody could decide what is asked for here.
    alone: Option<&'static str>,
    rows: Vec<DifferenceRow>,
    ended: bool,
    /// The very page, and the same with the other rows.
    here: String,
    other: String,
    /// Where the day is closed.
    close: String,
    /// The list that one came from.
    back: String,
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
    #[serde(default)]
    back: String,
}

pub(super) async fn day(
    seat: Seat<ReadBills>,
    day: Path<Uuid>,
    asked: (Query<Wanted>, Query<Place>, Query<CameFrom>),
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (wanted, place, from) = asked;
    let asked = Asked { ended: wanted.ended, place: place.oldest_first(), back: from.given() };
    page(&seat, &console, (day.into_inner(), asked), Refused::default()).await
}

/// Which rows of a day, and where one came from.
#[derive(Default)]
struct Asked {
    ended: bool,
    place: Place,
    back: String,
}

impl Asked {
    /// The rows of the page that a form stood on, with the list behind it.
    fn of_form(page: &str) -> Self {
        let address = page.split('#').next().unwrap_or_default();
        let (_, fields) = address.split_once('?').unwrap_or_default();
        let place = exports::read::<Place>(fields).unwrap_or_default();
        Self {
            ended: exports::read::<Wanted>(fields).is_ok_and(|wanted| wanted.ended),
            place: place.oldest_first(),
            back: exports::read::<CameFrom>(fields).unwrap_or_default().given(),
        }
    }

    /// The address of the day's rows from their beginning, after its path.
    fn list(&self) -> Address {
        Address::of("").with("ended", if self.ended { "true" } else { "" }).with("back", &self.back)
    }

    /// The same with the rows that are not shown, or without those that are.
    fn other(&self) -> Address {
        self.list().with("ended", if self.ended { "" } else { "true" })
    }
}

/// A request that was refused: which difference, its form, and what is wrong.
#[derive(Default)]
struct Refused {
    of: Option<(Uuid, Uuid, String)>,
    wrong: Option<Wrong>,
}

async fn page<N: Needs>(
    seat: &Seat<N>,
    console: &Console,
    (day, asked): (Uuid, Asked),
    Refused { of, mut wrong }: Refused,
) -> Result<HttpResponse, PageError> {
    let Asked { ended, place, back } = &asked;
    let found = console.bills.differences(&seat.member, (day, *ended), place.keyset()).await?;
    let list = asked.list();
    let (found, pages) = place.turn(found, |one| one.id, &list);
    let whole = console.bills.day(&seat.member, day).await?;
    let roles = &seat.member.roles;
    let asks = roles.has(StaffAct::AskRepair);
    let is_open = |of: &Uuid| found.iter().any(|one| one.id == *of && one.is_open());
    if let (Some((.., reason)), Some(wrong)) =
        (of.as_ref().filter(|(of, ..)| !is_open(of)), wrong.as_mut())
    {
        // It has no field on this page any more.
        for detail in &mut wrong.details {
            detail.field = None;
        }
        wrong.details.push(format!("您填写的理由没有提交：{reason}").into());
    }
    let alone = if asks && found.iter().any(ProposedRepair::is_open) {
        second::warning(console, &seat.member, StaffAct::DecideRepair).await?
    } else {
        None
    };
    let page = DayPage {
        frame: Frame::of(seat, console, HERE).await?,
        status: wrong.as_ref().map(|wrong| wrong.status),
        wrong,
        title: title(&whole),
        facts: facts(&whole),
        apart: apart(&whole),
        by_hand: by_hand(seat, console, &whole).await?,
        alone,
        asks,
        rows: found.into_iter().map(|one| difference_row(one, of.as_ref())).collect(),
        pages,
        day,
        here: format!("{}{}", path_of(day), place.address(&list)),
        other: format!("{}{}", path_of(day), asked.other()),
        close: leading_back(&format!("{}/close", path_of(day)), back),
        back: after(back, HERE.0),
        ended: *ended,
    };
    page_of(page.status, &page)
}

async fn by_hand<N: Needs>(
    seat: &Seat<N>,
    console: &Console,
    day: &BillDay,
) -> Result<Option<ByHand>, PageError> {
    let (member, one) = (&seat.member, std::slice::from_ref(day));
    let askable = console.bills.askable(member, one).await?.contains(&true);
    let compares = askable && member.roles.has(StaffAct::CompareBills);
    let closes = is_closable(day) && member.roles.has(StaffAct::CloseBills);
    let word = match (compares, day.is_awaited()) {
        (false, _) => "",
        (true, true) => "现在取账单并核对",
        (true, false) => "重新取账单并核对",
    };
    Ok((compares || closes).then_some(ByHand { compares: word, closes }))
}

pub(super) async fn ask(
    sent: Sent<AskRepair, Accepting>,
    difference: Path<Uuid>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form }, difference) = (sent, difference.into_inner());
    let asking = async {
        let reason = reason_of(&form.reason, LONGEST_REASON)?;
        let ask = RepairAsk { difference, reason, key: form.form_id.to_string() };
        console.bills.ask_repair(&seat.member, &ask).await?;
        Ok(())
    };
    match asking.await {
        Ok(()) => Ok(sent_to(&after(&form.back, &path_of(form.day)), Some("asked"))),
        Err(PageError::Said(error)) if is_refusal(&error) => {
            let mut wrong = Wrong::of(&error);
            for detail in &mut wrong.details {
                detail.field = detail.field.take().map(|_| format!("r{difference}"));
            }
            let refused =
                Refused { of: Some((difference, form.form_id, form.reason)), wrong: Some(wrong) };
            page(&seat, &console, (form.day, Asked::of_form(&form.back)), refused).await
        }
        Err(error) => Err(error),
    }
}

/// The page of a day with what an act on it was refused for. It was asked there, or on the page that it leads back to.
pub(super) async fn day_again<N: Needs>(
    seat: &Seat<N>,
    console: &Console,
    (day, back): (Uuid, &str),
    error: PageError,
) -> Result<HttpResponse, PageError> {
    let wrong = Some(Wrong::of(&error.refusal()?));
    let asked = if back.starts_with(&path_of(day)) {
        Asked::of_form(back)
    } else {
        Asked { back: CameFrom::of(back.to_owned()).given(), ..Asked::of_form("") }
    };
    page(seat, console, (day, asked), Refused { of: None, wrong }).await
}

pub(super) fn path_of(day: Uuid) -> String {
    format!("{}/{day}", HERE.0)
}

/// A day and whose bill it is: `11-27 微信支付账`.
pub(super) fn title(day: &BillDay) -> String {
    format!("{} {}账", day.key.day, words::provider(day.key.provider))
}

/// Whether nothing differs and nobody has closed it by hand.
pub(super) fn is_closable(day: &BillDay) -> bool {
    day.state == DayState::Closed && day.confirmed.is_none()
}

/// The state of a day, and whether somebody closed it by hand.
fn state(day: &BillDay) -> String {
    let word = list::word(BillDayState::of(day));
    if day.confirmed.is_some() { format!("{word}，已关闭") } else { word.to_owned() }
}

/// The figures of a day.
pub(super) fn facts(day: &BillDay) -> Vec<(&'static str, String)> {
    let totals = &day.totals;
    let [our_sum, their_sum] = list::sums(day);
    let rows = |count, paid, back| {
        format!("收 {}，退 {}，共 {count} 笔", words::yuan(paid), words::yuan(back))
    };
    let our_rows = totals.paid_count + totals.back_count;
    let ours = ("我们", rows(our_rows, totals.paid_fen, totals.back_fen));
    if day.is_awaited() {
        return vec![
            ("状态", "未取到账单：账单应已生成，系统还没有取到".to_owned()),
            ours,
            ("商户号", day.key.merchant.clone()),
        ];
    }
    let mut facts = vec![
        ("状态", state(day)),
        ours,
        ("对方", rows(totals.our_rows, totals.billed_fen, totals.refunded_fen)),
        ("差额", words::yuan(their_sum - our_sum)),
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

fn difference_row(
    proposed: ProposedRepair,
    refused: Option<&(Uuid, Uuid, String)>,
) -> DifferenceRow {
    let again = refused.filter(|(of, ..)| *of == proposed.id);
    let (open, moves) = (proposed.is_open(), proposed.moves_fen());
    let (difference, state) = (proposed.found.difference, proposed.found.state);
    DifferenceRow {
        id: proposed.id,
        anchor: anchor('d', proposed.id),
        number: difference.number,
        field: words::differs(difference.differs.code()),
        ours: difference.ours,
        theirs: difference.theirs,
        stake: words::yuan(difference.stake_fen),
        moves: moves.filter(|_| open).map(words::yuan),
        repair: words::repair(difference.repair.code()),
        state: words::found_state(state.code()),
        open,
        form_id: again.map_or_else(Uuid::new_v4, |(_, form_id, _)| *form_id),
        reason: again.map(|(.., reason)| reason.clone()).unwrap_or_default(),
    }
}
