//! Messages that could not be delivered.

use super::{problems::MESSAGE_RESENT, requests::DEFAULT_LIMIT};
use crate::{
    base::{
        clock::Timestamp,
        db::Keyset,
        http::{
            ApiError, PageSize, ValidJson,
            problem::{INVALID, Problem},
        },
    },
    staff::{
        StaffDesk,
        guard::{May, ReadMessages, RetryMessages},
    },
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Json, Path, Query},
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Failed messages of a kind for one reason.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct FailedGroupView {
    /// `message_credited`, `message_refunded` or `shipping`.
    kind: String,
    /// The platform's code, or ours; may be empty.
    reason: String,
    count: u64,
    #[schema(value_type = String, format = DateTime)]
    last_at: Timestamp,
}

/// All of them.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct FailedGroupList {
    items: Vec<FailedGroupView>,
}

/// A failed message.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct FailedMessageView {
    id: Uuid,
    kind: String,
    /// The number of the payment or refund.
    subject: String,
    #[schema(value_type = String, format = DateTime)]
    failed_at: Timestamp,
    tries: i32,
}

/// A page of them.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct FailedMessageList {
    items: Vec<FailedMessageView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// Which of them.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FailedPage {
    kind: String,
    /// May be empty.
    #[serde(default)]
    reason: String,
    /// At most so many; 1 to 100, otherwise 50.
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
}

/// Which failure of a message.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct RetryRequest {
    /// `failed_at` as it was read.
    #[garde(length(max = 40))]
    failed_at: String,
}

/// Messages that could not be delivered, by kind and reason.
#[utoipa::path(tag = "staff", security(("staff" = [])), responses(
    (status = 200, body = FailedGroupList), (status = 403, body = Problem)))]
#[get("/messages")]
pub(super) async fn groups(
    member: May<ReadMessages>,
    desk: Data<StaffDesk>,
) -> Result<Json<FailedGroupList>, ApiError> {
    let found = desk.failed_messages(&member).await?;
    let items = found.into_iter().map(|one| FailedGroupView {
        kind: one.kind,
        reason: one.reason,
        count: one.jobs,
        last_at: one.last,
    });
    Ok(Json(FailedGroupList { items: items.collect() }))
}

/// Those of one kind and reason, newest first.
#[utoipa::path(tag = "staff", security(("staff" = [])), params(FailedPage), responses(
    (status = 200, body = FailedMessageList), (status = 403, body = Problem),
    (status = 404, body = Problem)))]
#[get("/messages/failed")]
pub(super) async fn failed(
    member: May<ReadMessages>,
    page: Query<FailedPage>,
    desk: Data<StaffDesk>,
) -> Result<Json<FailedMessageList>, ApiError> {
    let size = PageSize::asked(page.limit, DEFAULT_LIMIT);
    let of = (page.kind.as_str(), page.reason.as_str());
    let read = Keyset { beyond: page.cursor, descending: true, most: size.to_read() };
    let found = desk.failed_messages_of(&member, of, read).await?;
    let (found, next_cursor) = size.page(found, |one| one.id.to_string());
    let items = found.into_iter().map(|one| FailedMessageView {
        id: one.id,
        kind: one.kind,
        subject: one.subject,
        failed_at: one.refused_at,
        tries: one.tries,
    });
    Ok(Json(FailedMessageList { items: items.collect(), next_cursor }))
}

/// Sends a failed message again, once for each failure.
#[utoipa::path(tag = "staff", request_body = RetryRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The message")),
    responses((status = 204), (status = 403, body = Problem),
        (status = 409, description = "`message_resent`", body = Problem)))]
#[post("/messages/{id}/retry")]
pub(super) async fn retry(
    member: May<RetryMessages>,
    id: Path<Uuid>,
    body: ValidJson<RetryRequest>,
    desk: Data<StaffDesk>,
) -> Result<HttpResponse, ApiError> {
    let seen = Timestamp::parse_rfc3339(&body.into_inner().failed_at);
    let wrong = |_| ApiError::new(INVALID).field("/failed_at", "时间写成 RFC 3339");
    if desk.retry_message(&member, (id.into_inner(), seen.map_err(wrong)?)).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(ApiError::new(MESSAGE_RESENT))
    }
}
