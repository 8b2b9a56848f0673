//! Orders and payments over HTTP. `POST /api/v1/orders` is in `routes/orders.rs`: it belongs to the
//! journey of the order's purpose.

use super::{
    PaymentError, Payments, Started, StartedPayment,
    gateway::{GatewayError, PayParams, Provider},
};
use crate::{
    base::{
        clock::Timestamp,
        http::{
            ApiError, IdempotencyKey, PageSize, Principal, ValidJson,
            problem::{self, problem_kinds},
        },
        money::Fen,
    },
    orders::{
        order::{OrderId, Payment, PaymentId, WholeOrder},
        purpose::Purpose,
        refund::{Refund, RefundId, RefundProgress, RefundSource},
    },
    sessions::Student,
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

problem_kinds! {
    PURPOSE_UNAVAILABLE = "purpose_unavailable", 422, "暂不支持该类订单";
    FUNDING_UNAVAILABLE = "funding_unavailable", 422, "本校暂不支持该支付方式";
    PAYER_OF_OTHER_APP = "payer_of_other_app", 409, "请在本校小程序内登录后再支付";
    PAYER_NOT_BOUND = "payer_not_bound", 409, "请先在该支付平台的小程序中登录并绑定校园卡";
    ORDER_NOT_PAYABLE = "order_not_payable", 409, "订单已支付、已关闭或已过期，不能再支付";
    TOO_MANY_OPEN_ORDERS = "too_many_open_orders", 409, "未支付的订单过多，请先支付或取消";
    PROVIDER_REFUSED = "provider_refused", 502, "支付平台拒绝了本次请求";
}

const DEFAULT_LIMIT: u16 = 20;

/// What pays an order.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Funding {
    /// WeChat Pay.
    WechatPay,
    /// Alipay.
    Alipay,
    /// A bank card. Not offered yet.
    BankCard,
    /// 电子钱包. Not offered yet.
    Wallet,
    /// The campus card. Not offered yet.
    Card,
}

impl Funding {
    /// The provider that takes the money.
    pub const fn provider(self) -> Result<Provider, PaymentError> {
        match self {
            Self::WechatPay => Ok(Provider::WechatPay),
            Self::Alipay => Ok(Provider::Alipay),
            Self::BankCard | Self::Wallet | Self::Card => Err(PaymentError::FundingUnavailable),
        }
    }
}

/// An order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OrderView {
    #[schema(value_type = uuid::Uuid)]
    id: OrderId,
    /// `awaiting_payment`, `paid`, `fulfilled`, `closed`; `refunding` while money of it is on its way
    /// back, `refunded` once all of it is back.
    state: &'static str,
    #[schema(value_type = i64)]
    amount_fen: Fen,
    purpose: Purpose,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// From then on it cannot be paid. Until the provider has confirmed that it was not, the order
    /// stays `awaiting_payment`.
    #[schema(value_type = String)]
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    paid_at: Option<Timestamp>,
    /// Its payments, oldest first.
    payments: Vec<PaymentView>,
    /// Their refunds, oldest first.
    refunds: Vec<RefundView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pay: Option<PayParams>,
}

/// One payment of an order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PaymentView {
    #[schema(value_type = uuid::Uuid)]
    payment_id: PaymentId,
    /// `wechat_pay`, `alipay`.
    funding: &'static str,
    /// `open`, `paid`, `closed`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pay: Option<PayParams>,
}

impl From<Started> for OrderView {
    fn from(started: Started) -> Self {
        Self::of(&started.whole, started.pay)
    }
}

