//! Requests to end refunds that a provider refuses for ever.

use super::refunds::{StaffRefundView, view};
use crate::{
    base::http::{ApiError, IdempotencyKey, ValidJson, not_blank, problem::Problem},
    staff::{
        StaffDesk,
        endings::EndingAsk,
        guard::{AskRefund, May},
    },
};
use actix_web::{
    HttpResponse, post,
    web::{Data, Path},
};
use garde::Validate;
use serde::Deserialize;

/// A request to end a refund.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct EndRefundRequest {
    /// Why.
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// Asks that a refund be ended which the provider refuses for ever, by the refund's own number:
/// `refund_id` of its request, or what the case about it names. Another person must approve the request
/// like any other; then the provider is asked, and only if it does not know the refund does that end:
/// what was held for it is the person's again, and a payment that was made twice is credited. The roles
/// `card_office` and `finance` may.
#[utoipa::path(tag = "staff", request_body = EndRefundRequest, security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The refund"),
        ("Idempotency-Key" = String, Header, description = "1 to 64 visible ASCII characters")),
    responses((status = 201, body = StaffRefundView),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`, `own_money`",
            body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_open` (`approval` names it), `refund_not_endable`, \
            `refund_just_sent`", body = Problem)))]
#[post("/refunds/{id}/end")]
pub(super) async fn ask(
    member: May<AskRefund>,
    id: Path<uuid::Uuid>,
    key: IdempotencyKey,
    body: ValidJson<EndRefundRequest>,
    desk: Data<StaffDesk>,
) -> Result<HttpResponse, ApiError> {
    let reason = body.into_inner().reason;
    let ask = EndingAsk { refund: id.into_inner(), reason, key: key.as_str().to_owned() };
    let asked = desk.ask_ending(&member, &ask).await?;
    Ok(HttpResponse::Created().json(view(asked, desk.clock.now())))
}
