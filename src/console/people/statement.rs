//! 账单: what changed a person's balances, as the holder sees it.

use super::{HERE, detail::CameFrom, path_of};
use crate::{
    base::{http::PageSize, ids::PersonId},
    console::{
        Console,
        browser::Seat,
        frame::{Frame, PageError, form_encoded, shown},
        list, orders, words,
    },
    ledger::transfer::TransferId,
    overview::statement::StatementEntry,
    staff::guard::ReadPeople,
    staff_accounts::StaffAct,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;

/// Where in the statement an address is: below a line, else at the newest.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Below {
    after: Option<TransferId>,
}

/// A line as the page shows it.
struct LineRow {
    at: String,
    title: String,
    amount: String,
    /// The order that was paid or given back.
    order: Option<String>,
}

#[derive(Template)]
#[template(path = "console/statement.html")]
struct StatementPage {
    frame: Frame,
    name: String,
    person_no: String,
    rows: Vec<LineRow>,
    newest: Option<String>,
    older: Option<String>,
    person: String,
}

pub(in crate::console) async fn show(
    seat: Seat<ReadPeople>,
    id: Path<PersonId>,
    asked: (Query<Below>, Query<CameFrom>),
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (id, (below, from)) = (id.into_inner(), asked);
    let size: PageSize = list::size();
    let read = (below.after, u64::from(size.to_read()));
    let ([name, person_no], lines) = console.people.statement(&seat.member, id, read).await?;
    let (lines, older) = size.page(lines, |line| line.id.to_string());
    let back = form_encoded(&from.list());
    let here = format!("{}/statement?back={back}", path_of(id));
    let opens = seat.member.roles.has(StaffAct::ReadOrders);
    shown(&StatementPage {
        frame: Frame::of(&seat, &console, (HERE.0, &format!("{name}（{person_no}）的账单")))
            .await?,
        name,
        person_no,
        rows: lines.into_iter().map(|line| row(line, opens)).collect(),
        newest: below.after.map(|_| here.clone()),
        older: older.map(|last| format!("{here}&after={last}")),
        person: format!("{}?back={back}", path_of(id)),
    })
}

fn row(line: StatementEntry, opens_orders: bool) -> LineRow {
    let amount = words::yuan(line.amount.get());
    LineRow {
        at: words::when(line.at),
        title: line.title.into_owned(),
        amount: if line.amount.is_negative() { amount } else { format!("+{amount}") },
        order: line.order.filter(|_| opens_orders).map(orders::path_of),
    }
}
