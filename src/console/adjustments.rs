//! 调账: one person asks, with the figures of now before the eyes; another decides, with those of then.

use super::{
    Console,
    approvals::{HERE, Row, history, remark_of},
    browser::{Needs, Seat, Sent},
    deciding::{Decided, RequestDesk, Tried, Typed, page_of},
    frame::{Frame, PageError, Wrong, is_refusal, reason_of, sent_to, shown, shown_as},
    orders::fen_of,
    people, second,
    way_back::{CameFrom, after, leading_back},
    words,
};
use crate::{
    adjustments::Adjustment,
    approvals::{ApprovalId, ApprovalState},
    base::{
        http::{
            ApiError,
            problem::{INVALID, NOT_FOUND},
        },
        ids::{PersonId, SchoolId},
    },
    staff::{
        PersonDetail, StaffActError,
        guard::{AskAdjustment, DecideAdjustment, ReadAdjustments},
    },
    staff_accounts::{StaffAct, StaffMember},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

/// Where requests are listed.
pub(super) const LIST: &str = "/staff/adjustments";
/// The longest reason of a request, in characters.
const LONGEST_WHY: usize = 80;

/// Which way money goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    #[default]
    Up,
    Down,
}

/// An adjustment as it is asked for: first without what was seen, then with it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct AskForm {
    /// A repeat of the form is the same request.
    form_id: Uuid,
    #[serde(default)]
    way: Way,
    /// In yuan.
    #[serde(default)]
    amount: String,
    #[serde(default)]
    reason: String,
    /// What the page showed that the person has, in fen; empty before it was shown.
    #[serde(default)]
    seen: String,
    #[serde(default)]
    back: String,
}

#[derive(Template)]
#[template(path = "console/person_adjust.html")]
struct AskPage {
    frame: Frame,
    wrong: Option<Wrong>,
    path: String,
    person: String,
    who: String,
    has: String,
    most: String,
    /// That hardly anybody could decide it.
    alone: Option<&'static str>,
    is_down: bool,
    form: AskForm,
    /// The question with the figures of now, once it is known what is asked for.
    question: Option<String>,
}

#[derive(Template)]
#[template(path = "console/adjustment.html")]
struct DetailPage {
    frame: Frame,
    wrong: Option<Wrong>,
    row: Row,
    /// The person's page, and who it is.
    person: (String, String),
    question: String,
    verb: String,
    seen: Option<i64>,
    list: String,
    typed: Typed,
    history: Vec<String>,
    decides: bool,
    /// Why 通过 is not offered to who could decide.
    why_not: Option<&'static str>,
    withdraws: bool,
}

pub(super) async fn ask_form(
    seat: Seat<AskAdjustment>,
    id: Path<PersonId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let detail = console.people.find(&seat.member, id.into_inner()).await?;
    if detail.is_own {
        return Err(StaffActError::OwnMoney.into());
    }
    let form = AskForm {
        form_id: Uuid::new_v4(),
        way: Way::Up,
        amount: String::new(),
        reason: String::new(),
        seen: String::new(),
        back: from.given(),
    };
    shown(&ask_page(&seat, &console, &detail, (form, None)).await?)
}

/// Shows what would follow, and asks for it once that was shown. What is wrong stands above the form as it was
/// filled in.
pub(super) async fn ask(
    sent: Sent<AskAdjustment, AskForm>,
    id: Path<PersonId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form }, id) = (sent, id.into_inner());
    let detail = console.people.find(&seat.member, id).await?;
    let asked = match form.asked(&detail, seat.member.school) {
        Ok(_) if form.seen.parse::<i64>().is_err() => {
            return shown(&ask_page(&seat, &console, &detail, (form, None)).await?);
        }
        Ok((adjustment, reason)) => {
            let (seen, key) = (form.seen.parse().ok(), form.form_id.to_string());
            let why = (&*reason, &*key);
            let asked = console.people.ask_adjustment(&seat.member, &adjustment, seen, why).await;
            asked.map_err(ApiError::from)
        }
        Err(wrong) => Err(wrong),
    };
    match asked {
        Ok(_) => Ok(sent_to(&after(&form.back, &people::path_of(id)), Some("asked"))),
        Err(error) if is_refusal(&error) => {
            let wrong = Wrong::of(&error);
            shown_as(wrong.status, &ask_page(&seat, &console, &detail, (form, Some(wrong))).await?)
        }
        Err(error) => Err(error.into()),
    }
}

async fn ask_page(
    seat: &Seat<AskAdjustment>,
    console: &Console,
    detail: &PersonDetail,
    (form, wrong): (AskForm, Option<Wrong>),
) -> Result<AskPage, PageError> {
    let (id, has) = (detail.listed.id, has_fen(detail));
    let asked = form.asked(detail, seat.member.school).ok();
    let question = asked.map(|(adjustment, _)| question(detail, adjustment.change_fen));
    let seen = if question.is_some() { has.to_string() } else { String::new() };
    Ok(AskPage {
        frame: Frame::of(seat, console, people::HERE).await?,
        wrong,
        path: format!("{}/adjust", people::path_of(id)),
        person: leading_back(&people::path_of(id), &form.back),
        who: who(detail),
        has: words::yuan(has),
        most: Adjustment::MOST.to_string(),
        alone: second::warning(console, &seat.member, StaffAct::DecideAdjustment).await?,
        is_down: form.way == Way::Down,
        form: AskForm { seen, ..form },
        question,
    })
}

