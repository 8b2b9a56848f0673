//! What requests of staff have in common over HTTP: their parts of an answer, the bodies of decisions, and
//! pages.

use crate::{
    approvals::{Approval, ApprovalId, Decision, Officer},
    base::{
        clock::Timestamp,
        db::Keyset,
        http::{PageSize, not_blank},
        money::Fen,
    },
};
use garde::Validate;
use serde::{Deserialize, Serialize};

/// Rows of a page where a request names no limit.
pub(super) const DEFAULT_LIMIT: u16 = 50;

/// A decision.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct ApproveRequest {
    /// A remark for the audit log.
    #[garde(inner(custom(not_blank), length(chars, max = 200)))]
    pub(super) reason: Option<String>,
}

/// A decision that needs a reason.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct RejectRequest {
    /// Why, for whoever asked.
    #[garde(custom(not_blank), length(chars, max = 200))]
    pub(super) reason: String,
}

/// A request that another person decides.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct RequestView {
    #[schema(value_type = uuid::Uuid)]
    id: ApprovalId,
    /// `requested`, `approved`, `rejected`, `withdrawn`, `expired`.
    state: &'static str,
    #[schema(value_type = i64)]
    amount_fen: Fen,
    reason: String,
    asked_by: OfficerView,
    #[schema(value_type = String, format = DateTime)]
    asked_at: Timestamp,
    /// From then on it cannot be approved.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// `null` until it is decided or taken back.
    decision: Option<DecisionView>,
}

/// A member of staff who asked or decided.
#[derive(Serialize, utoipa::ToSchema)]
struct OfficerView {
    login: String,
    /// 工号.
    staff_no: String,
}

/// Who decided.
#[derive(Serialize, utoipa::ToSchema)]
struct DecisionView {
    by: OfficerView,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    reason: String,
}

/// Which part of a list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RequestPage {
    /// At most so many; 1 to 100, otherwise 50.
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<uuid::Uuid>)]
    cursor: Option<ApprovalId>,
}

impl RequestPage {
    /// The size, and what to read: newest first.
    pub(super) fn parts(self) -> (PageSize, Keyset) {
        let size = PageSize::asked(self.limit, DEFAULT_LIMIT);
        let beyond = self.cursor.map(ApprovalId::uuid);
        (size, Keyset { beyond, descending: true, most: size.to_read() })
    }
}

impl RequestView {
    pub(super) fn of(approval: Approval, now: Timestamp) -> Self {
        Self {
            id: approval.id,
            state: approval.state_at(now).code(),
            amount_fen: approval.amount,
            reason: approval.reason,
            asked_by: approval.asked_by.into(),
            asked_at: approval.asked_at,
            expires_at: approval.expires_at,
            decision: approval.decision.map(DecisionView::from),
        }
    }
}

impl From<Officer> for OfficerView {
    fn from(officer: Officer) -> Self {
        Self { login: officer.login, staff_no: officer.staff_no }
    }
}

impl From<Decision> for DecisionView {
    fn from(decision: Decision) -> Self {
        Self { by: decision.by.into(), at: decision.at, reason: decision.why }
    }
}