impl OrderView {
    fn of(whole: &WholeOrder, pay: Option<PayParams>) -> Self {
        let order = &whole.order;
        Self {
            id: order.id,
            state: whole.shown_state(),
            amount_fen: order.amount,
            purpose: order.purpose,
            created_at: order.created_at,
            expires_at: order.expires_at,
            paid_at: order.state.paid_at(),
            payments: whole.payments.iter().map(|payment| PaymentView::of(payment, None)).collect(),
            refunds: whole.refunds.iter().map(RefundView::of).collect(),
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

/// Money of an order that goes back to the payer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RefundView {
    #[schema(value_type = uuid::Uuid)]
    id: RefundId,
    #[schema(value_type = i64)]
    amount_fen: Fen,
    /// The provider that gives it back: `wechat_pay`, `alipay`.
    funding: &'static str,
    /// The payment that it gives back.
    #[schema(value_type = uuid::Uuid)]
    payment_id: PaymentId,
    /// Whether it was paid beyond the order.
    surplus: bool,
    /// Of a `surplus` whose refund `failed`: whether it was credited to the person instead. No balance
    /// changes by any other.
    credited: bool,
    /// `requested`, `sent`, `done`, `failed`.
    state: &'static str,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// When the payer had it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    done_at: Option<Timestamp>,
}

impl RefundView {
    fn of(refund: &Refund) -> Self {
        let done_at = match refund.progress {
            RefundProgress::Done { at } => Some(at),
            RefundProgress::Asked
            | RefundProgress::Requested
            | RefundProgress::Sent
            | RefundProgress::Failed { .. } => None,
        };
        Self {
            id: refund.id,
            amount_fen: refund.amount,
            funding: refund.provider.code(),
            payment_id: refund.payment,
            surplus: refund.source == RefundSource::Suspense,
            credited: refund.is_credited(),
            state: refund.progress.shown(),
            created_at: refund.created_at,
            done_at,
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

/// One more payment of an order.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
pub struct NewPayment {
    /// What pays it.
    #[garde(skip)]
    funding: Funding,
}

/// Mounts the paths of this room; needs `Data<Payments>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(show).service(list).service(try_again).service(give_up);
}

/// An order as it stands now; while it is unpaid the provider is asked, at most every two seconds.
#[utoipa::path(
    tag = "orders",
    params(("id" = uuid::Uuid, Path, description = "The order")),
    responses((status = 200, body = OrderView), (status = 404, body = problem::Problem)),
    security(("bearer" = []))
)]
#[get("/api/v1/orders/{id}")]
async fn show(
    student: Principal<Student>,
    id: Path<OrderId>,
    payments: Data<Payments>,
) -> Result<Json<OrderView>, ApiError> {
    let whole = payments.order(&student, id.into_inner()).await?;
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
async fn list(
    student: Principal<Student>,
    page: Query<Page>,
    payments: Data<Payments>,
) -> Result<Json<OrderList>, ApiError> {
    let Page { limit, cursor } = page.into_inner();
    let size = PageSize::asked(limit, DEFAULT_LIMIT);
    let orders = payments.orders(&student, cursor, size.to_read().into()).await?;
    let (orders, next_cursor) = size.page(orders, |whole| whole.order.id.to_string());
    let items = orders.iter().map(|whole| OrderView::of(whole, None)).collect();
    Ok(Json(OrderList { items, next_cursor }))
}

/// Adds a payment to an order; the first that succeeds pays it.
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
async fn try_again(
    student: Principal<Student>,
    id: Path<OrderId>,
    key: IdempotencyKey,
    body: ValidJson<NewPayment>,
    payments: Data<Payments>,
) -> Result<HttpResponse, ApiError> {
    let provider = body.into_inner().funding.provider()?;
    let started = payments.try_again(&student, id.into_inner(), provider, key.as_str()).await?;
    let StartedPayment { payment, pay } = started;
    Ok(HttpResponse::Created().json(PaymentView::of(&payment, pay)))
}

/// Cancels an unpaid order. It is closed when the provider confirms that it was not paid: at once, or
/// later by itself where the provider does not answer now.
#[utoipa::path(
    tag = "orders",
    params(("id" = uuid::Uuid, Path, description = "The order")),
    responses((status = 200, body = OrderView), (status = 404, body = problem::Problem)),
    security(("bearer" = []))
)]
#[post("/api/v1/orders/{id}/close")]
async fn give_up(
    student: Principal<Student>,
    id: Path<OrderId>,
    payments: Data<Payments>,
) -> Result<Json<OrderView>, ApiError> {
    let whole = payments.give_up(&student, id.into_inner()).await?;
    Ok(Json(OrderView::of(&whole, None)))
}

impl From<PaymentError> for ApiError {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::PurposeUnavailable => {
                Self::new(PURPOSE_UNAVAILABLE).field("/purpose", "该功能尚未开通")
            }
            PaymentError::FundingUnavailable => {
                Self::new(FUNDING_UNAVAILABLE).field("/funding", "请换一种支付方式")
            }
            PaymentError::NotOnPlatform => Self::new(PAYER_NOT_BOUND),
            PaymentError::OtherApp => Self::new(PAYER_OF_OTHER_APP),
            PaymentError::TooManyOpen => Self::new(TOO_MANY_OPEN_ORDERS),
            PaymentError::KeyReused => Self::new(problem::IDEMPOTENCY_KEY_REUSED),
            PaymentError::NotPayable => Self::new(ORDER_NOT_PAYABLE),
            PaymentError::NoSuchOrder => Self::new(problem::NOT_FOUND),
            PaymentError::Provider(GatewayError::Refused { code }) => {
                tracing::error!(code, "the payment provider refused");
                Self::new(PROVIDER_REFUSED)
            }
            PaymentError::Provider(GatewayError::Throttled { retry_after }) => {
                let limited = Self::new(problem::PROVIDER_UNAVAILABLE);
                limited.retry_after(retry_after.unwrap_or(super::ASK_EVERY))
            }
            PaymentError::Provider(GatewayError::Unknown) => {
                Self::new(problem::PROVIDER_UNAVAILABLE).retry_after(super::ASK_EVERY)
            }
            PaymentError::Settle(error) => Self::internal(&error),
            PaymentError::Refund(error) => Self::internal(&error),
            PaymentError::Db(error) => Self::internal(&error),
        }
    }
}
