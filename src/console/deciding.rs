//! The forms of `decide.html`, for every desk where a second person decides. Refused, a form is the same page again,
//! with what was typed and who was first; done, one is back at the row of the list that one came from.

use super::{
    Console,
    approvals::LONGEST_REASON,
    browser::{Needs, Seat, Sent},
    frame::{Detail, PageError, Wrong, reason_of, sent_to, shown_as},
    way_back::{CameFrom, after},
    words,
};
use crate::{
    approvals::{Approval, ApprovalVerdict},
    base::clock::Timestamp,
    staff_accounts::StaffMember,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::{Deserialize, de::DeserializeOwned};

/// A desk where one person asks and a second decides.
pub(super) trait RequestDesk: 'static {
    /// What names a request in an address.
    type Key: Copy + DeserializeOwned + 'static;
    /// Who may look at requests, withdraw their own, and decide those of others.
    type Reads: Needs;
    type Asks: Needs;
    type Decides: Needs;

    /// The address of a request.
    fn path_of(key: Self::Key) -> String;

    /// The page of a request.
    async fn page<N: Needs>(
        seat: &Seat<N>,
        console: &Console,
        key: Self::Key,
        tried: Tried,
    ) -> Result<HttpResponse, PageError>;

    /// Approves; answers what is shown then, where that is not what one came from.
    async fn approve(
        seat: &Seat<Self::Decides>,
        console: &Console,
        key: Self::Key,
        form: &Decided,
    ) -> Result<Option<HttpResponse>, PageError>;

    async fn reject(
        member: &StaffMember,
        console: &Console,
        key: Self::Key,
        why: &str,
    ) -> Result<(), PageError>;

    async fn withdraw(
        member: &StaffMember,
        console: &Console,
        key: Self::Key,
    ) -> Result<(), PageError>;
}

pub(super) async fn show<D: RequestDesk>(
    seat: Seat<D::Reads>,
    key: Path<D::Key>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    D::page(&seat, &console, key.into_inner(), Tried::nothing(from.given())).await
}

pub(super) async fn approve<D: RequestDesk>(
    Sent { seat, form }: Sent<D::Decides, Decided>,
    key: Path<D::Key>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let key = key.into_inner();
    match D::approve(&seat, &console, key, &form).await {
        Ok(Some(shown)) => Ok(shown),
        Ok(None) => Ok(form.done(&D::path_of(key), ApprovalVerdict::Approve)),
        Err(error) => {
            let tried = form.refused(ApprovalVerdict::Approve, error)?;
            D::page(&seat, &console, key, tried).await
        }
    }
}

pub(super) async fn reject<D: RequestDesk>(
    Sent { seat, form }: Sent<D::Decides, Decided>,
    key: Path<D::Key>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let key = key.into_inner();
    let rejected = async {
        let why = reason_of(&form.reason, LONGEST_REASON)?;
        D::reject(&seat.member, &console, key, &why).await
    };
    match rejected.await {
        Ok(()) => Ok(form.done(&D::path_of(key), ApprovalVerdict::Reject)),
        Err(error) => {
            let tried = form.refused(ApprovalVerdict::Reject, error)?;
            D::page(&seat, &console, key, tried).await
        }
    }
}

pub(super) async fn withdraw<D: RequestDesk>(
    Sent { seat, form }: Sent<D::Asks, Decided>,
    key: Path<D::Key>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let key = key.into_inner();
    match D::withdraw(&seat.member, &console, key).await {
        Ok(()) => Ok(form.done(&D::path_of(key), ApprovalVerdict::Withdraw)),
        Err(error) => {
            let tried = form.refused(ApprovalVerdict::Withdraw, error)?;
            D::page(&seat, &console, key, tried).await
        }
    }
}

/// A decision as it is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Decided {
    /// The remark, or why.
    pub(super) reason: String,
    /// What the page showed that the person has, in fen, where that is asked.
    pub(super) seen: String,
    /// Where one came from.
    back: String,
}

/// What a page of a request has besides the request.
#[derive(Debug, Default)]
pub(super) struct Tried {
    wrong: Option<Wrong>,
    typed: Typed,
}

/// What was typed in the forms of a page, and where one came from.
#[derive(Debug, Default)]
pub(super) struct Typed {
    pub(super) remark: String,
    pub(super) why: String,
    /// Empty where one came from no list.
    pub(super) back: String,
}

impl Decided {
    /// After it was done: back where one came from, or to the request's page.
    fn done(&self, own: &str, verdict: ApprovalVerdict) -> HttpResponse {
        let said = match verdict {
            ApprovalVerdict::Approve => "approved",
            ApprovalVerdict::Reject => "rejected",
            ApprovalVerdict::Withdraw => "withdrawn",
        };
        sent_to(&self.back_or(own), Some(said))
    }

    /// Where one came from, or `own`.
    pub(super) fn back_or(&self, own: &str) -> String {
        after(&self.back, own)
    }

    /// What its page shows where it was refused; an error where there is no such page.
    fn refused(self, verdict: ApprovalVerdict, error: PageError) -> Result<Tried, PageError> {
        let error = error.refusal()?;
        let back = CameFrom::of(self.back).given();
        let (field, typed) = match verdict {
            ApprovalVerdict::Approve => {
                ("remark", Typed { remark: self.reason, back, ..Typed::default() })
            }
            ApprovalVerdict::Reject | ApprovalVerdict::Withdraw => {
                ("why", Typed { why: self.reason, back, ..Typed::default() })
            }
        };
        let mut wrong = Wrong::of(&error);
        for detail in &mut wrong.details {
            if detail.field.as_deref() == Some("reason") {
                detail.field = Some(field.to_owned());
            }
        }
        Ok(Tried { wrong: Some(wrong), typed })
    }
}

impl Tried {
    /// A page that is only looked at.
    fn nothing(back: String) -> Self {
        Self { wrong: None, typed: Typed { back, ..Typed::default() } }
    }

    /// What is wrong, with who decided meanwhile, and what was typed.
    pub(super) fn about(self, approval: &Approval, now: Timestamp) -> (Option<Wrong>, Typed) {
        let Self { mut wrong, typed } = self;
        if let Some(wrong) = wrong.as_mut().filter(|wrong| wrong.status == 409) {
            wrong.details.extend(first(approval, now).map(Detail::from));
        }
        (wrong, typed)
    }
}

/// A page of a request, with the status of what is wrong.
pub(super) fn page_of(
    status: Option<u16>,
    page: &impl Template,
) -> Result<HttpResponse, PageError> {
    shown_as(status.unwrap_or(200), page)
}

/// `li（工号 1002）已通过，12:02`: who decided, and when; with the day where it is another.
fn first(approval: &Approval, now: Timestamp) -> Option<String> {
    let (decision, state) = (approval.decision.as_ref()?, approval.decided_state()?);
    let (at, state) = (words::when(decision.at), words::approval_state(state));
    let is_today = decision.at.day() == now.day();
    let at = at.split_once(' ').filter(|_| is_today).map_or(&*at, |(_, time)| time);
    Some(format!("{}（工号 {}）{state}，{at}", decision.by.login, decision.by.staff_no))
}
