//! Cases as members of staff work on them.

use super::requests::{DEFAULT_LIMIT, RequestView};
use crate::{
    base::{
        clock::Timestamp,
        db::Keyset,
        http::{
            ApiError, PageSize, ValidJson, not_blank,
            problem::{INVALID, Problem},
        },
        money::Fen,
    },
    cases::{CaseAct, CaseEnd, CaseHolder, CaseId, CaseKind, CaseWorker, FoundCase},
    orders::order::OrderId,
    staff::{
        CaseDesk, CaseDetail, CaseProposal, CaseQuery, ListedCase, MoneyStanding,
        guard::{HandleCases, May, ReadCases},
    },
    staff_accounts::StaffMember,
};
use actix_web::{
    get, post,
    web::{Data, Json, Path, Query},
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A member of staff who has a case, or ended it.
#[derive(Serialize, utoipa::ToSchema)]
struct CaseWorkerView {
    login: String,
    /// 工号.
    staff_no: String,
}

/// Who has a case.
#[derive(Serialize, utoipa::ToSchema)]
struct CaseHolderView {
    by: CaseWorkerView,
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// A day after this, anybody may take it.
    #[schema(value_type = String, format = DateTime)]
    active_at: Timestamp,
}

/// How a case ended.
#[derive(Serialize, utoipa::ToSchema)]
struct CaseEndView {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `null` where what it was about has come to its end.
    by: Option<CaseWorkerView>,
    /// What was done.
    text: String,
}

/// A case.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct CaseView {
    #[schema(value_type = Uuid)]
    id: CaseId,
    /// `second_payment`, `refund_refused`, `shipping` and so on; `null` of a kind that is not known.
    kind: Option<&'static str>,
    /// Whether it is about money.
    is_money: bool,
    /// `free`, `taken`, `review` (a second person is to decide about its money), `closed`.
    state: &'static str,
    /// `null` where it is not known.
    #[schema(value_type = Option<i64>)]
    amount_fen: Option<Fen>,
    /// What was found, in the words of the program.
    detail: String,
    payment_id: Option<Uuid>,
    refund_id: Option<Uuid>,
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    holder: Option<CaseHolderView>,
    end: Option<CaseEndView>,
    /// To be sent with an act: what was read.
    version: i64,
}

/// A page of cases.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct CaseViewList {
    items: Vec<CaseView>,
    /// `null` on the last page.
    next_cursor: Option<String>,
}

/// A case with what is known of it.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct CaseDetailView {
    #[serde(flatten)]
    case: CaseView,
    /// `wait`, `end_refund`, `refund`, `at_provider`, `note`.
    proposal: Option<&'static str>,
    #[schema(value_type = Option<Uuid>)]
    order_id: Option<OrderId>,
    /// Where the money of its refund is, as of a refund of an order.
    standing: Option<&'static str>,
    /// What an ending of its refund would give back; `null` where none can be asked for now.
    #[schema(value_type = Option<i64>)]
    endable_fen: Option<Fen>,
    /// What can be asked back of its payment, where that is proposed.
    #[schema(value_type = Option<i64>)]
    refundable_fen: Option<Fen>,
    /// Requests about its money, oldest first.
    requests: Vec<RequestView>,
}

/// An act on a case.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct CaseVersion {
    /// `version` of the case as it was read.
    #[garde(skip)]
    version: i64,
}

/// A case is taken from whoever has it.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct TakeOverRequest {
    /// `version` of the case as it was read.
    #[garde(skip)]
    version: i64,
    /// Why, for the audit log.
    #[garde(custom(not_blank), length(chars, max = 200))]
    reason: String,
}

/// A case is ended: by a text, and no money moves, or by a refund that was made at the provider. Either `text`
/// or `refund_number`.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
pub(super) struct ResolveRequest {
    /// `version` of the case as it was read.
    #[garde(skip)]
    version: i64,
    /// What was found out and done.
    #[garde(inner(custom(not_blank), length(chars, max = 200)))]
    text: Option<String>,
    /// The provider's or the merchant's number of a refund that somebody made in the provider's console. The
    /// provider is asked about it, and its answer is posted and ends the case.
    #[garde(inner(ascii, length(min = 1, max = 64)))]
    refund_number: Option<String>,
}

