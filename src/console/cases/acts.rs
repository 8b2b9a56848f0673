//! What is done to a case, by the forms of its page. What is wrong stands above the page as it is then, with
//! what was filled in.

use super::{
    HERE,
    detail::{Kept, page},
    path_of,
};
use crate::{
    base::http::{
        ApiError,
        problem::{INVALID, NOT_FOUND},
    },
    cases::{CaseAct, CaseId},
    console::{
        Console,
        browser::{Seat, Sent},
        frame::{PageError, Wrong, form_encoded, sent_to, shown_as},
        way_back::{after, leading_back},
    },
    staff::{
        StaffCaseError,
        guard::{AskRefund, HandleCases, Right},
    },
    staff_accounts::StaffRefusal,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use serde::Deserialize;
use uuid::Uuid;

/// The longest reason and text, in characters.
const LONGEST: usize = 200;
/// The longest reason of an ending, as of a refund.
const LONGEST_OF_ENDING: usize = 80;

/// An act on a case as it was read.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::console) struct ActForm {
    version: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    reason: String,
    /// Of a refund that was made at the provider.
    #[serde(default)]
    number: String,
    #[serde(default)]
    back: String,
}

/// That the refund of a case be ended.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::console) struct EndForm {
    /// A repeat of the form is the same request.
    form_id: Uuid,
    reason: String,
    #[serde(default)]
    back: String,
}

pub(in crate::console) async fn take(
    sent: Sent<HandleCases, ActForm>,
    id: Path<CaseId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    done(&console, &sent, *id, (CaseAct::Take, "")).await
}

pub(in crate::console) async fn release(
    sent: Sent<HandleCases, ActForm>,
    id: Path<CaseId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    done(&console, &sent, *id, (CaseAct::Release, "")).await
}

pub(in crate::console) async fn take_over(
    sent: Sent<HandleCases, ActForm>,
    id: Path<CaseId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let reason = sent.form.reason.trim();
    if let Some(wrong) = unfit(reason, ("/reason", "请填写接管的理由"), LONGEST) {
        return again(&console, &sent.seat, *id, (&sent.form, wrong)).await;
    }
    done(&console, &sent, *id, (CaseAct::TakeOver, reason)).await
}

pub(in crate::console) async fn resolve(
    sent: Sent<HandleCases, ActForm>,
    id: Path<CaseId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (text, number) = (sent.form.text.trim(), sent.form.number.trim());
    if !number.is_empty() {
        return checked(&console, &sent, *id, number).await;
    }
    if let Some(wrong) = unfit(text, ("/text", "请填写说明"), LONGEST) {
        return again(&console, &sent.seat, *id, (&sent.form, wrong)).await;
    }
    done(&console, &sent, *id, (CaseAct::Resolve(text), text)).await
}

/// Asks that the refund of the case be ended; another person decides.
pub(in crate::console) async fn end_refund(
    sent: Sent<AskRefund, EndForm>,
    id: Path<CaseId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form }, id) = (sent, *id);
    let (reason, back) = (form.reason.trim(), after(&form.back, HERE.0));
    let asked = if let Some(wrong) = unfit(reason, ("/reason", "请填写理由"), LONGEST_OF_ENDING)
    {
        Err(wrong)
    } else {
        let ask = (reason.to_owned(), form.form_id.to_string());
        let asked = console.cases.ask_ending_of(&seat.member, id, ask).await;
        asked.map_err(ApiError::from)
    };
    match asked {
        Ok(_) => Ok(sent_to(&leading_back(&path_of(id), &back), Some("asked"))),
        Err(error) if error.kind() == NOT_FOUND => Err(error.into()),
        Err(error) => {
            let kept = Kept { end_reason: form.reason, ..Kept::default() };
            let wrong = of_ending(&error);
            let status = wrong.status;
            shown_as(status, &page(&seat, &console, id, (back, Some(wrong), kept)).await?)
        }
    }
}

/// What is wrong, with the reason where the form of an ending has it.
fn of_ending(error: &ApiError) -> Wrong {
    let mut wrong = Wrong::of(error);
    for detail in wrong.details.iter_mut().filter(|one| one.field.as_deref() == Some("reason")) {
        detail.field = Some("end-reason".to_owned());
    }
    wrong
}

/// Does it, and goes on: to the case that one has then, else back to the list.
async fn done(
    console: &Console,
    sent: &Sent<HandleCases, ActForm>,
    id: CaseId,
    (act, why): (CaseAct<'_>, &str),
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let Ok(version) = form.version.parse() else { return Err(ApiError::new(INVALID).into()) };
    match console.cases.act(&seat.member, (id, version), (act, why)).await {
        Ok(_) => {
            let back = after(&form.back, HERE.0);
            let (path, said) = match act {
                CaseAct::Take | CaseAct::TakeOver => {
                    (leading_back(&path_of(id), &back), "case-taken")
                }
                CaseAct::Release => (back, "case-released"),
                CaseAct::Resolve(_) => (back, "case-resolved"),
            };
            Ok(sent_to(&path, Some(said)))
        }
        Err(error) => {
            let error = ApiError::from(error);
            if error.kind() == NOT_FOUND {
                return Err(error.into());
            }
            again(console, seat, id, (form, error)).await
        }
    }
}

/// Asks the provider about a refund that was made there.
async fn checked(
    console: &Console,
    sent: &Sent<HandleCases, ActForm>,
    id: CaseId,
    number: &str,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let plain = number.len() <= 64 && number.bytes().all(|byte| byte.is_ascii_graphic());
    let asked = if plain {
        let asked = console.cases.check_refund(&seat.member, id, number).await;
        asked.map_err(ApiError::from)
    } else {
        Err(ApiError::new(INVALID).field("/number", "退款单号是字母和数字，最多 64 位"))
    };
    match asked {
        Ok(()) => Ok(sent_to(&after(&form.back, HERE.0), Some("case-resolved"))),
        Err(error) if error.kind() == NOT_FOUND => Err(error.into()),
        Err(error) => again(console, seat, id, (form, error)).await,
    }
}

/// The page as it is now, with what is wrong and what was filled in.
async fn again<N: Right>(
    console: &Console,
    seat: &Seat<N>,
    id: CaseId,
    (form, error): (&ActForm, ApiError),
) -> Result<HttpResponse, PageError> {
    let stale = ApiError::from(StaffCaseError::from(StaffRefusal::FactorStale)).kind();
    let back = after(&form.back, HERE.0);
    let next = || form_encoded(&leading_back(&path_of(id), &back));
    let factor = (error.kind() == stale).then(|| format!("/staff/second-factor?next={}", next()));
    let kept = Kept {
        text: form.text.clone(),
        reason: form.reason.clone(),
        number: form.number.clone(),
        end_reason: String::new(),
        factor,
    };
    let wrong = Wrong::of(&error);
    let status = wrong.status;
    shown_as(status, &page(seat, console, id, (back, Some(wrong), kept)).await?)
}

/// What is wrong with a text that is empty or too long.
fn unfit(text: &str, (field, empty): (&'static str, &str), longest: usize) -> Option<ApiError> {
    let fits = (1..=longest).contains(&text.chars().count());
    let wrong = || ApiError::new(INVALID).field(field, format!("{empty}，最多 {longest} 个字"));
    (!fits).then(wrong)
}
