//! Cases as members of staff work on them: lists, one with what is known of it, and who has it.
//!
//! A case never moves money itself: that is asked for as any refund or ending is, decided by a second person,
//! and what then happens closes the case.

mod acts;
mod detail;
mod proposal;

pub use detail::CaseDetail;
pub use proposal::CaseProposal;

use super::{StaffDesk, refund_desk::RefundRefusal, requests::StaffActError};
use crate::{
    approvals::{Approval, ApprovalKind},
    base::{
        clock::Timestamp,
        db::{DbError, Keyset, TxError},
    },
    cases::{CaseFilter, CaseId, CaseKind, CaseRefusal, CaseState, CaseWorker, FoundCase},
    staff_accounts::{StaffAct, StaffMember, StaffRefusal},
};
use serde::Deserialize;
use std::collections::HashSet;
use uuid::Uuid;

/// The requests that may be about a case.
const REQUESTS: [ApprovalKind; 2] = [ApprovalKind::Refund, ApprovalKind::RefundEnd];

/// What handlers about cases ask for.
#[derive(Clone, Debug)]
pub struct CaseDesk {
    /// Requests for refunds and their ends.
    pub staff: StaffDesk,
}

/// Which cases somebody wants to see, as addresses name it. What is empty is not asked for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CaseQuery {
    /// `open` (not ended; otherwise these), `free` (nobody has it), `taken`, `review` (a second person is to
    /// decide about its money) or `closed`.
    pub state: Option<String>,
    /// As in a case.
    pub kind: Option<String>,
    /// `yes`: those that one has oneself.
    pub mine: Option<String>,
}

/// Which cases are listed.
#[derive(Clone, Debug)]
pub struct CaseList {
    /// Of these.
    pub filter: CaseFilter,
    /// Only those about whose money a second person is to decide.
    pub in_review: bool,
}

/// A case in a list.
#[derive(Clone, Debug)]
pub struct ListedCase {
    /// The case.
    pub case: FoundCase,
    /// Whether a second person is to decide about its money.
    pub in_review: bool,
}

/// Why an act on a case was refused.
#[derive(Debug, thiserror::Error)]
pub enum StaffCaseError {
    /// As any act of staff.
    #[error(transparent)]
    Act(#[from] StaffActError),
    /// Another has it, it has ended, or it has changed.
    #[error(transparent)]
    Refused(#[from] CaseRefusal),
    /// A request about its money waits for a second person.
    #[error("a request waits for a second person")]
    InReview,
    /// Its refund still holds money.
    #[error("the refund still holds money")]
    HoldsMoney,
    /// The case is about no refund.
    #[error("the case is about no refund")]
    NoRefund,
    /// The case is about no payment of which something can have been given back.
    #[error("the case is about no payment that was made")]
    NoPayment,
    /// The provider does not say that this refund has ended.
    #[error("the provider does not know a refund of this number that has ended")]
    NotFoundThere,
    /// It does, and the case is not at its end by that.
    #[error("the refund does not end the case")]
    NotOver,
}

impl TxError for StaffCaseError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Act(error) => error.db(),
            Self::Refused(_)
            | Self::InReview
            | Self::HoldsMoney
            | Self::NoRefund
            | Self::NoPayment
            | Self::NotFoundThere
            | Self::NotOver => None,
        }
    }
}

impl From<DbError> for StaffCaseError {
    fn from(error: DbError) -> Self {
        Self::Act(error.into())
    }
}

impl From<StaffRefusal> for StaffCaseError {
    fn from(refusal: StaffRefusal) -> Self {
        Self::Act(refusal.into())
    }
}

impl From<RefundRefusal> for StaffCaseError {
    fn from(refusal: RefundRefusal) -> Self {
        Self::Act(refusal.into())
    }
}

