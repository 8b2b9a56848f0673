//! 重置查询密码: one member of the card office asks, another approves and is shown the slip, once.

use super::{
    Console,
    approvals::{HERE, Row, history, remark_of},
    browser::{Needs, Seat, Sent},
    deciding::{Decided, RequestDesk, Tried, Typed, page_of},
    frame::{Frame, PageError, Wrong, is_refusal, reason_of, sent_to, shown, shown_as},
    people, second,
    way_back::{CameFrom, after, leading_back},
    words,
};
use crate::{
    approvals::{ApprovalId, ApprovalState},
    base::{clock::Timestamp, http::ApiError, ids::PersonId},
    staff::{
        PersonDetail, StaffActError,
        guard::{ReadPasswordResets, ResetPassword},
    },
    staff_accounts::{StaffAct, StaffMember},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use uuid::Uuid;

/// Where requests are listed.
pub(super) const LIST: &str = "/staff/password-resets";
/// The longest reason of a request, in characters.
const LONGEST_WHY: usize = 80;

/// A reset as it is asked for.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct AskForm {
    /// A repeat of the form is the same request.
    form_id: Uuid,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    back: String,
}

#[derive(Template)]
#[template(path = "console/person_reset.html")]
struct AskPage {
    frame: Frame,
    wrong: Option<Wrong>,
    path: String,
    person: String,
    who: String,
    /// That hardly anybody could decide it.
    alone: Option<&'static str>,
    form: AskForm,
}

#[derive(Template)]
#[template(path = "console/password_reset.html")]
struct DetailPage {
    frame: Frame,
    wrong: Option<Wrong>,
    typed: Typed,
    list: String,
    seen: Option<i64>,
    row: Row,
    /// The person's page, and who it is.
    person: (String, String),
    question: String,
    history: Vec<String>,
    decides: bool,
    /// Why 通过 is not offered to who could decide.
    why_not: Option<&'static str>,
    withdraws: bool,
}

#[derive(Template)]
#[template(path = "console/password_slip.html")]
struct SlipPage<'a> {
    frame: Frame,
    who: String,
    password: &'a str,
    valid_until: String,
    back: String,
}

pub(super) async fn ask_form(
    seat: Seat<ResetPassword>,
    id: Path<PersonId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let detail = console.people.find(&seat.member, id.into_inner()).await?;
    if detail.is_own {
        return Err(StaffActError::OwnCard.into());
    }
    let form = AskForm { form_id: Uuid::new_v4(), reason: String::new(), back: from.given() };
    shown(&ask_page(&seat, &console, &detail, (form, None)).await?)
}

