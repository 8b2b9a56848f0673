//! Orders over HTTP.

use super::{Started, TopUpError, TopUps, Tried, Wish};
use crate::{
    base::{
        clock::Timestamp,
        http::{
            ApiError, IdempotencyKey, Principal, ValidJson,
            problem::{self, ProblemKind},
        },
        money::Fen,
    },
    orders::{
        gateway::{GatewayError, PayParams},
        order::{OrderId, Payment, PaymentId, Purpose, WholeOrder},
    },
    sessions::Student,
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use garde::Validate;
use serde::{Deserialize, Serialize};

const AMOUNT_OUT_OF_RANGE: ProblemKind =
    ProblemKind { code: "amount_out_of_range", status: 422, title: "金额超出允许范围" };
const FUNDING_UNAVAILABLE: ProblemKind =
    ProblemKind {
        code: "funding_unavailable", status: 422, title: "本校暂不支持该支付方式"
    };
const PAYER_OF_OTHER_APP: ProblemKind =
    ProblemKind {
        code: "payer_of_other_app", status: 409, title: "请在本校小程序内登录后再支付"
    };
const ORDER_NOT_PAYABLE: ProblemKind = ProblemKind {
    code: "order_not_payable",
    status: 409,
    title: "订单已支付、已关闭或已过期，不能再支付",
};
const CARD_NOT_USABLE: ProblemKind =
    ProblemKind {
        code: "card_not_usable", status: 409, title: "校园卡已过期或已注销，不能充值"
    };
const TOO_MANY_OPEN_ORDERS: ProblemKind = ProblemKind {
    code: "too_many_open_orders",
    status: 409,
    title: "未支付的订单过多，请先支付或取消",
};
const PASSWORD_REQUIRED: ProblemKind =
    ProblemKind { code: "password_required", status: 422, title: "请输入查询密码" };
const PROVIDER_REFUSED: ProblemKind =
    ProblemKind {
        code: "provider_refused", status: 502, title: "支付平台拒绝了本次请求"
    };
const PROVIDER_UNAVAILABLE: ProblemKind = ProblemKind {
    code: "provider_unavailable",
    status: 503,
    title: "支付平台暂时没有响应，请稍后重试",
};

const DEFAULT_LIMIT: u16 = 20;
const MAX_LIMIT: u16 = 100;

/// What pays an order.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Funding {
    /// WeChat Pay.
    WechatPay,
}

/// A new order.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[expect(missing_debug_implementations, reason = "it holds a password: it must not print")]
pub struct NewOrder {
    /// What for.
    #[garde(skip)]
    purpose: Purpose,
    /// What pays it.
    #[garde(skip)]
    funding: Funding,
    /// How much, in fen: 1 to 10,000,000, and within the school's limits.
    #[garde(range(min = 1, max = 10_000_000))]
    amount_fen: i64,
    /// Where the school's `top_up.password_required` says so.
    #[garde(inner(length(bytes, min = 1, max = 64)))]
    query_password: Option<String>,
}

/// An order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OrderView {
    #[schema(value_type = uuid::Uuid)]
    id: OrderId,
    /// `awaiting_payment`, `fulfilled`, `closed`.
    state: &'static str,
    #[schema(value_type = i64)]
    amount_fen: Fen,
    purpose: Purpose,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// From then on it cannot be paid. Until the provider has confirmed that nobody did, the order
    /// still awaits its payment.
    #[schema(value_type = String)]
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    paid_at: Option<Timestamp>,
    /// What was tried to pay it, oldest first.
    payments: Vec<PaymentView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pay: Option<PayParams>,
}

/// One try to pay an order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PaymentView {
    #[schema(value_type = uuid::Uuid)]
    payment_id: PaymentId,
    /// `wechat_pay`.
    funding: &'static str,
    /// `open`, `paid`, `closed`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pay: Option<PayParams>,
}

