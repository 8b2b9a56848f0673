//! Orders over HTTP.

use super::{Started, TopUpError, TopUps, Wish};
use crate::{
    base::{
        clock::Timestamp,
        http::{
            ApiError, IdempotencyKey, Principal, ValidJson,
            problem::{self, Kind},
        },
        money::Fen,
    },
    orders::{
        gateway::{GatewayError, PayParams},
        order::{Order, OrderId, Purpose},
    },
    sessions::Student,
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path},
};
use garde::Validate;
use serde::{Deserialize, Serialize};

const AMOUNT_OUT_OF_RANGE: Kind =
    Kind { code: "amount_out_of_range", status: 422, title: "金额超出允许范围" };
const FUNDING_UNAVAILABLE: Kind =
    Kind { code: "funding_unavailable", status: 422, title: "本校暂不支持该支付方式" };
const PAYER_OF_OTHER_APP: Kind =
    Kind {
        code: "payer_of_other_app", status: 409, title: "请在本校小程序内登录后再支付"
    };
const PROVIDER_REFUSED: Kind =
    Kind { code: "provider_refused", status: 502, title: "支付平台拒绝了本次请求" };
const PROVIDER_UNAVAILABLE: Kind =
    Kind {
        code: "provider_unavailable", status: 503, title: "支付平台暂时没有响应，请稍后重试"
    };

/// What pays an order.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Funding {
    /// WeChat Pay.
    WechatPay,
}

/// A new order.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
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
    #[schema(value_type = String)]
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    paid_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pay: Option<PayParams>,
}

impl OrderView {
    fn of(order: &Order, pay: Option<PayParams>) -> Self {
        Self {
            id: order.id,
            state: order.state.code(),
            amount_fen: order.amount,
            purpose: order.purpose,
            created_at: order.created_at,
            expires_at: order.expires_at,
            paid_at: order.state.paid_at(),
            pay,
        }
    }
}

/// Makes an order and its first payment.
#[utoipa::path(
    tag = "orders",
    request_body = NewOrder,
    params(("Idempotency-Key" = String, Header, description = "1 to 64 visible ASCII characters")),
    responses((status = 201, body = OrderView), (status = 422, body = problem::Problem)),
    security(("bearer" = []))
)]
#[post("/api/v1/orders")]
pub async fn start(
    student: Principal<Student>,
    key: IdempotencyKey,
    body: ValidJson<NewOrder>,
    topups: Data<TopUps>,
) -> Result<HttpResponse, ApiError> {
    let NewOrder { purpose: Purpose::CardTopUp, funding: Funding::WechatPay, amount_fen } =
        body.into_inner();
    let amount = Fen::new(amount_fen).map_err(|error| ApiError::internal(&error))?;
    let Started { order, pay } =
        topups.start(&student, Wish { amount, key: key.as_str().to_owned() }).await?;
    Ok(HttpResponse::Created().json(OrderView::of(&order, pay)))
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
    let order = topups.order(&student, id.into_inner()).await?;
    Ok(Json(OrderView::of(&order, None)))
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
            TopUpError::KeyReused => Self::new(problem::IDEMPOTENCY_KEY_REUSED),
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