/// Which part of the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CasePage {
    /// At most so many; 1 to 100, otherwise 50.
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<Uuid>,
}

/// Cases, oldest first. The roles `card_office`, `finance` and `auditor` may; `network_center` reads those
/// that are not about money.
#[utoipa::path(tag = "staff", params(CaseQuery, CasePage), security(("staff" = [])),
    responses((status = 200, body = CaseViewList), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
#[get("/cases")]
pub(super) async fn list(
    member: May<ReadCases>,
    query: Query<CaseQuery>,
    page: Query<CasePage>,
    desk: Data<CaseDesk>,
) -> Result<Json<CaseViewList>, ApiError> {
    let list = query.list(&member)?;
    let size = PageSize::asked(page.limit, DEFAULT_LIMIT);
    let read = Keyset { beyond: page.cursor, descending: false, most: size.to_read() };
    let (found, next_cursor) =
        size.page(desk.page(&list, read).await?, |one| one.case.id.to_string());
    let items = found.into_iter().map(|ListedCase { case, in_review }| view(case, in_review));
    Ok(Json(CaseViewList { items: items.collect(), next_cursor }))
}

/// A case with what is known of it, how it is proposed to end, and the requests about its money. The same
/// roles may.
#[utoipa::path(tag = "staff", security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The case")),
    responses((status = 200, body = CaseDetailView), (status = 404, body = Problem)))]
#[get("/cases/{id}")]
pub(super) async fn show(
    member: May<ReadCases>,
    id: Path<CaseId>,
    desk: Data<CaseDesk>,
) -> Result<Json<CaseDetailView>, ApiError> {
    shown(&desk, &member, id.into_inner()).await
}

/// Takes a case. Another's is refused, unless who has it did nothing about it for a day. The roles
/// `card_office` and `finance` may; `network_center` those that are not about money.
#[utoipa::path(tag = "staff", request_body = CaseVersion, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The case")),
    responses((status = 200, body = CaseDetailView),
        (status = 403, description = "`own_money`", body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`case_taken` with `by` and `staff_no`, `case_over`, \
            `case_changed`", body = Problem)))]
#[post("/cases/{id}/take")]
pub(super) async fn take(
    member: May<HandleCases>,
    id: Path<CaseId>,
    body: ValidJson<CaseVersion>,
    desk: Data<CaseDesk>,
) -> Result<Json<CaseDetailView>, ApiError> {
    let of = (id.into_inner(), body.into_inner().version);
    done(&desk, &member, of, (CaseAct::Take, "")).await
}

/// Gives a case back, which one has. The same roles may.
#[utoipa::path(tag = "staff", request_body = CaseVersion, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The case")),
    responses((status = 200, body = CaseDetailView), (status = 404, body = Problem),
        (status = 409, description = "`case_taken`, `case_over`, `case_changed`",
            body = Problem)))]
#[post("/cases/{id}/release")]
pub(super) async fn release(
    member: May<HandleCases>,
    id: Path<CaseId>,
    body: ValidJson<CaseVersion>,
    desk: Data<CaseDesk>,
) -> Result<Json<CaseDetailView>, ApiError> {
    let of = (id.into_inner(), body.into_inner().version);
    done(&desk, &member, of, (CaseAct::Release, "")).await
}

