//! 对账: days of providers' bills, and what differs on them.

mod file;
mod list;

pub(super) use file::Days;
pub(super) use list::list as days;

use super::{
    Console,
    browser::{Seat, Sent},
    frame::{Frame, PageError, reason_of, sent_to, shown},
    list::{Address, Pages, Place},
    words,
};
use crate::{
    reconciliation::ProposedRepair,
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
    let page = DayPage {
        frame: Frame::of(&seat, &console, HERE).await?,
        asks: seat.member.roles.has(StaffAct::AskRepair),
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
