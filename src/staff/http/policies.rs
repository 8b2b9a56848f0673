//! The school's policy: what is in force, its versions, and changes that are proposed.

use super::requests::{DEFAULT_LIMIT, RequestView};
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::Keyset,
        http::{
            ApiError, IdempotencyKey, PageSize, ValidJson, not_blank,
            problem::{INVALID, Problem},
        },
    },
    policies::{
        PolicyAsk, PolicyContent, PolicyDifference, PolicyEdit, PolicyOutcome, PolicyVersion,
    },
    staff::{
        StaffDesk,
        guard::{ChangePolicy, May, ReadPolicy},
    },
};
use actix_web::{
    get, post,
    web::{Data, Json, Path, Query},
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A version of the policy.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PolicyVersionView {
    /// Rises by one with each version.
    seq: i64,
    /// The number that the policy bears.
    version: i64,
    /// The first day on which it is in force.
    #[schema(value_type = String, format = Date)]
    from: String,
    /// `file` or `console`.
    source: &'static str,
    proposed_by: String,
    /// The second person; `null` where there had to be none.
    approved_by: Option<String>,
    reason: String,
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    /// The whole of it, as in a file; amounts are fen.
    policy: Value,
}

/// The policy as it stands.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PolicyView {
    in_force: PolicyVersionView,
    /// What is to begin, in the order of days.
    coming: Vec<PolicyVersionView>,
    /// The newest version: the `base` of a change.
    newest_seq: i64,
    /// The change that waits for a second person.
    request: Option<RequestView>,
}

/// A page of versions.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PolicyVersionList {
    items: Vec<PolicyVersionView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// Which versions.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct VersionPage {
    /// At most so many; 1 to 100, otherwise 50.
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<i64>,
}

/// A change.
#[derive(Clone, Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct PolicyEditRequest {
    /// The newest version that was seen.
    #[garde(skip)]
    base: i64,
    /// The first day; today where it is left out.
    #[garde(length(max = 10))]
    #[schema(value_type = Option<String>, format = Date)]
    from: Option<String>,
    /// New values by their dotted keys, as in `{"limits.meal_fen": 3500}`.
    #[garde(length(max = 100))]
    changes: Option<BTreeMap<String, Value>>,
    /// In place of changes: the version to go back to, by its `seq`.
    #[garde(skip)]
    restore: Option<i64>,
}

/// A change with its reason.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct PolicyProposeRequest {
    #[serde(flatten)]
    #[garde(dive)]
    edit: PolicyEditRequest,
    #[garde(custom(not_blank), length(chars, max = 200))]
    reason: String,
}

/// A field that differs.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PolicyDifferenceView {
    key: &'static str,
    label: &'static str,
    /// In words.
    before: String,
    after: String,
    /// Whether another admin must approve it.
    two_persons: bool,
}

/// What a change would do.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PolicyPreviewView {
    #[schema(value_type = String, format = Date)]
    from: String,
    differences: Vec<PolicyDifferenceView>,
    two_persons: bool,
    /// Whom it hits, from the last 30 days, in words.
    impacts: Vec<String>,
}

/// What a change came to: one of the two.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ProposedPolicyView {
    /// The version that was made.
    version: Option<PolicyVersionView>,
    /// The request that another admin must approve.
    request: Option<RequestView>,
}

/// The policy that is in force, and what is to begin.
#[utoipa::path(tag = "staff", security(("staff" = [])), responses(
    (status = 200, body = PolicyView), (status = 403, body = Problem)))]
#[get("/policy")]
pub(super) async fn show(
    member: May<ReadPolicy>,
    desk: Data<StaffDesk>,
) -> Result<Json<PolicyView>, ApiError> {
    let book = desk.policy(&member).await?;
    let request = desk.waiting_policy_request(&member).await?;
    Ok(Json(PolicyView {
        newest_seq: book.newest.seq,
        in_force: book.in_force.into(),
        coming: book.coming.into_iter().map(PolicyVersionView::from).collect(),
        request: request.map(|request| RequestView::of(request, desk.clock.now())),
    }))
}

/// Versions of the policy, newest first.
#[utoipa::path(tag = "staff", security(("staff" = [])), params(VersionPage), responses(
    (status = 200, body = PolicyVersionList), (status = 403, body = Problem)))]
#[get("/policy/versions")]
pub(super) async fn versions(
    member: May<ReadPolicy>,
    page: Query<VersionPage>,
    desk: Data<StaffDesk>,
) -> Result<Json<PolicyVersionList>, ApiError> {
    let size = PageSize::asked(page.limit, DEFAULT_LIMIT);
    let read = Keyset { beyond: page.cursor, descending: true, most: size.to_read() };
    let found = desk.policy_versions(&member, read).await?;
    let (found, next_cursor) = size.page(found, |one| one.seq.to_string());
    let items = found.into_iter().map(PolicyVersionView::from).collect();
    Ok(Json(PolicyVersionList { items, next_cursor }))
}