impl OrderView {
    fn of(whole: &WholeOrder, pay: Option<PayParams>) -> Self {
        let order = &whole.order;
        Self {
            id: order.id,
            state: order.state.code(),
            amount_fen: order.amount,
            purpose: order.purpose,
            created_at: order.created_at,
            expires_at: order.expires_at,
            paid_at: order.state.paid_at(),
            payments: whole.payments.iter().map(|payment| PaymentView::of(payment, None)).collect(),
            pay,
        }
    }
}

impl PaymentView {
    fn of(payment: &Payment, pay: Option<PayParams>) -> Self {
        Self {
            payment_id: payment.id,
            funding: payment.provider.code(),
            state: payment.state.code(),
            pay,
        }
    }
}

/// A page of orders.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OrderList {
    items: Vec<OrderView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// Which part of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// At most so many; 1 to 100, otherwise 20.
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<uuid::Uuid>)]
    cursor: Option<OrderId>,
}

/// One more try to pay an order.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
pub struct NewPayment {
    /// What pays it.
    #[garde(skip)]
    funding: Funding,
}

/// Makes an order and its first payment.
#[utoipa::path(
    tag = "orders",
    request_body = NewOrder,
    params(("Idempotency-Key" = String, Header, description = "1 to 64 visible ASCII characters")),
    responses(
        (status = 201, body = OrderView),
        (
            status = 409,
            body = problem::Problem,
            description = "`card_not_usable`, `too_many_open_orders`, `payer_of_other_app`",
        ),
        (status = 422, body = problem::Problem),
    ),
    security(("bearer" = []))
)]
#[post("/api/v1/orders")]
pub async fn start(
    student: Principal<Student>,
    key: IdempotencyKey,
    body: ValidJson<NewOrder>,
    topups: Data<TopUps>,
) -> Result<HttpResponse, ApiError> {
    let wish = wish(body.into_inner(), &key)?;
    let Started { whole, pay } = topups.start(&student, wish).await?;
    Ok(HttpResponse::Created().json(OrderView::of(&whole, pay)))
}

fn wish(body: NewOrder, key: &IdempotencyKey) -> Result<Wish, ApiError> {
    let NewOrder {
        purpose: Purpose::CardTopUp,
        funding: Funding::WechatPay,
        amount_fen,
        query_password,
    } = body;
    let amount = Fen::new(amount_fen).map_err(|error| ApiError::internal(&error))?;
    let key = key.as_str().to_owned();
    Ok(Wish { amount, key, query_password: query_password.map(Into::into) })
}

/// An order as it stands now; while it is unpaid the provider is asked, at most every two seconds.
#[utoipa::path(
    tag = "orders",
    params(("id" = uuid::Uuid, Path, description = "The order")),
    responses((status = 200, body = OrderView), (status = 404, body = problem::Problem)),
    security(("bearer" = []))
)]
#[get("/api/v1/orders/{id}")]
pub async fn show(
    student: Principal<Student>,
    id: Path<OrderId>,
    topups: Data<TopUps>,
) -> Result<Json<OrderView>, ApiError> {
    let whole = topups.order(&student, id.into_inner()).await?;
    Ok(Json(OrderView::of(&whole, None)))
}

/// The student's orders, newest first. No provider is asked.
#[utoipa::path(
    tag = "orders",
    params(Page),
    responses((status = 200, body = OrderList)),
    security(("bearer" = []))
)]
#[get("/api/v1/orders")]
pub async fn list(
    student: Principal<Student>,
    page: Query<Page>,
    topups: Data<TopUps>,
) -> Result<Json<OrderList>, ApiError> {
    let Page { limit, cursor } = page.into_inner();
    let limit = limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    // One more tells whether there is a next page.
    let mut orders = topups.orders(&student, cursor, u64::from(limit) + 1).await?;
    let more = orders.len() > usize::from(limit);
    orders.truncate(limit.into());
    let last = orders.last().filter(|_| more);
    let next_cursor = last.map(|whole| whole.order.id.to_string());
    let items = orders.iter().map(|whole| OrderView::of(whole, None)).collect();
    Ok(Json(OrderList { items, next_cursor }))
}

