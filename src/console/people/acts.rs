//! What is done for a person: each asks first, on a page of its own, and says what it stops.

use super::{HERE, path_of};
use crate::{
    base::{clock::Timestamp, http::ApiError, ids::PersonId},
    console::{
        Console,
        browser::{Seat, Sent},
        confirm::{ConfirmPage, Why},
        frame::{Frame, PageError, Wrong, is_refusal, reason_of, sent_to, shown, shown_as},
        way_back::{CameFrom, after, leading_back},
        words,
    },
    passcode::DeviceId,
    staff::{PersonAct, PersonDetail, StaffPeopleError, guard::ChangePerson},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use serde::Deserialize;
use uuid::Uuid;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 80;

/// An act as it is confirmed.
#[derive(Clone, Debug, Default, Deserialize)]
pub(in crate::console) struct ActForm {
    #[serde(default)]
    reason: String,
    /// What the page showed of what may have changed since.
    #[serde(default)]
    version: String,
    #[serde(default)]
    back: String,
}

/// What an act says of itself.
struct Confirm {
    title: &'static str,
    sentence: String,
    facts: Vec<(&'static str, String)>,
    version: String,
}

type Pages = Result<HttpResponse, PageError>;

pub(in crate::console) async fn ask_loss(
    seat: Seat<ChangePerson>,
    id: Path<PersonId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Pages {
    ask(&seat, (id.into_inner(), PersonAct::Loss), &from, &console).await
}

pub(in crate::console) async fn loss(
    sent: Sent<ChangePerson, ActForm>,
    id: Path<PersonId>,
    console: Data<Console>,
) -> Pages {
    act(sent, (id.into_inner(), PersonAct::Loss), &console).await
}

pub(in crate::console) async fn ask_cancel(
    seat: Seat<ChangePerson>,
    id: Path<PersonId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Pages {
    let act = PersonAct::CancelLoss { reported_at: None };
    ask(&seat, (id.into_inner(), act), &from, &console).await
}

pub(in crate::console) async fn cancel_loss(
    sent: Sent<ChangePerson, ActForm>,
    id: Path<PersonId>,
    console: Data<Console>,
) -> Pages {
    let reported_at = sent.form.version.parse().ok().map(Timestamp::from_micros);
    act(sent, (id.into_inner(), PersonAct::CancelLoss { reported_at }), &console).await
}

pub(in crate::console) async fn ask_device(
    seat: Seat<ChangePerson>,
    path: Path<(PersonId, DeviceId)>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Pages {
    let (id, device) = path.into_inner();
    let act = PersonAct::EndDevice { device, generation: None };
    ask(&seat, (id, act), &from, &console).await
}

pub(in crate::console) async fn end_device(
    sent: Sent<ChangePerson, ActForm>,
    path: Path<(PersonId, DeviceId)>,
    console: Data<Console>,
) -> Pages {
    let (id, device) = path.into_inner();
    let generation = sent.form.version.parse().ok();
    act(sent, (id, PersonAct::EndDevice { device, generation }), &console).await
}

pub(in crate::console) async fn ask_binding(
    seat: Seat<ChangePerson>,
    path: Path<(PersonId, Uuid)>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Pages {
    let (id, binding) = path.into_inner();
    ask(&seat, (id, PersonAct::EndBinding { binding }), &from, &console).await
}

pub(in crate::console) async fn end_binding(
    sent: Sent<ChangePerson, ActForm>,
    path: Path<(PersonId, Uuid)>,
    console: Data<Console>,
) -> Pages {
    let (id, binding) = path.into_inner();
    act(sent, (id, PersonAct::EndBinding { binding }), &console).await
}

/// The page that asks, unless it is so already.
async fn ask(
    seat: &Seat<ChangePerson>,
    (id, act): (PersonId, PersonAct),
    from: &CameFrom,
    console: &Console,
) -> Pages {
    let detail = console.people.find(&seat.member, id).await?;
    if detail.is_own {
        return Err(StaffPeopleError::OwnCard.into());
    }
    let form = ActForm { back: from.given(), ..ActForm::default() };
    match page(seat, console, (&detail, act), (form, None)).await? {
        Some(page) => shown(&page),
        None => Ok(sent_to(&leading_back(&path_of(id), &from.given()), Some("already"))),
    }
}

/// Does it. What is wrong stands above the form as it was filled in, with what is so now.
async fn act(
    sent: Sent<ChangePerson, ActForm>,
    (id, act): (PersonId, PersonAct),
    console: &Console,
) -> Pages {
    let Sent { seat, form } = sent;
    let back = after(&form.back, &path_of(id));
    let done = match reason_of(&form.reason, LONGEST_REASON) {
        Ok(reason) => {
            let done = console.people.act(&seat.member, (id, act), &reason).await;
            done.map_err(ApiError::from)
        }
        Err(PageError::Said(error)) => Err(error),
        Err(elsewhere) => return Err(elsewhere),
    };
    let error = match done {
        Ok(true) => return Ok(sent_to(&back, Some(said(act)))),
        Ok(false) => return Ok(sent_to(&back, Some("already"))),
        Err(error) if !is_refusal(&error) => return Err(error.into()),
        Err(error) => error,
    };
    let detail = console.people.find(&seat.member, id).await?;
    let wrong = Wrong::of(&error);
    let status = wrong.status;
    match page(&seat, console, (&detail, act), (form, Some(wrong))).await? {
        Some(page) => shown_as(status, &page),
        None => Ok(sent_to(&back, Some("already"))),
    }
}

async fn page(
    seat: &Seat<ChangePerson>,
    console: &Console,
    (detail, act): (&PersonDetail, PersonAct),
    (form, wrong): (ActForm, Option<Wrong>),
) -> Result<Option<ConfirmPage>, PageError> {
    let Some(confirm) = confirm(detail, act) else { return Ok(None) };
    let id = detail.listed.id;
    Ok(Some(ConfirmPage {
        frame: Frame::of(seat, console, (HERE.0, confirm.title)).await?,
        wrong,
        sentence: confirm.sentence,
        facts: confirm.facts,
        notes: Vec::new(),
        path: Some(format!("{}/{}", path_of(id), path_to(act))),
        button: confirm.title.to_owned(),
        keeps_old: None,
        reason: Some(Why::needed(form.reason)),
        back: leading_back(&path_of(id), &form.back),
        hidden: vec![("version", confirm.version), ("back", form.back)],
    }))
}

fn path_to(act: PersonAct) -> String {
    match act {
        PersonAct::Loss => "loss".to_owned(),
        PersonAct::CancelLoss { .. } => "cancel-loss".to_owned(),
        PersonAct::EndDevice { device, .. } => format!("devices/{device}/end"),
        PersonAct::EndBinding { binding } => format!("bindings/{binding}/end"),
    }
}

/// What the person's page says once it is done.
const fn said(act: PersonAct) -> &'static str {
    match act {
        PersonAct::Loss => "lost",
        PersonAct::CancelLoss { .. } => "found",
        PersonAct::EndDevice { .. } => "device-ended",
        PersonAct::EndBinding { .. } => "binding-ended",
    }
}

/// The sentence of an act with what is so now; `None` where there is nothing to be done.
fn confirm(detail: &PersonDetail, act: PersonAct) -> Option<Confirm> {
    let one = &detail.listed;
    let who = format!("{}（{}）", one.name, one.person_no);
    match act {
        PersonAct::Loss | PersonAct::CancelLoss { .. } => confirm_card(detail, act, who),
        PersonAct::EndDevice { device, .. } => {
            let device = detail.devices.iter().find(|one| one.id == device)?;
            let name = words::device(device);
            Some(Confirm {
                title: "结束设备",
                sentence: format!("结束 {who} 的设备 {name}？付款码立即失效，并通知本人。"),
                facts: vec![
                    ("人", who),
                    ("设备", name),
                    ("平台", words::platform(device.channel.platform()).to_owned()),
                    ("最近使用", words::when(device.seen_at)),
                ],
                version: device.generation.to_string(),
            })
        }
        PersonAct::EndBinding { binding } => {
            let binding = detail.bindings.iter().find(|one| one.id == binding)?;
            let place = words::platform(binding.platform);
            Some(Confirm {
                title: "解除绑定",
                sentence: format!(
                    "解除 {who} 在{place}的绑定？那里的登录、付款码和授权的手机号一并结束，并通知本人。"
                ),
                facts: vec![
                    ("人", who),
                    ("平台", place.to_owned()),
                    ("绑定时间", words::when(binding.bound_at)),
                ],
                version: String::new(),
            })
        }
    }
}

/// The same of a card's report.
fn confirm_card(detail: &PersonDetail, act: PersonAct, who: String) -> Option<Confirm> {
    let state = ("现在", words::card(detail.listed.status).to_owned());
    match (act, detail.lost_at) {
        (PersonAct::Loss, None) => Some(Confirm {
            title: "挂失",
            sentence: format!("为 {who} 挂失？卡和付款码都停用，学校另有规定的除外。"),
            facts: vec![("人", who), state],
            version: String::new(),
        }),
        (PersonAct::CancelLoss { .. }, Some(at)) => Some(Confirm {
            title: "解除挂失",
            sentence: format!("为 {who} 解除挂失？卡立即恢复；付款码要在手机上重新启用。"),
            facts: vec![("人", who), state, ("挂失时间", words::when(at))],
            version: at.micros().to_string(),
        }),
        _ => None,
    }
}
