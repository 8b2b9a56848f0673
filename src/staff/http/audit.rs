//! The audit log, as far as the roles of the reader go.

use super::requests::DEFAULT_LIMIT;
use crate::{
    audit::AuditLine,
    base::{
        clock::Timestamp,
        db::Keyset,
        http::{ApiError, PageSize, problem::Problem},
    },
    staff::{
        AuditQuery, StaffDesk,
        guard::{May, ReadAudit},
    },
};
use actix_web::{
    get,
    web::{Data, Json, Query},
};
use serde::{Deserialize, Serialize};

/// An entry of the audit log.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct AuditLineView {
    /// Its place in the chain.
    position: i64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who did it: `staff LOGIN, no. NUMBER`, or who was at the command line.
    who: String,
    /// What, as in `approval.asked`.
    act: String,
    /// To whom or what.
    subject: String,
    detail: String,
    /// Why; may be empty.
    why: String,
}

/// A page of entries.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct AuditLineList {
    items: Vec<AuditLineView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// Which part of the log.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditPage {
    /// At most so many; 1 to 100, otherwise 50.
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<i64>,
}

/// Entries of the audit log of the school, newest first: all for the role `auditor`, those about staff and
/// policies for `admin`, and for everybody their own.
#[utoipa::path(tag = "staff", params(AuditQuery, AuditPage), security(("staff" = [])),
    responses((status = 200, body = AuditLineList), (status = 422, body = Problem)))]
#[get("/audit")]
pub(super) async fn list(
    member: May<ReadAudit>,
    query: Query<AuditQuery>,
    page: Query<AuditPage>,
    desk: Data<StaffDesk>,
) -> Result<Json<AuditLineList>, ApiError> {
    let (filter, size) = (query.filter(&member)?, PageSize::asked(page.limit, DEFAULT_LIMIT));
    let read = Keyset { beyond: page.cursor, descending: true, most: size.to_read() };
    let found = desk.audit_page(&filter, read).await?;
    let (found, next_cursor) = size.page(found, |line| line.position.to_string());
    Ok(Json(AuditLineList { items: found.into_iter().map(view).collect(), next_cursor }))
}

/// Where a chain of hashes ends.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ChainHeadView {
    /// The place of its last entry.
    position: i64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// SHA-256 over all up to there, in hexadecimal digits.
    hash: String,
}

/// The ends of both chains: whoever notes them can show later that nothing before was changed.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ChainHeadsView {
    /// Of the audit log, over all schools; `null` where it is empty.
    log: Option<ChainHeadView>,
    /// Of the school's ledger; `null` where nothing was sealed.
    ledger: Option<ChainHeadView>,
}

/// Where the chains of the audit log and of the school's ledger end. All roles may.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    responses((status = 200, body = ChainHeadsView)))]
#[get("/audit/heads")]
pub(super) async fn heads(
    member: May<ReadAudit>,
    desk: Data<StaffDesk>,
) -> Result<Json<ChainHeadsView>, ApiError> {
    let heads = desk.chain_heads(&member).await?;
    let (log, ledger) = (heads.log, heads.ledger);
    let sealed = ledger.hash.zip(ledger.sealed_at);
    let at = |position, (hash, at)| ChainHeadView { position, at, hash };
    Ok(Json(ChainHeadsView {
        log: log.map(|head| at(head.position, (head.hash, head.at))),
        ledger: sealed.map(|(hash, sealed)| at(ledger.position, (hex::encode(hash), sealed))),
    }))
}

fn view(line: AuditLine) -> AuditLineView {
    let AuditLine { position, at, who, act, subject, detail, why } = line;
    AuditLineView { position, at, who, act, subject, detail, why }
}
