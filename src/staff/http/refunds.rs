//! Refunds that staff ask for and decide.

use super::requests::{ApproveRequest, RejectRequest, RequestPage, RequestView};
use crate::{
    approvals::{ApprovalId, ApprovalKind, ApprovalQuery},
    base::{
        clock::Timestamp,
        http::{
            ApiError, IdempotencyKey, ValidJson, not_blank,
            problem::{self, Problem},
        },
        money::Fen,
    },
    orders::order::{OrderId, PaymentId},
    staff::{
        MoneyStanding, RefundAsk, RefundTarget, StaffDesk, StaffRefund,
        guard::{AskProvider, AskRefund, DecideRefund, May, ReadRefunds},
    },
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use garde::Validate;
use serde::{Deserialize, Serialize};

/// A request for a refund: of an order or of one of its payments.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct NewRefundRequest {
    /// The order whose payment is refunded. Either this or `payment_id`.
    #[garde(skip)]
    #[schema(value_type = Option<uuid::Uuid>)]
    order_id: Option<OrderId>,
    /// The payment that is refunded.
    #[garde(skip)]
    #[schema(value_type = Option<uuid::Uuid>)]
    payment_id: Option<PaymentId>,
    /// How much, in fen.
    #[garde(range(min = 1, max = 10_000_000))]
    amount_fen: i64,
    /// Why. The payer may read it.
    #[garde(custom(not_blank), length(chars, max = 80))]
    reason: String,
}

/// How far an approved refund is.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RefundStage {
    /// The money is held; the provider does not know yet.
    Requested,
    /// The provider was told, and has not confirmed it.
    Sent,
    /// The provider confirmed it.
    Done,
    /// The provider refused it.
    Failed,
}

impl RefundStage {
    /// Of a refund whose money is there.
    const fn of(standing: MoneyStanding) -> Option<Self> {
        match standing {
            MoneyStanding::RefundAsked | MoneyStanding::RefundHeld | MoneyStanding::SurplusHeld => {
                Some(Self::Requested)
            }
            MoneyStanding::RefundSent | MoneyStanding::SurplusSent => Some(Self::Sent),
            MoneyStanding::Back => Some(Self::Done),
            MoneyStanding::Stuck | MoneyStanding::Returned => Some(Self::Failed),
            MoneyStanding::Unpaid
            | MoneyStanding::Unconfirmed
            | MoneyStanding::NotPaid
            | MoneyStanding::Undelivered
            | MoneyStanding::Delivered
            | MoneyStanding::PartlyBack => None,
        }
    }
}

/// A request for a refund.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffRefundView {
    #[serde(flatten)]
    request: RequestView,
    /// `refund`, or `refund_end`: that a refund be ended.
    kind: &'static str,
    /// The payment that is refunded; `null` where a refund is ended.
    #[schema(value_type = Option<uuid::Uuid>)]
    payment_id: Option<PaymentId>,
    /// The refund that the approval made, or that is to be ended.
    refund_id: Option<uuid::Uuid>,
    /// How far it is; `null` while there is none.
    refund: Option<RefundStage>,
}

/// A page of requests.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct StaffRefundList {
    items: Vec<StaffRefundView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// Asks for a refund, which another person must approve within seven days. Nothing is posted. The roles
/// `card_office` and `finance` may.
#[utoipa::path(tag = "staff", request_body = NewRefundRequest, security(("staff" = [])),
    params(("Idempotency-Key" = String, Header, description = "1 to 64 visible ASCII characters")),
    responses((status = 201, body = StaffRefundView),
        (status = 403, description = "`staff_right_missing`, `second_factor_needed`, `own_money`",
            body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_open` (`approval` names it), `not_refundable`",
            body = Problem),
        (status = 422, description = "`refund_too_much` with `refundable_fen`", body = Problem)))]
#[post("/refunds")]
pub(super) async fn ask(
    member: May<AskRefund>,
    key: IdempotencyKey,
    body: ValidJson<NewRefundRequest>,
    desk: Data<StaffDesk>,
) -> Result<HttpResponse, ApiError> {
    let asked = desk.ask_refund(&member, &body.into_inner().asked(&key)?).await?;
    Ok(HttpResponse::Created().json(view(asked, desk.clock.now())))
}

/// Requests for refunds of the school, newest first. The roles `card_office`, `finance` and `auditor`
/// may.
#[utoipa::path(tag = "staff", params(ApprovalQuery, RequestPage), security(("staff" = [])),
    responses((status = 200, body = StaffRefundList), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
#[get("/refunds")]
pub(super) async fn list(
    member: May<ReadRefunds>,
    which: Query<ApprovalQuery>,
    page: Query<RequestPage>,
    desk: Data<StaffDesk>,
) -> Result<Json<StaffRefundList>, ApiError> {
    let (size, page) = page.into_inner().parts();
    let found = desk.refunds(&member, &which, page).await?;
    let (found, next_cursor) = size.page(found, |(one, _)| one.approval.id.to_string());
    let now = desk.clock.now();
    let items = found.into_iter().map(|(one, _)| view(one, now)).collect();
    Ok(Json(StaffRefundList { items, next_cursor }))
}

/// A request for a refund.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = StaffRefundView), (status = 404, body = Problem)))]
#[get("/refunds/{id}")]
pub(super) async fn show(
    member: May<ReadRefunds>,
    id: Path<ApprovalId>,
    desk: Data<StaffDesk>,
) -> Result<Json<StaffRefundView>, ApiError> {
    let found = desk.refund(&member, id.into_inner()).await?;
    Ok(Json(view(found, desk.clock.now())))
}

/// Has the provider asked now how the refund of an approved request stands. Once in ten seconds for an order. The
/// roles `card_office` and `finance` may.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = StaffRefundView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 429, description = "`asked_just_now`", body = Problem),
        (status = 503, description = "`provider_unavailable`", body = Problem)))]
#[post("/refunds/{id}/query")]
pub(super) async fn ask_provider(
    member: May<AskProvider>,
    id: Path<ApprovalId>,
    desk: Data<StaffDesk>,
) -> Result<Json<StaffRefundView>, ApiError> {
    let found = desk.ask_about_refund(&member, id.into_inner()).await?;
    Ok(Json(view(found, desk.clock.now())))
}

/// Approves a request: the money is held and goes back, and this cannot be undone. Another person than
/// who asked, with the role `finance`. Before a refund is ended its provider is asked: if it knows the
/// refund, or does not answer, nothing is decided.
#[utoipa::path(tag = "staff", request_body = ApproveRequest, security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = StaffRefundView),
        (status = 403, description = "`second_person_needed`, `staff_right_missing`, \
            `second_factor_needed`, `own_money`", body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over` with `state`, `not_refundable`, \
            `refund_spent`; of an ending `refund_not_endable`, `refund_just_sent`, \
            `refund_known_there`", body = Problem),
        (status = 503, description = "`provider_unavailable`", body = Problem)))]