impl AskForm {
    fn asked(
        &self,
        detail: &PersonDetail,
        school: SchoolId,
    ) -> Result<(Adjustment, String), ApiError> {
        let wrong = |field, why| ApiError::new(INVALID).field(field, why);
        let size = fen_of(&self.amount).filter(|size| !size.is_zero() && *size <= Adjustment::MOST);
        let size = size.ok_or_else(|| {
            wrong("/amount", format!("请填写金额，如 12.50；一次最多 {}", Adjustment::MOST))
        })?;
        let reason = reason_of(&self.reason, LONGEST_WHY)
            .map_err(|_| wrong("/reason", format!("请填写理由，最多 {LONGEST_WHY} 个字")))?;
        let change_fen = match self.way {
            Way::Up => size.get(),
            Way::Down => size.get().saturating_neg(),
        };
        Ok((Adjustment { school, person: detail.listed.id, change_fen }, reason))
    }
}

/// The desk of adjustments.
pub(super) struct Adjustments;

impl RequestDesk for Adjustments {
    type Key = ApprovalId;
    type Reads = ReadAdjustments;
    type Asks = AskAdjustment;
    type Decides = DecideAdjustment;

    fn path_of(id: ApprovalId) -> String {
        path_of(id)
    }

    async fn page<N: Needs>(
        seat: &Seat<N>,
        console: &Console,
        id: ApprovalId,
        tried: Tried,
    ) -> Result<HttpResponse, PageError> {
        let approval = console.people.adjustment(&seat.member, id).await?;
        let adjustment = Adjustment::of(&approval).ok_or_else(|| ApiError::new(NOT_FOUND))?;
        let detail = console.people.find(&seat.member, adjustment.person).await?;
        let now = console.clock.now();
        let waits = approval.state_at(now) == ApprovalState::Requested;
        let own = approval.asked_by.staff_no == *seat.member.staff_no;
        let has = |act| seat.member.roles.has(act);
        let decides = waits && !own && !detail.is_own && has(StaffAct::DecideAdjustment);
        let why_not =
            if decides { second::why_not(console, &seat.member, &approval).await? } else { None };
        let (wrong, typed) = tried.about(&approval, now);
        let status = wrong.as_ref().map(|wrong| wrong.status);
        let row = Row::of(&approval, path_of(approval.id), now);
        let page = DetailPage {
            frame: Frame::of(seat, console, HERE).await?,
            wrong,
            verb: format!("通过{} {}", row.kind, row.amount),
            row,
            person: (people::path_of(detail.listed.id), who(&detail)),
            question: question(&detail, adjustment.change_fen),
            seen: Some(has_fen(&detail)),
            history: history(&approval),
            decides,
            why_not,
            withdraws: waits && own,
            list: after(&typed.back, LIST),
            typed,
        };
        page_of(status, &page)
    }

    /// Approves what was seen; where the balance is another by now, it is shown with the remark as it was.
    async fn approve(
        seat: &Seat<DecideAdjustment>,
        console: &Console,
        id: ApprovalId,
        form: &Decided,
    ) -> Result<Option<HttpResponse>, PageError> {
        // A form that showed nothing is about another balance.
        let seen = Some(form.seen.parse().unwrap_or(i64::MIN));
        let why = remark_of(&form.reason)?;
        console.people.approve_adjustment(&seat.member, id, (&why, seen)).await?;
        Ok(None)
    }

    async fn reject(
        member: &StaffMember,
        console: &Console,
        id: ApprovalId,
        why: &str,
    ) -> Result<(), PageError> {
        console.people.reject_adjustment(member, id, why).await?;
        Ok(())
    }

    async fn withdraw(
        member: &StaffMember,
        console: &Console,
        id: ApprovalId,
    ) -> Result<(), PageError> {
        console.people.withdraw_adjustment(member, id).await?;
        Ok(())
    }
}

pub(super) fn path_of(id: ApprovalId) -> String {
    format!("{LIST}/{id}")
}

fn who(detail: &PersonDetail) -> String {
    format!("{}（{}）", detail.listed.name, detail.listed.person_no)
}

fn has_fen(detail: &PersonDetail) -> i64 {
    detail.balances.as_ref().map_or(0, |balances| balances.total().get())
}

/// `给 **雨（2301001） 加 ¥12.00？现有 ¥46.80，之后 ¥58.80。`
fn question(detail: &PersonDetail, change_fen: i64) -> String {
    let has = has_fen(detail);
    let word = if change_fen < 0 { "减" } else { "加" };
    let size = i64::try_from(change_fen.unsigned_abs()).unwrap_or(i64::MAX);
    let [size, has, after] = [size, has, has.saturating_add(change_fen)].map(words::yuan);
    format!("给 {} {word} {size}？现有 {has}，之后 {after}。", who(detail))
}
