//! Orders as members of staff read and find them.

use super::requests::{DEFAULT_LIMIT, RequestView};
use crate::{
    base::{
        clock::Timestamp,
        db::Keyset,
        http::{
            ApiError, PageSize, ValidJson,
            problem::{self, INVALID, Problem},
        },
        money::Fen,
    },
    orders::{
        fact::Provider,
        listing::OrderFilter,
        order::{OrderId, Payment, PaymentId, PaymentState},
        purpose::Purpose,
        refund::{Refund, RefundId},
    },
    staff::{
        MoneyStanding, NamedOrder, OrderDesk, OrderDetail, OrderQuery, StaffOrderError,
        guard::{AskProvider, May, ReadOrders},
    },
};
use actix_web::{
    get, post,
    web::{Data, Json, Path, Query},
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An order in a list.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ListedOrderView {
    #[schema(value_type = Uuid)]
    id: OrderId,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The masked name.
    person: String,
    purpose: Purpose,
    #[schema(value_type = i64)]
    amount_fen: Fen,
    /// Where it was paid, or last tried.
    #[schema(value_type = String)]
    provider: Provider,
    /// The provider's number of the payment; `null` while it is not paid.
    transaction_id: Option<String>,
    /// `awaiting_payment`, `paid`, `fulfilled`, `closed`, `refunding`, `refunded`.
    state: &'static str,
    /// What has gone back of what was credited.
    #[schema(value_type = i64)]
    given_back_fen: Fen,
}

/// A page of orders.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ListedOrderList {
    pub(super) items: Vec<ListedOrderView>,
    /// `null` on the last page.
    pub(super) next_cursor: Option<String>,
}

/// An order with its payments, refunds and requests.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffOrderView {
    #[schema(value_type = Uuid)]
    id: OrderId,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The masked name.
    person: String,
    /// 学号 or 工号.
    person_no: String,
    purpose: Purpose,
    #[schema(value_type = i64)]
    amount_fen: Fen,
    /// As in a list.
    state: &'static str,
    /// Where the money is: `unpaid`, `unconfirmed` (the provider has not said that it was not paid),
    /// `not_paid`, `undelivered`, `delivered`, `refund_asked`, `refund_held`, `refund_sent`,
    /// `surplus_held`, `surplus_sent`, `stuck` (a refund ended without money), `partly_back`, `back`.
    standing: &'static str,
    /// What can be asked back now; `null` where nothing was paid.
    #[schema(value_type = Option<i64>)]
    refundable_fen: Option<Fen>,
    /// Oldest first.
    payments: Vec<StaffPaymentView>,
    /// Oldest first.
    refunds: Vec<OrderRefundView>,
    /// Requests for refunds, oldest first.
    requests: Vec<RequestView>,
}

/// A payment of an order.
#[derive(Serialize, utoipa::ToSchema)]
struct StaffPaymentView {
    #[schema(value_type = Uuid)]
    id: PaymentId,
    #[schema(value_type = String)]
    provider: Provider,
    #[schema(value_type = i64)]
    amount_fen: Fen,
    /// `open`, `paid`, `closed`.
    state: &'static str,
    transaction_id: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    paid_at: Option<Timestamp>,
}

/// A refund of an order.
#[derive(Serialize, utoipa::ToSchema)]
struct OrderRefundView {
    #[schema(value_type = Uuid)]
    id: RefundId,
    /// Our number of it, or the one that was made up at the provider.
    number: String,
    #[schema(value_type = i64)]
    amount_fen: Fen,
    /// `requested`, `sent`, `done`, `failed`.
    state: &'static str,
    /// As of an order, and `returned`: it ended without money, which the person has here.
    standing: &'static str,
    #[schema(value_type = Option<String>, format = DateTime)]
    sent_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

/// A number to be looked for.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct OrderSearchRequest {
    /// Of an order, a payment, a refund or the provider's: whole, or its last eight characters.
    #[garde(length(chars, min = 1, max = 80))]
    number: String,
}

/// Which part of the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OrderPage {
    /// At most so many; 1 to 100, otherwise 50.
    pub(super) limit: Option<u16>,
    /// `next_cursor` of the page before.
    pub(super) cursor: Option<Uuid>,
}