#[post("/refunds/{id}/approve")]
pub(super) async fn approve(
    member: May<DecideRefund>,
    id: Path<ApprovalId>,
    body: ValidJson<ApproveRequest>,
    desk: Data<StaffDesk>,
) -> Result<Json<StaffRefundView>, ApiError> {
    let why = body.into_inner().reason.unwrap_or_default();
    let decided = desk.approve_refund(&member, id.into_inner(), &why).await?;
    Ok(Json(view(decided, desk.clock.now())))
}

/// Rejects a request. Another person than who asked, with the role `finance`.
#[utoipa::path(tag = "staff", request_body = RejectRequest, security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = StaffRefundView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over` with `state`", body = Problem)))]
#[post("/refunds/{id}/reject")]
pub(super) async fn reject(
    member: May<DecideRefund>,
    id: Path<ApprovalId>,
    body: ValidJson<RejectRequest>,
    desk: Data<StaffDesk>,
) -> Result<Json<StaffRefundView>, ApiError> {
    let why = body.into_inner().reason;
    let decided = desk.reject_refund(&member, id.into_inner(), &why).await?;
    Ok(Json(view(decided, desk.clock.now())))
}

/// Takes one's own request back.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = uuid::Uuid, Path, description = "The request")),
    responses((status = 200, body = StaffRefundView), (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`approval_over` with `state`", body = Problem)))]
#[post("/refunds/{id}/withdraw")]
pub(super) async fn withdraw(
    member: May<AskRefund>,
    id: Path<ApprovalId>,
    desk: Data<StaffDesk>,
) -> Result<Json<StaffRefundView>, ApiError> {
    let decided = desk.withdraw_refund(&member, id.into_inner()).await?;
    Ok(Json(view(decided, desk.clock.now())))
}

impl NewRefundRequest {
    fn asked(self, key: &IdempotencyKey) -> Result<RefundAsk, ApiError> {
        let target = match (self.order_id, self.payment_id) {
            (Some(order), None) => RefundTarget::Order(order),
            (None, Some(payment)) => RefundTarget::Payment(payment),
            (Some(_), Some(_)) | (None, None) => {
                let invalid = ApiError::new(problem::INVALID);
                return Err(invalid.field("/payment_id", "须填写 order_id 或 payment_id 之一"));
            }
        };
        Ok(RefundAsk {
            target,
            amount: Fen::new(self.amount_fen).map_err(|error| ApiError::internal(&error))?,
            reason: self.reason,
            key: key.as_str().to_owned(),
        })
    }
}

pub(super) fn view(refund: StaffRefund, now: Timestamp) -> StaffRefundView {
    let StaffRefund { approval, standing } = refund;
    let result = approval.decision.as_ref().and_then(|decision| decision.result);
    let (payment_id, refund_id) = match approval.kind {
        ApprovalKind::Refund => (Some(PaymentId::from_uuid(approval.subject)), result),
        ApprovalKind::RefundEnd => (None, Some(approval.subject)),
        ApprovalKind::BillRepair
        | ApprovalKind::AdjustUp
        | ApprovalKind::AdjustDown
        | ApprovalKind::PasswordReset
        | ApprovalKind::StaffRoles
        | ApprovalKind::StaffFactor
        | ApprovalKind::PolicyChange => (None, None),
    };
    StaffRefundView {
        kind: approval.kind.code(),
        payment_id,
        refund_id,
        refund: standing.and_then(RefundStage::of),
        request: RequestView::of(approval, now),
    }
}
