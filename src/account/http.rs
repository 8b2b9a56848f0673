//! The card over HTTP.

use super::Accounts;
use crate::{
    base::{
        http::{ApiError, Principal, problem::Problem},
        money::Balance,
    },
    sessions::Student,
};
use actix_web::{
    get,
    web::{Data, Json},
};
use serde::Serialize;

/// The card's balances, in fen. Each may be below zero; what may be spent is their sum.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CardView {
    /// `normal`.
    status: &'static str,
    /// 卡余额: what the physical card holds.
    #[schema(value_type = i64)]
    card_balance_fen: Balance,
    /// 过渡余额: where spending by code is recorded.
    #[schema(value_type = i64)]
    transition_balance_fen: Balance,
    /// 电子账户: where top-ups arrive.
    #[schema(value_type = i64)]
    e_account_balance_fen: Balance,
    /// The sum of the three.
    #[schema(value_type = i64)]
    total_fen: Balance,
}

/// The card and its balances.
#[utoipa::path(tag = "card", security(("bearer" = [])), responses(
    (status = 200, body = CardView), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[get("/api/v1/card")]
pub async fn card(
    student: Principal<Student>,
    accounts: Data<Accounts>,
) -> Result<Json<CardView>, ApiError> {
    let balances = accounts.balances(&student).await.map_err(|error| ApiError::internal(&error))?;
    Ok(Json(CardView {
        status: "normal",
        card_balance_fen: balances.card,
        transition_balance_fen: balances.transition,
        e_account_balance_fen: balances.e_account,
        total_fen: balances.total(),
    }))
}