/// Orders of a day, newest first, with masked names. The roles `card_office`, `finance` and `auditor` may.
#[utoipa::path(tag = "staff", params(OrderQuery, OrderPage), security(("staff" = [])),
    responses((status = 200, body = ListedOrderList), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
#[get("/orders")]
pub(super) async fn list(
    member: May<ReadOrders>,
    query: Query<OrderQuery>,
    page: Query<OrderPage>,
    desk: Data<OrderDesk>,
) -> Result<Json<ListedOrderList>, ApiError> {
    let filter = query.filter(member.school, desk.clock.now().day())?;
    let size = PageSize::asked(page.limit, DEFAULT_LIMIT);
    let read = Keyset { beyond: page.cursor, descending: true, most: size.to_read() };
    let (found, next_cursor) =
        size.page(desk.page(&filter, read).await?, |one| one.order.id.to_string());
    Ok(Json(ListedOrderList { items: found.into_iter().map(listed).collect(), next_cursor }))
}

/// Orders with a number that ends so: their own, that of a payment or a refund, or the provider's of a
/// payment. At most twenty; two that end alike are both found. The same roles may.
#[utoipa::path(tag = "staff", request_body = OrderSearchRequest, security(("staff" = [])),
    responses((status = 200, body = ListedOrderList), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
#[post("/orders/search")]
pub(super) async fn search(
    member: May<ReadOrders>,
    body: ValidJson<OrderSearchRequest>,
    desk: Data<OrderDesk>,
) -> Result<Json<ListedOrderList>, ApiError> {
    let only = desk.search(&member, &body.into_inner().number).await?;
    let filter = OrderFilter { only: Some(only), ..OrderFilter::all(member.school) };
    let size = PageSize::asked(None, DEFAULT_LIMIT);
    let read = Keyset { beyond: None, descending: true, most: size.to_read() };
    let items = desk.page(&filter, read).await?.into_iter().map(listed).collect();
    Ok(Json(ListedOrderList { items, next_cursor: None }))
}

/// An order: where its money is, its payments, refunds and requests for refunds. The same roles may.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The order")),
    responses((status = 200, body = StaffOrderView), (status = 404, body = Problem)))]
#[get("/orders/{id}")]
pub(super) async fn show(
    member: May<ReadOrders>,
    id: Path<OrderId>,
    desk: Data<OrderDesk>,
) -> Result<Json<StaffOrderView>, ApiError> {
    let found = desk.find(&member, id.into_inner()).await?;
    Ok(Json(view(found, desk.clock.now())))
}

/// Has the provider asked now about what is unknown of an order, and answers how it stands then: what the provider
/// does not tell stays unknown. Once in ten seconds for an order. The roles `card_office` and `finance` may.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The order")),
    responses((status = 200, body = StaffOrderView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 429, description = "`asked_just_now`", body = Problem),
        (status = 503, description = "`provider_unavailable`", body = Problem)))]
#[post("/orders/{id}/query")]
pub(super) async fn ask_provider(
    member: May<AskProvider>,
    id: Path<OrderId>,
    desk: Data<OrderDesk>,
) -> Result<Json<StaffOrderView>, ApiError> {
    let found = desk.ask_now(&member, id.into_inner()).await?;
    Ok(Json(view(found, desk.clock.now())))
}

pub(super) fn listed(NamedOrder { order, person }: NamedOrder) -> ListedOrderView {
    ListedOrderView {
        id: order.id,
        created_at: order.created_at,
        person,
        purpose: order.purpose,
        amount_fen: order.amount,
        provider: order.provider,
        transaction_id: order.transaction_id,
        state: order.state,
        given_back_fen: order.given_back,
    }
}

fn view(detail: OrderDetail, now: Timestamp) -> StaffOrderView {
    let standing = detail.standing(now).code();
    let OrderDetail { whole, person, person_no, requests, refundable } = detail;
    let state = whole.shown_state();
    let order = whole.order;
    StaffOrderView {
        id: order.id,
        created_at: order.created_at,
        expires_at: order.expires_at,
        person,
        person_no,
        purpose: order.purpose,
        amount_fen: order.amount,
        state,
        standing,
        refundable_fen: refundable,
        payments: whole.payments.into_iter().map(payment_view).collect(),
        refunds: whole.refunds.into_iter().map(refund_view).collect(),
        requests: requests.into_iter().map(|request| RequestView::of(request, now)).collect(),
    }
}

fn payment_view(payment: Payment) -> StaffPaymentView {
    let state = payment.state.code();
    let (transaction_id, paid_at) = match payment.state {
        PaymentState::Paid { transaction_id, paid_at } => (Some(transaction_id), Some(paid_at)),
        PaymentState::Open | PaymentState::Closed => (None, None),
    };
    let Payment { id, provider, amount, created_at, .. } = payment;
    let amount_fen = amount;
    StaffPaymentView { id, provider, amount_fen, state, transaction_id, created_at, paid_at }
}

fn refund_view(refund: Refund) -> OrderRefundView {
    OrderRefundView {
        id: refund.id,
        amount_fen: refund.amount,
        state: refund.progress.shown(),
        standing: MoneyStanding::of_refund(&refund).code(),
        sent_at: refund.sent_at,
        ended_at: refund.progress.ended_at(),
        number: refund.number,
    }
}

impl From<StaffOrderError> for ApiError {
    fn from(error: StaffOrderError) -> Self {
        match error {
            StaffOrderError::NotFound => Self::new(problem::NOT_FOUND),
            StaffOrderError::BadFilter(name) => {
                Self::new(INVALID).field(format!("/{name}"), "没有这样的筛选条件")
            }
            StaffOrderError::BadNumber => {
                Self::new(INVALID).field("/number", "请填写完整单号，或单号的最后 8 位及以上")
            }
            StaffOrderError::Right(refusal) => refusal.into(),
            StaffOrderError::Refund(refusal) => refusal.into(),
            StaffOrderError::Sealed(_) | StaffOrderError::Db(_) => Self::internal(&error),
        }
    }
}
