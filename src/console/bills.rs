//! 对账: days of providers' bills, and what differs on them.

use super::{
    Console,
    browser::{Seat, Sent},
    frame::{Frame, PageError, reason_of, sent_to, shown},
    list::{self, Pages},
    words,
};
use crate::{
    reconciliation::{BillDay, ProposedRepair},
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

const HERE: (&str, &str) = ("/staff/reconciliation", "对账");
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
}

#[derive(Template)]
#[template(path = "console/bill_day.html")]
struct DayPage {
    frame: Frame,
    day: Uuid,
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
    let found = console.bills.differences(&seat.member, day, wanted.cursor, which).await;
    let (found, next) = size.page(found?, |one| one.id.to_string());
    let ended = wanted.ended;
    let page = DayPage {
        frame: Frame::of(&seat, &console, HERE).await?,
        asks: seat.member.roles.has(StaffAct::AskRepair),
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

fn day_row(day: BillDay) -> DayRow {
    let totals = day.totals;
    let (ours, theirs) =
        (totals.paid_fen - totals.back_fen, totals.billed_fen - totals.refunded_fen);
    let good = day.state.code() == "closed";
    DayRow {
        path: format!("{}/{}", HERE.0, day.id),
        date: day.key.day.to_string(),
        provider: words::provider(day.key.provider),
        merchant: day.key.merchant,
        state: if good { "平" } else { "有差异" },
        good,
        paid: words::yuan(ours),
        billed: words::yuan(theirs),
        gap: words::yuan(theirs - ours),
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
