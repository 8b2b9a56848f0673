//! What leads on from a person: the statement, and all orders.

use super::orders::{ListedOrderList, OrderPage, listed};
use crate::{
    base::{
        clock::Timestamp,
        db::Keyset,
        http::{ApiError, PageSize, problem::Problem},
        ids::PersonId,
    },
    ledger::transfer::TransferId,
    orders::{listing::OrderFilter, order::OrderId},
    overview::statement::StatementEntry,
    staff::{
        OrderDesk, PeopleDesk,
        guard::{May, ReadBalances, ReadOrders},
    },
};
use actix_web::{
    get,
    web::{Data, Json, Path, Query},
};
use serde::{Deserialize, Serialize};

const DEFAULT_LIMIT: u16 = 50;

/// Which part of a statement.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StatementPage {
    /// At most so many; 1 to 100, otherwise 50.
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<TransferId>,
}

/// A person's statement.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffStatement {
    /// Masked.
    name: String,
    student_no: String,
    items: Vec<StaffStatementLine>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// What changed a balance.
#[derive(Serialize, utoipa::ToSchema)]
struct StaffStatementLine {
    #[schema(value_type = String, format = Uuid)]
    id: TransferId,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// As the holder reads it.
    title: String,
    /// Below zero for what was taken.
    amount_fen: i64,
    /// The order that was paid or given back.
    #[schema(value_type = Option<String>, format = Uuid)]
    order_id: Option<OrderId>,
}

/// What changed a person's balances, newest first, as the holder has it. The opening is an entry of the audit log. The
/// roles `card_office`, `finance` and `auditor` may.
#[utoipa::path(tag = "staff", params(StatementPage,
        ("id" = uuid::Uuid, Path, description = "The person")), security(("staff" = [])),
    responses((status = 200, body = StaffStatement), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[get("/people/{id}/statement")]
pub(super) async fn statement(
    member: May<ReadBalances>,
    id: Path<PersonId>,
    query: Query<StatementPage>,
    desk: Data<PeopleDesk>,
) -> Result<Json<StaffStatement>, ApiError> {
    let size = PageSize::asked(query.limit, DEFAULT_LIMIT);
    let read = (query.cursor, u64::from(size.to_read()));
    let ([name, student_no], lines) = desk.statement(&member, id.into_inner(), read).await?;
    let (lines, next_cursor) = size.page(lines, |line| line.id.to_string());
    let items = lines.into_iter().map(line).collect();
    Ok(Json(StaffStatement { name, student_no, items, next_cursor }))
}

fn line(line: StatementEntry) -> StaffStatementLine {
    let StatementEntry { id, at, title, amount, order, .. } = line;
    let (title, amount_fen) = (title.into_owned(), amount.get());
    StaffStatementLine { id, at, title, amount_fen, order_id: order }
}

/// All orders of a person, newest first. The roles `card_office`, `finance` and `auditor` may.
#[utoipa::path(tag = "staff", params(OrderPage,
        ("id" = uuid::Uuid, Path, description = "The person")), security(("staff" = [])),
    responses((status = 200, body = ListedOrderList), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[get("/people/{id}/orders")]
pub(super) async fn orders(
    member: May<ReadOrders>,
    id: Path<PersonId>,
    query: Query<OrderPage>,
    (people, desk): (Data<PeopleDesk>, Data<OrderDesk>),
) -> Result<Json<ListedOrderList>, ApiError> {
    let person = people.at_school(&member, id.into_inner()).await?.id;
    let filter = OrderFilter { person: Some(person), ..OrderFilter::all(member.school) };
    let size = PageSize::asked(query.limit, DEFAULT_LIMIT);
    let read = Keyset { beyond: query.cursor, descending: true, most: size.to_read() };
    let found = desk.page(&filter, read).await?;
    let (found, next_cursor) = size.page(found, |one| one.order.id.to_string());
    Ok(Json(ListedOrderList { items: found.into_iter().map(listed).collect(), next_cursor }))
}