/// Asks; what is wrong stands above the form as it was filled in.
pub(super) async fn ask(
    sent: Sent<ResetPassword, AskForm>,
    id: Path<PersonId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form }, id) = (sent, id.into_inner());
    let asked = match reason_of(&form.reason, LONGEST_WHY) {
        Ok(reason) => {
            let why = (&*reason, &*form.form_id.to_string());
            console.people.ask_reset(&seat.member, id, why).await.map_err(ApiError::from)
        }
        Err(PageError::Said(error)) => Err(error),
        Err(elsewhere) => return Err(elsewhere),
    };
    match asked {
        Ok(_) => Ok(sent_to(&after(&form.back, &people::path_of(id)), Some("asked"))),
        Err(error) if is_refusal(&error) => {
            let detail = console.people.find(&seat.member, id).await?;
            let wrong = Wrong::of(&error);
            shown_as(wrong.status, &ask_page(&seat, &console, &detail, (form, Some(wrong))).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn ask_page(
    seat: &Seat<ResetPassword>,
    console: &Console,
    detail: &PersonDetail,
    (form, wrong): (AskForm, Option<Wrong>),
) -> Result<AskPage, PageError> {
    let id = detail.listed.id;
    Ok(AskPage {
        frame: Frame::of(seat, console, people::HERE).await?,
        wrong,
        path: format!("{}/password-reset", people::path_of(id)),
        person: leading_back(&people::path_of(id), &form.back),
        who: who(detail),
        alone: second::warning(console, &seat.member, StaffAct::ResetPassword).await?,
        form,
    })
}

/// The desk of resets.
pub(super) struct PasswordResets;

impl RequestDesk for PasswordResets {
    type Key = ApprovalId;
    type Reads = ReadPasswordResets;
    type Asks = ResetPassword;
    type Decides = ResetPassword;

    fn path_of(id: ApprovalId) -> String {
        path_of(id)
    }

    async fn page<N: Needs>(
        seat: &Seat<N>,
        console: &Console,
        id: ApprovalId,
        tried: Tried,
    ) -> Result<HttpResponse, PageError> {
        let approval = console.people.reset_request(&seat.member, id).await?;
        let person = PersonId::from_uuid(approval.subject);
        let detail = console.people.find(&seat.member, person).await?;
        let now = console.clock.now();
        let waits = approval.state_at(now) == ApprovalState::Requested;
        let own = approval.asked_by.staff_no == *seat.member.staff_no;
        let may = seat.member.roles.has(StaffAct::ResetPassword);
        let decides = waits && !own && !detail.is_own && may;
        let why_not =
            if decides { second::why_not(console, &seat.member, &approval).await? } else { None };
        let (wrong, typed) = tried.about(&approval, now);
        let status = wrong.as_ref().map(|wrong| wrong.status);
        let page = DetailPage {
            frame: Frame::of(seat, console, HERE).await?,
            wrong,
            row: Row::of(&approval, path_of(approval.id), now),
            person: (people::path_of(person), who(&detail)),
            question: format!("重置 {} 的查询密码？", who(&detail)),
            seen: None,
            history: history(&approval),
            decides,
            why_not,
            withdraws: waits && own,
            list: after(&typed.back, LIST),
            typed,
        };
        page_of(status, &page)
    }

    /// Approves; the answer to the form is the slip, once.
    async fn approve(
        seat: &Seat<ResetPassword>,
        console: &Console,
        id: ApprovalId,
        form: &Decided,
    ) -> Result<Option<HttpResponse>, PageError> {
        let why = remark_of(&form.reason)?;
        let (approval, slip) = console.people.approve_reset(&seat.member, id, &why).await?;
        let own = path_of(id);
        let Some(slip) = slip else { return Ok(Some(sent_to(&own, Some("slip-shown")))) };
        let person = PersonId::from_uuid(approval.subject);
        let detail = console.people.find(&seat.member, person).await?;
        slip_page(seat, console, &detail, (&slip, form.back_or(&own))).await.map(Some)
    }

    async fn reject(
        member: &StaffMember,
        console: &Console,
        id: ApprovalId,
        why: &str,
    ) -> Result<(), PageError> {
        console.people.reject_reset(member, id, why).await?;
        Ok(())
    }

    async fn withdraw(
        member: &StaffMember,
        console: &Console,
        id: ApprovalId,
    ) -> Result<(), PageError> {
        console.people.withdraw_reset(member, id).await?;
        Ok(())
    }
}

async fn slip_page(
    seat: &Seat<ResetPassword>,
    console: &Console,
    detail: &PersonDetail,
    ((password, until), back): (&(SecretString, Timestamp), String),
) -> Result<HttpResponse, PageError> {
    shown(&SlipPage {
        frame: Frame::of(seat, console, (HERE.0, "一次性密码")).await?,
        who: who(detail),
        password: password.expose_secret(),
        valid_until: words::when(*until),
        back,
    })
}

pub(super) fn path_of(id: ApprovalId) -> String {
    format!("{LIST}/{id}")
}

fn who(detail: &PersonDetail) -> String {
    format!("{}（{}）", detail.listed.name, detail.listed.person_no)
}
