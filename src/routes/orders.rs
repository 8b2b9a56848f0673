//! `POST /api/v1/orders`: hands the order to the journey of its purpose.

use crate::{
    base::{
        http::{ApiError, IdempotencyKey, Principal, ValidJson, problem},
        money::Fen,
    },
    orders::purpose::Purpose,
    payments::{
        PaymentError, Started,
        http::{Funding, OrderView},
    },
    sessions::Student,
    topup::{TopUpRequest, TopUps},
};
use actix_web::{HttpResponse, post, web::Data};
use garde::Validate;
use serde::Deserialize;

/// A new order.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub struct NewOrder {
    /// What is ordered.
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

/// Creates an order and its first payment.
#[utoipa::path(
    tag = "orders",
    request_body = NewOrder,
    params(("Idempotency-Key" = String, Header, description = "1 to 64 visible ASCII characters")),
    responses(
        (status = 201, body = OrderView),
        (
            status = 409,
            body = problem::Problem,
            description = "`card_not_usable`, `too_many_open_orders`, `payer_of_other_app`, \
                           `payer_not_bound`",
        ),
        (status = 422, body = problem::Problem),
    ),
    security(("bearer" = []))
)]
#[post("/api/v1/orders")]
pub(super) async fn start(
    student: Principal<Student>,
    key: IdempotencyKey,
    body: ValidJson<NewOrder>,
    topups: Data<TopUps>,
) -> Result<HttpResponse, ApiError> {
    let order = body.into_inner();
    let started = match order.purpose {
        Purpose::CardTopUp => topups.start(&student, order.top_up(&key)?).await?,
        Purpose::WalletTopUp
        | Purpose::Electricity
        | Purpose::ColdWater
        | Purpose::Shower
        | Purpose::NetworkFee => {
            return Err(PaymentError::PurposeUnavailable.into());
        }
    };
    Ok(created(started))
}

impl NewOrder {
    fn top_up(self, key: &IdempotencyKey) -> Result<TopUpRequest, ApiError> {
        Ok(TopUpRequest {
            amount: Fen::new(self.amount_fen).map_err(|error| ApiError::internal(&error))?,
            provider: self.funding.provider()?,
            key: key.as_str().to_owned(),
            query_password: self.query_password.map(Into::into),
        })
    }
}

fn created(started: Started) -> HttpResponse {
    HttpResponse::Created().json(OrderView::from(started))
}
