//! Loss reports over HTTP.

use super::{CardLife, LossClaim, LossReason, LossView};
use crate::{
    base::{
        clock::Timestamp,
        http::{ApiError, Principal, ValidJson, problem::Problem},
    },
    schools::policy::{LossDoor, LossField, LossScope},
    sessions::Student,
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json},
};
use garde::Validate;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the paths of this journey; needs `Data<CardLife>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(show_loss).service(report_loss).service(cancel_loss);
}

/// What the holder gives. The school's policy says which of the optional fields it asks for.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
struct LossRequest {
    #[garde(length(bytes, min = 1, max = 64))]
    query_password: String,
    /// 身份证号.
    #[garde(inner(length(bytes, min = 1, max = 32), ascii))]
    id_number: Option<String>,
    /// 芯片卡号: as shown by `GET /api/v1/card/loss-reports`.
    #[garde(inner(length(bytes, min = 1, max = 32), ascii))]
    chip_number: Option<String>,
    /// Why it is reported.
    #[garde(skip)]
    #[serde(default)]
    reason: LossReason,
}

/// How a card stands, and what its school asks for.
#[derive(Serialize, utoipa::ToSchema)]
struct LossBody {
    /// `lost` where it is reported.
    status: LossStatus,
    #[schema(value_type = Option<String>, format = DateTime)]
    reported_at: Option<Timestamp>,
    /// The number of the chip, where the school asks for it: it need not be written down.
    chip_number: Option<String>,
    /// What is asked for to report; `null` where only the counter does it.
    report_fields: Option<Vec<LossField>>,
    /// What is asked for to take a report back; `null` where only the counter does it.
    cancel_fields: Option<Vec<LossField>>,
    /// What a report stops.
    stops: LossScope,
}

/// Whether a card is reported.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum LossStatus {
    /// 正常.
    Normal,
    /// 挂失.
    Lost,
}

/// How the card stands, and what the school asks for to report it or to take a report back. The query
/// password is asked for in every case.
#[utoipa::path(tag = "card", security(("bearer" = [])), responses(
    (status = 200, body = LossBody), (status = 403, description = "`not_bound`", body = Problem)))]
#[get("/api/v1/card/loss-reports")]
async fn show_loss(
    student: Principal<Student>,
    card_life: Data<CardLife>,
) -> Result<Json<LossBody>, ApiError> {
    Ok(Json(card_life.loss(&student).await?.into()))
}

/// Reports the card as lost or damaged: once this is answered no code of the person is accepted, unless
/// the school stops the card alone. A repetition is answered 200.
#[utoipa::path(tag = "card", security(("bearer" = [])), request_body = LossRequest, responses(
    (status = 201, body = LossBody), (status = 200, description = "Reported before", body = LossBody),
    (status = 403, description = "`counter_only`, `not_bound`", body = Problem),
    (status = 422, description = "`password_wrong`, `field_missing`", body = Problem),
    (status = 429, description = "`too_many_tries`", body = Problem)))]
#[post("/api/v1/card/loss-reports")]
async fn report_loss(
    student: Principal<Student>,
    body: ValidJson<LossRequest>,
    card_life: Data<CardLife>,
) -> Result<HttpResponse, ApiError> {
    let body = body.into_inner();
    let reason = body.reason;
    let (view, is_new) = card_life.report(&student, body.into(), reason).await?;
    let mut answer = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.json(LossBody::from(view)))
}

/// Takes the report back.
#[utoipa::path(tag = "card", security(("bearer" = [])), request_body = LossRequest, responses(
    (status = 200, body = LossBody),
    (status = 403, description = "`counter_only`, `not_bound`", body = Problem),
    (status = 409, description = "`loss_not_reported`", body = Problem),
    (status = 422, description = "`password_wrong`, `field_missing`", body = Problem),
    (status = 429, description = "`too_many_tries`", body = Problem)))]
#[post("/api/v1/card/loss-reports/cancel")]
async fn cancel_loss(
    student: Principal<Student>,
    body: ValidJson<LossRequest>,
    card_life: Data<CardLife>,
) -> Result<Json<LossBody>, ApiError> {
    Ok(Json(card_life.cancel(&student, body.into_inner().into()).await?.into()))
}

impl From<LossRequest> for LossClaim {
    fn from(body: LossRequest) -> Self {
        Self {
            query_password: SecretString::from(body.query_password),
            id_number: body.id_number.map(SecretString::from),
            chip_number: body.chip_number.map(SecretString::from),
        }
    }
}

impl From<LossView> for LossBody {
    fn from(view: LossView) -> Self {
        let fields = |door| match door {
            LossDoor::Counter => None,
            LossDoor::Holder(fields) => Some(fields),
        };
        let LossView { reported_at, chip_number, report, cancel, stops } = view;
        Self {
            status: if reported_at.is_some() { LossStatus::Lost } else { LossStatus::Normal },
            reported_at,
            chip_number: chip_number.map(|number| number.expose_secret().to_owned()),
            report_fields: fields(report),
            cancel_fields: fields(cancel),
            stops,
        }
    }
}