/// Takes a case from whoever has it, with a reason. The same roles may.
#[utoipa::path(tag = "staff", request_body = TakeOverRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The case")),
    responses((status = 200, body = CaseDetailView),
        (status = 403, description = "`own_money`", body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`case_over`, `case_changed`", body = Problem)))]
#[post("/cases/{id}/take-over")]
pub(super) async fn take_over(
    member: May<HandleCases>,
    id: Path<CaseId>,
    body: ValidJson<TakeOverRequest>,
    desk: Data<CaseDesk>,
) -> Result<Json<CaseDetailView>, ApiError> {
    let TakeOverRequest { version, reason } = body.into_inner();
    done(&desk, &member, (id.into_inner(), version), (CaseAct::TakeOver, reason.trim())).await
}

/// Ends a case that one has, with what was done. No money moves by that: where it should, a refund or the
/// end of one is asked for as always, and what comes of it ends the case. With `refund_number` the provider
/// is asked about a refund that was made there, and its answer is posted like any other. The same roles may; a case about
/// money needs a second factor of the last ten minutes.
#[utoipa::path(tag = "staff", request_body = ResolveRequest, security(("staff" = [])),
    params(("id" = Uuid, Path, description = "The case")),
    responses((status = 200, body = CaseDetailView),
        (status = 403, description = "`second_factor_needed`, `own_money`", body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`case_not_taken`, `case_taken`, `case_over`, \
            `case_changed`, `case_in_review`, `case_holds_money`, `case_refund_unknown`, \
            `case_not_over`, `case_without_payment`", body = Problem),
        (status = 503, description = "`provider_unavailable`", body = Problem)))]
#[post("/cases/{id}/resolve")]
pub(super) async fn resolve(
    member: May<HandleCases>,
    id: Path<CaseId>,
    body: ValidJson<ResolveRequest>,
    desk: Data<CaseDesk>,
) -> Result<Json<CaseDetailView>, ApiError> {
    let (id, ResolveRequest { version, text, refund_number }) = (*id, body.into_inner());
    match (text, refund_number) {
        (Some(text), None) => {
            let act = (CaseAct::Resolve(text.trim()), text.trim());
            done(&desk, &member, (id, version), act).await
        }
        (None, Some(number)) => {
            desk.check_refund(&member, id, &number).await?;
            shown(&desk, &member, id).await
        }
        (Some(_), Some(_)) | (None, None) => Err(neither()),
    }
}

fn neither() -> ApiError {
    ApiError::new(INVALID).field("/text", "须填写 text 或 refund_number 之一")
}

async fn done(
    desk: &CaseDesk,
    member: &StaffMember,
    of: (CaseId, i64),
    act: (CaseAct<'_>, &str),
) -> Result<Json<CaseDetailView>, ApiError> {
    desk.act(member, of, act).await?;
    shown(desk, member, of.0).await
}

async fn shown(
    desk: &CaseDesk,
    member: &StaffMember,
    id: CaseId,
) -> Result<Json<CaseDetailView>, ApiError> {
    Ok(Json(whole(desk.find(member, id).await?, desk.staff.clock.now())))
}

fn whole(detail: CaseDetail, now: Timestamp) -> CaseDetailView {
    let in_review = detail.in_review(now);
    CaseDetailView {
        case: view(detail.case, in_review),
        proposal: detail.proposal.map(CaseProposal::code),
        order_id: detail.order.map(|order| order.id),
        standing: detail.standing.map(MoneyStanding::code),
        endable_fen: detail.endable,
        refundable_fen: detail.refundable,
        requests: detail.requests.into_iter().map(|one| RequestView::of(one, now)).collect(),
    }
}

fn view(case: FoundCase, in_review: bool) -> CaseView {
    let state = match (&case.end, &case.holder) {
        (Some(_), _) => "closed",
        (None, _) if in_review => "review",
        (None, Some(_)) => "taken",
        (None, None) => "free",
    };
    CaseView {
        id: case.id,
        kind: case.kind.map(CaseKind::code),
        is_money: case.is_money,
        state,
        amount_fen: Some(case.facts.amount).filter(|amount| !amount.is_zero()),
        detail: case.detail,
        payment_id: case.facts.payment,
        refund_id: case.facts.refund,
        opened_at: case.opened_at,
        holder: case.holder.map(|CaseHolder { by, since, active_at }| CaseHolderView {
            by: by.into(),
            since,
            active_at,
        }),
        end: case.end.map(|CaseEnd { at, by, text }| CaseEndView {
            at,
            by: by.map(CaseWorkerView::from),
            text,
        }),
        version: case.version,
    }
}

impl From<CaseWorker> for CaseWorkerView {
    fn from(CaseWorker { login, staff_no }: CaseWorker) -> Self {
        Self { login, staff_no }
    }
}
