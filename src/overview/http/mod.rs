//! The card and its statement over HTTP.

mod statement;

use super::Overview;
use crate::{
    base::http::{ApiError, Principal, problem::Problem},
    cards::CardView,
    sessions::Student,
};
use actix_web::{
    get,
    web::{Data, Json},
};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the paths of this journey; needs `Data<Overview>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(card).service(statement::list).service(statement::month).service(statement::csv);
}

/// The card and its balances.
#[utoipa::path(tag = "card", security(("bearer" = [])), responses(
    (status = 200, body = CardView), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[get("/api/v1/card")]
async fn card(
    student: Principal<Student>,
    overview: Data<Overview>,
) -> Result<Json<CardView>, ApiError> {
    let card = overview.card(&student).await.map_err(|error| ApiError::internal(&error))?;
    Ok(Json(card))
}
