//! 账单: what changed a person's balances, as the holder sees it.

use super::{HERE, path_of};
use crate::{
    base::{
        http::PageSize,
        ids::PersonId,
        table_file::{TableShape, yuan},
    },
    console::{
        Console,
        browser::{Seat, Sent},
        exports::{self, ExportForm, Exportable},
        frame::{Frame, PageError, form_encoded, shown},
        list, orders,
        way_back::CameFrom,
        words,
    },
    exports::{ExportDesk, ExportKind, OpenedList},
    ledger::transfer::TransferId,
    overview::statement::StatementEntry,
    staff::guard::{ReadBalances, ReadPeople},
    staff_accounts::{StaffAct, StaffMember},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;

const HEADER: &[&str] = &["学号或工号", "时间", "账目", "金额（元）", "订单号"];
/// The columns of [`HEADER`] that are amounts.
const AMOUNTS: &[u16] = &[3];

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
    /// Where it is taken away as a file.
    export: String,
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
    let back = form_encoded(&from.or(HERE.0));
    let here = format!("{}/statement?back={back}", path_of(id));
    let opens = seat.member.roles.has(StaffAct::ReadOrders);
    shown(&StatementPage {
        frame: Frame::of(&seat, &console, (HERE.0, &format!("{name}（{person_no}）的账单")))
            .await?,
        name,
        person_no,
        export: format!("{}/statement/export", path_of(id)),
        rows: lines.into_iter().map(|line| row(line, opens)).collect(),
        newest: below.after.map(|_| here.clone()),
        older: older.map(|last| format!("{here}&after={last}")),
        person: format!("{}?back={back}", path_of(id)),
    })
}

/// A person's statement as it is exported.
pub(in crate::console) struct Statement;

/// Whose.
#[derive(Debug, Deserialize)]
struct Whose {
    person: PersonId,
}

impl Exportable for Statement {
    type Needs = ReadBalances;
    const KIND: ExportKind = ExportKind::Statement;

    fn open(console: &Console, member: &StaffMember, query: &str) -> Result<OpenedList, PageError> {
        let Whose { person } = exports::read(query)?;
        let about = exports::about(member, (Vec::new(), "无"));
        let (desk, member) = (console.people.clone(), member.clone());
        Ok(OpenedList {
            table: TableShape {
                name: format!("statement-{}", console.clock.now().day()),
                sheet: "账单",
                header: HEADER,
                amounts: AMOUNTS,
                about: about.into(),
            },
            needs: Self::KIND.act(),
            subject: format!("statement of person {person}"),
            asked: String::new(),
            rows: OpenedList::pages(
                true,
                async move |page| desk.statement_of(&member, person, page).await,
                |(_, line)| line.id,
                |(number, line)| cells(number, line).into(),
            ),
        })
    }
}

/// The statement of the person that the address names, as a file.
pub(in crate::console) async fn export(
    sent: Sent<ReadBalances, ExportForm>,
    id: Path<PersonId>,
    (console, desk): (Data<Console>, Data<ExportDesk>),
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form: ExportForm { format } } = sent;
    let query = format!("person={id}");
    exports::taken::<Statement>(&seat.member, &console, &desk, (&query, format)).await
}

fn cells(number: String, line: StatementEntry) -> [String; 5] {
    let order = line.order.map(|order| order.uuid().simple().to_string());
    let (at, amount) = (words::when(line.at), yuan(line.amount.get()));
    [number, at, line.title.into_owned(), amount, order.unwrap_or_default()]
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