/// A version of the policy.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("seq" = i64, Path, description = "The version")),
    responses((status = 200, body = PolicyVersionView), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[get("/policy/versions/{seq}")]
pub(super) async fn one_version(
    member: May<ReadPolicy>,
    seq: Path<i64>,
    desk: Data<StaffDesk>,
) -> Result<Json<PolicyVersionView>, ApiError> {
    Ok(Json(desk.policy_version(&member, seq.into_inner()).await?.into()))
}

/// What a change would do, and whom it would have hit in the last 30 days. Nothing is kept.
#[utoipa::path(tag = "staff", request_body = PolicyEditRequest, security(("staff" = [])),
    responses((status = 200, body = PolicyPreviewView), (status = 403, body = Problem),
        (status = 409, description = "`policy_moved`, `policy_unchanged`", body = Problem),
        (status = 422, description = "Fields by their keys below `/changes`", body = Problem)))]
#[post("/policy/preview")]
pub(super) async fn preview(
    member: May<ChangePolicy>,
    body: ValidJson<PolicyEditRequest>,
    desk: Data<StaffDesk>,
) -> Result<Json<PolicyPreviewView>, ApiError> {
    let preview = desk.preview_policy(&member, &body.into_inner().edit()?).await?;
    let impacts = desk.policy_impact(&member, &preview).await?;
    Ok(Json(PolicyPreviewView {
        from: preview.proposal.from.to_string(),
        two_persons: preview.two_persons,
        differences: preview.differences.into_iter().map(PolicyDifferenceView::from).collect(),
        impacts: impacts.into_iter().map(|impact| impact.sentence).collect(),
    }))
}

/// Changes the policy. What is about money or passwords waits until another admin approves it.
#[utoipa::path(tag = "staff", request_body = PolicyProposeRequest, security(("staff" = [])),
    params(("Idempotency-Key" = String, Header, description = "1 to 64 visible ASCII characters")),
    responses((status = 200, body = ProposedPolicyView), (status = 403, body = Problem),
        (status = 409, description = "`policy_moved`, `policy_unchanged`, `approval_open`",
            body = Problem),
        (status = 422, description = "Fields by their keys below `/changes`", body = Problem)))]
#[post("/policy/propose")]
pub(super) async fn propose(
    member: May<ChangePolicy>,
    key: IdempotencyKey,
    body: ValidJson<PolicyProposeRequest>,
    desk: Data<StaffDesk>,
) -> Result<Json<ProposedPolicyView>, ApiError> {
    let PolicyProposeRequest { edit, reason } = body.into_inner();
    let (reason, key) = (reason.trim().to_owned(), key.as_str().to_owned());
    let ask = PolicyAsk { edit: edit.edit()?, reason, key };
    let (version, request) = match desk.propose_policy(&member, &ask).await? {
        PolicyOutcome::Published(version) => (Some(PolicyVersionView::from(*version)), None),
        PolicyOutcome::Asked(approval) => {
            (None, Some(RequestView::of(*approval, desk.clock.now())))
        }
    };
    Ok(Json(ProposedPolicyView { version, request }))
}

impl PolicyEditRequest {
    fn edit(self) -> Result<PolicyEdit, ApiError> {
        let wrong = |field: &'static str, why| ApiError::new(INVALID).field(field, why);
        let from = self.from.as_deref().map(str::parse::<Day>).transpose();
        let from = from.map_err(|_| wrong("/from", "日期写成 2026-12-01"))?;
        let content = match (self.changes, self.restore) {
            (Some(changes), None) => PolicyContent::Changes(changes),
            (None, Some(seq)) => PolicyContent::Restored(seq),
            (Some(_), Some(_)) | (None, None) => {
                return Err(wrong("/changes", "请填写 changes 或 restore，只填一项"));
            }
        };
        Ok(PolicyEdit { base: self.base, from, content })
    }
}

impl From<PolicyVersion> for PolicyVersionView {
    fn from(version: PolicyVersion) -> Self {
        let policy = version.json();
        Self {
            seq: version.seq,
            version: version.version,
            from: version.from.to_string(),
            source: version.source.code(),
            proposed_by: version.proposed_by,
            approved_by: version.approved_by,
            reason: version.reason,
            recorded_at: version.recorded_at,
            policy,
        }
    }
}

impl From<PolicyDifference> for PolicyDifferenceView {
    fn from(one: PolicyDifference) -> Self {
        let PolicyDifference { key, label, before, after, two_persons, .. } = one;
        Self { key, label, before, after, two_persons }
    }
}
