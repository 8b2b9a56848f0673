//! What a client asks its user about before a payment.

use super::Telling;
use crate::{
    base::http::{ApiError, Principal, problem::Problem},
    orders::fact::Provider,
    sessions::Student,
};
use actix_web::{
    get,
    web::{Data, Json},
};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the path; needs `Data<Telling>`.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(templates);
}

/// The templates of the school's messages.
#[derive(Serialize, utoipa::ToSchema)]
struct MessageTemplates {
    items: Vec<MessageTemplatesOf>,
}

/// The templates of one payment provider.
#[derive(Serialize, utoipa::ToSchema)]
struct MessageTemplatesOf {
    /// `wechat_pay` or `alipay`, as in the `funding` of an order.
    funding: &'static str,
    /// The platform's ids, at most two.
    template_ids: Vec<String>,
}

/// The templates of messages that the student's school sends to payers. A client asks its user about
/// those of the provider that is paid by, when the user taps to pay: the platform, not this server,
/// keeps what the user answers. Empty where the school sends none.
#[utoipa::path(tag = "orders", security(("bearer" = [])), responses(
    (status = 200, body = MessageTemplates), (status = 401, body = Problem),
    (status = 403, body = Problem)))]
#[get("/api/v1/messages/templates")]
async fn templates(
    student: Principal<Student>,
    telling: Data<Telling>,
) -> Result<Json<MessageTemplates>, ApiError> {
    let school = telling.schools.require(student.school).await;
    let school = school.map_err(|error| ApiError::internal(&error))?;
    let of = |provider: Provider| {
        let ids = telling.messengers.template_ids(&school.code, provider);
        let template_ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
        let told = MessageTemplatesOf { funding: provider.code(), template_ids };
        Some(told).filter(|told| !told.template_ids.is_empty())
    };
    Ok(Json(MessageTemplates { items: Provider::ALL.into_iter().filter_map(of).collect() }))
}