impl CaseQuery {
    /// The list that is asked for, within what the member may read.
    pub fn list(&self, member: &StaffMember) -> Result<CaseList, StaffCaseError> {
        let state = text(self.state.as_deref());
        let in_review = state == Some("review");
        let state = match state {
            None | Some("review") => CaseState::Open,
            Some(code) => CaseState::ALL
                .into_iter()
                .find(|state| state.code() == code)
                .ok_or(StaffActError::BadFilter("state"))?,
        };
        let kind = text(self.kind.as_deref())
            .map(|code| CaseKind::from_code(code).ok_or(StaffActError::BadFilter("kind")));
        let held_by = match text(self.mine.as_deref()) {
            None => None,
            Some("yes") => Some(member.staff_no.to_string()),
            Some(_) => return Err(StaffActError::BadFilter("mine").into()),
        };
        let filter = CaseFilter { state, kind: kind.transpose()?, held_by, ..all_of(member) };
        Ok(CaseList { filter, in_review })
    }
}

fn text(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|text| !text.is_empty())
}

/// All open cases that the member may read.
fn all_of(member: &StaffMember) -> CaseFilter {
    CaseFilter {
        school: member.school,
        state: CaseState::Open,
        kind: None,
        held_by: None,
        with_money: member.roles.has(StaffAct::ReadMoneyCases),
        about: None,
    }
}

/// The member as cases name them.
fn worker(member: &StaffMember) -> CaseWorker {
    CaseWorker { login: member.login.to_string(), staff_no: member.staff_no.to_string() }
}

impl CaseDesk {
    /// A page of cases: two queries.
    pub async fn page(
        &self,
        list: &CaseList,
        page: Keyset,
    ) -> Result<Vec<ListedCase>, StaffCaseError> {
        let waiting = self.waiting(list).await?;
        let cases = list.among(&waiting).page(&self.staff.db, page).await?;
        let waiting: HashSet<Uuid> = waiting.into_iter().collect();
        let listed = |case: FoundCase| {
            let about = [case.facts.payment, case.facts.refund];
            let waits = about.into_iter().flatten().any(|id| waiting.contains(&id));
            ListedCase { in_review: waits && case.end.is_none(), case }
        };
        Ok(cases.into_iter().map(listed).collect())
    }

    /// How many cases there are among the first `most`, and when the oldest of them was opened.
    pub async fn count(
        &self,
        list: &CaseList,
        most: u32,
    ) -> Result<(u64, Option<Timestamp>), StaffCaseError> {
        let waiting = if list.in_review { self.waiting(list).await? } else { Vec::new() };
        Ok(list.among(&waiting).count(&self.staff.db, most).await?)
    }

    /// How many cases nobody has, and how many the member has, each with when the oldest was opened: a query
    /// for each.
    pub async fn waiting_for(
        &self,
        member: &StaffMember,
        most: u32,
    ) -> Result<[(u64, Option<Timestamp>); 2], StaffCaseError> {
        let free = CaseFilter { state: CaseState::Free, ..all_of(member) };
        let own = Some(member.staff_no.to_string());
        let mine = CaseFilter { held_by: own, ..all_of(member) };
        let db = &self.staff.db;
        Ok([free.count(db, most).await?, mine.count(db, most).await?])
    }

    /// A case that the member may read.
    pub async fn case(
        &self,
        member: &StaffMember,
        id: CaseId,
    ) -> Result<FoundCase, StaffCaseError> {
        let found = FoundCase::find(&self.staff.db, member.school, id).await?;
        visible(found, member)
    }

    async fn waiting(&self, list: &CaseList) -> Result<Vec<Uuid>, DbError> {
        let (of, now) = ((list.filter.school, &REQUESTS[..]), self.staff.clock.now());
        Approval::waiting_subjects(&self.staff.db, of, now).await
    }
}

impl CaseList {
    fn among(&self, waiting: &[Uuid]) -> CaseFilter {
        let about = self.in_review.then(|| waiting.to_vec());
        CaseFilter { about, ..self.filter.clone() }
    }
}

/// A case that the member may read: one about money only with that right.
fn visible(found: Option<FoundCase>, member: &StaffMember) -> Result<FoundCase, StaffCaseError> {
    let money = member.roles.has(StaffAct::ReadMoneyCases);
    let found = found.filter(|case| money || !case.is_money);
    found.ok_or(StaffCaseError::Act(StaffActError::NotFound))
}