/// Tries once more to pay an order; the first success pays it.
#[utoipa::path(
    tag = "orders",
    request_body = NewPayment,
    params(
        ("id" = uuid::Uuid, Path, description = "The order"),
        ("Idempotency-Key" = String, Header, description = "1 to 64 visible ASCII characters"),
    ),
    responses(
        (status = 201, body = PaymentView),
        (status = 404, body = problem::Problem),
        (status = 409, body = problem::Problem, description = "Paid, closed, expired, tried 5 times"),
        (status = 422, body = problem::Problem),
    ),
    security(("bearer" = []))
)]
#[post("/api/v1/orders/{id}/payments")]
pub async fn try_again(
    student: Principal<Student>,
    id: Path<OrderId>,
    key: IdempotencyKey,
    body: ValidJson<NewPayment>,
    topups: Data<TopUps>,
) -> Result<HttpResponse, ApiError> {
    let NewPayment { funding: Funding::WechatPay } = body.into_inner();
    let Tried { payment, pay } = topups.try_again(&student, id.into_inner(), key.as_str()).await?;
    Ok(HttpResponse::Created().json(PaymentView::of(&payment, pay)))
}

/// Gives an order up. It is closed once the provider has confirmed that nobody paid it; where the
/// provider does not answer at once, later and by itself.
#[utoipa::path(
    tag = "orders",
    params(("id" = uuid::Uuid, Path, description = "The order")),
    responses((status = 200, body = OrderView), (status = 404, body = problem::Problem)),
    security(("bearer" = []))
)]
#[post("/api/v1/orders/{id}/close")]
pub async fn give_up(
    student: Principal<Student>,
    id: Path<OrderId>,
    topups: Data<TopUps>,
) -> Result<Json<OrderView>, ApiError> {
    let whole = topups.give_up(&student, id.into_inner()).await?;
    Ok(Json(OrderView::of(&whole, None)))
}

impl From<TopUpError> for ApiError {
    fn from(error: TopUpError) -> Self {
        match error {
            TopUpError::AmountOutOfRange { min, max } => Self::new(AMOUNT_OUT_OF_RANGE)
                .detail(format!("单笔充值须在 {min} 到 {max} 之间"))
                .field("/amount_fen", format!("须在 {min} 到 {max} 之间")),
            TopUpError::FundingUnavailable => {
                Self::new(FUNDING_UNAVAILABLE).field("/funding", "请换一种支付方式")
            }
            TopUpError::OtherApp => Self::new(PAYER_OF_OTHER_APP),
            TopUpError::CardNotUsable => Self::new(CARD_NOT_USABLE),
            TopUpError::TooManyOpen => Self::new(TOO_MANY_OPEN_ORDERS),
            TopUpError::PasswordRequired => {
                Self::new(PASSWORD_REQUIRED).field("/query_password", "请输入查询密码")
            }
            TopUpError::Password(fault) => fault.into(),
            TopUpError::KeyReused => Self::new(problem::IDEMPOTENCY_KEY_REUSED),
            TopUpError::NotPayable => Self::new(ORDER_NOT_PAYABLE),
            TopUpError::NoSuchOrder => Self::new(problem::NOT_FOUND),
            TopUpError::Provider(GatewayError::Refused { code }) => {
                tracing::error!(code, "the payment provider refused");
                Self::new(PROVIDER_REFUSED)
            }
            TopUpError::Provider(GatewayError::Throttled { retry_after }) => {
                let limited = Self::new(PROVIDER_UNAVAILABLE);
                limited.retry_after(retry_after.unwrap_or(super::ASK_EVERY))
            }
            TopUpError::Provider(GatewayError::Unknown) => {
                Self::new(PROVIDER_UNAVAILABLE).retry_after(super::ASK_EVERY)
            }
            TopUpError::Settle(error) => Self::internal(&error),
            TopUpError::Db(error) => Self::internal(&error),
        }
    }
}
