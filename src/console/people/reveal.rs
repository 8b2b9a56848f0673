//! A person's name and phone, for a reason: the answer to the form itself, once.

use super::{HERE, path_of};
use crate::{
    base::{
        http::{ApiError, problem::INVALID},
        ids::PersonId,
    },
    console::{
        Console,
        browser::{Seat, Sent},
        frame::{Frame, PageError, Wrong, is_refusal, shown, shown_as},
        list::{self, Choice},
        way_back::{CameFrom, leading_back},
    },
    staff::{PersonDetail, RevealReason, StaffPeopleError, guard::RevealPerson},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;
use secrecy::ExposeSecret;
use serde::Deserialize;
use uuid::Uuid;

/// Why somebody asks.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct RevealForm {
    /// Good once.
    form_id: Uuid,
    reason: Option<RevealReason>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    back: String,
}

#[derive(Template)]
#[template(path = "console/person_reveal.html")]
struct AskPage {
    frame: Frame,
    wrong: Option<Wrong>,
    path: String,
    person: String,
    who: String,
    reasons: Vec<Choice>,
    form_id: Uuid,
    text: String,
    back: String,
}

#[derive(Template)]
#[template(path = "console/person_revealed.html")]
struct RevealedPage {
    frame: Frame,
    who: String,
    name: String,
    phone: Option<String>,
    person: String,
}

pub(in crate::console) async fn ask(
    seat: Seat<RevealPerson>,
    id: Path<PersonId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let detail = console.people.find(&seat.member, id.into_inner()).await?;
    if detail.is_own {
        return Err(StaffPeopleError::OwnCard.into());
    }
    let form = RevealForm {
        form_id: Uuid::new_v4(),
        reason: None,
        text: String::new(),
        back: from.given(),
    };
    shown(&page(&seat, &console, &detail, (form, None)).await?)
}

pub(in crate::console) async fn reveal(
    sent: Sent<RevealPerson, RevealForm>,
    id: Path<PersonId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form }, id) = (sent, id.into_inner());
    let asked = match form.why() {
        Ok(why) => {
            let asked = console.people.reveal(&seat.member, (id, form.form_id), &why).await;
            asked.map_err(ApiError::from)
        }
        Err(wrong) => Err(wrong),
    };
    let error = match asked {
        Ok((name, phone)) => {
            let detail = console.people.find(&seat.member, id).await?;
            let back = CameFrom::of(form.back).given();
            return shown(&RevealedPage {
                frame: Frame::of(&seat, &console, HERE).await?,
                who: who(&detail),
                name: name.expose_secret().to_owned(),
                phone: phone.map(|phone| phone.expose_secret().to_owned()),
                person: leading_back(&path_of(id), &back),
            });
        }
        Err(error) if !is_refusal(&error) => return Err(error.into()),
        Err(error) => error,
    };
    let detail = console.people.find(&seat.member, id).await?;
    let wrong = Wrong::of(&error);
    let form = RevealForm { form_id: Uuid::new_v4(), ..form };
    shown_as(wrong.status, &page(&seat, &console, &detail, (form, Some(wrong))).await?)
}

impl RevealForm {
    fn why(&self) -> Result<String, ApiError> {
        let wrong = |field, why| ApiError::new(INVALID).field(field, why);
        let reason = self.reason.ok_or_else(|| wrong("/reason", "请选择理由"))?;
        let why = reason.why(&self.text);
        why.ok_or_else(|| wrong("/text", "选了“其他”请写明原因，最多 80 个字"))
    }
}

async fn page(
    seat: &Seat<RevealPerson>,
    console: &Console,
    detail: &PersonDetail,
    (form, wrong): (RevealForm, Option<Wrong>),
) -> Result<AskPage, PageError> {
    let (id, RevealForm { form_id, reason, text, back }) = (detail.listed.id, form);
    let reasons = RevealReason::ALL;
    Ok(AskPage {
        frame: Frame::of(seat, console, HERE).await?,
        wrong,
        path: format!("{}/reveal", path_of(id)),
        person: leading_back(&path_of(id), &back),
        who: who(detail),
        reasons: list::choices(reasons, reason, RevealReason::code, RevealReason::title),
        form_id,
        text,
        back,
    })
}

fn who(detail: &PersonDetail) -> String {
    format!("{}（{}）", detail.listed.name, detail.listed.person_no)
}
