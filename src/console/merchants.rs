//! 商户: a list, one of them with its terminals, and what is done to it.

mod file;
mod list;

pub(super) use file::Merchants;
pub(super) use list::list;

use super::{
    Console, audit,
    browser::{Needs, Seat, Sent, next_of},
    deciding,
    frame::{Detail, Frame, PageError, Wrong, form_encoded, reason_of, sent_to, shown, shown_as},
    list::{Address, money},
    terminals::{ActPage, Row as TerminalRow, row as terminal_row},
};
use crate::{
    base::http::{ApiError, problem::NOT_FOUND},
    staff::{
        MerchantAsk, MerchantDetail, StaffTerminalError, TakingMerchant,
        guard::{ChangeTerminals, ReadTerminals, StopTerminals},
    },
    staff_accounts::StaffAct,
    terminals::MerchantId,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;
use serde::Deserialize;

const HERE: (&str, &str) = ("/staff/merchants", "商户");
/// The longest reason, in characters.
const LONGEST_REASON: usize = 80;

#[derive(Template)]
#[template(path = "console/merchant.html")]
struct DetailPage {
    frame: Frame,
    name: String,
    enabled: bool,
    back: String,
    facts: Vec<(&'static str, String)>,
    /// What can be done, with the word on the link.
    acts: Vec<(String, &'static str)>,
    rows: Vec<TerminalRow>,
    /// All of its terminals, where there are more than are shown.
    all: Option<String>,
    history: Vec<String>,
}

/// The list that somebody came from.
#[derive(Debug, Deserialize)]
pub(super) struct CameFrom {
    back: Option<String>,
}

impl CameFrom {
    /// The list that is named, if it is one; otherwise nothing.
    fn given(&self) -> String {
        let back = self.back.as_deref().filter(|back| back.starts_with(HERE.0));
        back.map(|back| next_of(Some(back))).unwrap_or_default()
    }

    fn list(&self) -> String {
        Some(self.given()).filter(|back| !back.is_empty()).unwrap_or_else(|| HERE.0.to_owned())
    }

    fn form(&self) -> SwitchForm {
        SwitchForm { back: self.given(), ..SwitchForm::default() }
    }
}

/// A second click finds the code taken by the first.
const ADDED_BEFORE: &str = "这个编号已有；如果是刚才添加的，请打开该商户查看";

/// A merchant as it is typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AddForm {
    code: String,
    name: String,
    reason: String,
}

/// Why a merchant is switched.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SwitchForm {
    reason: String,
    /// The list that one came from.
    back: String,
}

#[derive(Template)]
#[template(path = "console/merchant_add.html")]
struct AddPage {
    frame: Frame,
    wrong: Option<Wrong>,
    form: AddForm,
}

fn path_of(id: MerchantId) -> String {
    format!("{}/{id}", HERE.0)
}

pub(super) async fn show(
    seat: Seat<ReadTerminals>,
    id: Path<MerchantId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (id, now) = (id.into_inner(), console.clock.now());
    let detail = console.terminals.merchant(&seat.member, id).await?;
    let merchant = &detail.one.listed.merchant;
    let (path, shown_here) = (path_of(id), detail.terminals.len());
    let all = Address::of("/staff/terminals").with("merchant", &merchant.code);
    shown(&DetailPage {
        frame: Frame::of(&seat, &console, HERE).await?,
        name: merchant.name.clone(),
        enabled: merchant.enabled,
        back: from.list(),
        facts: facts(&detail),
        acts: acts(&seat, &detail, &from.given()),
        rows: detail.terminals.iter().map(|one| terminal_row(one, &path, now)).collect(),
        all: (shown_here < detail.one.terminals).then(|| all.to_string()),
        history: detail.log.into_iter().map(audit::sentence).collect(),
    })
}

fn facts(detail: &MerchantDetail) -> Vec<(&'static str, String)> {
    let TakingMerchant { listed, terminals, charges, taken } = &detail.one;
    vec![
        ("编号", listed.merchant.code.clone()),
        ("今日收入", format!("{}，{charges} 笔", money(*taken))),
        ("终端", format!("{terminals} 台")),
    ]
}

fn acts(
    seat: &Seat<ReadTerminals>,
    detail: &MerchantDetail,
    back: &str,
) -> Vec<(String, &'static str)> {
    let merchant = &detail.one.listed.merchant;
    let (path, has) = (path_of(merchant.id), |act| seat.member.roles.has(act));
    let (stops, changes) = (has(StaffAct::StopTerminals), has(StaffAct::ChangeTerminals));
    let switch = |act: &str| leading_back(format!("{path}/{act}"), back);
    let add = Address::of("/staff/terminals/add").with("merchant", &merchant.code);
    let acts = [
        (merchant.enabled && stops, switch("disable"), "停用"),
        (!merchant.enabled && changes, switch("enable"), "启用"),
        (changes, add.to_string(), "新增终端"),
    ];
    acts.into_iter().filter(|(may, ..)| *may).map(|(_, path, word)| (path, word)).collect()
}

/// A page, which leads back to a list if one came from one.
fn leading_back(path: String, back: &str) -> String {
    if back.is_empty() { path } else { format!("{path}?back={}", form_encoded(back)) }
}

pub(super) async fn ask_add(
    seat: Seat<ChangeTerminals>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    shown(&add_page(&seat, &console, (AddForm::default(), None)).await?)
}

pub(super) async fn add(
    sent: Sent<ChangeTerminals, AddForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let adding = match reason_of(&form.reason, LONGEST_REASON) {
        Ok(reason) => {
            let AddForm { code, name, .. } = form.clone();
            console.terminals.add_merchant(&seat.member, &MerchantAsk { code, name, reason }).await
        }
        Err(_) => Err(StaffTerminalError::Invalid("/reason")),
    };
    match adding {
        Ok(id) => Ok(sent_to(&path_of(id), Some("merchant-added"))),
        Err(error) => {
            let there = error.taken_by().map(MerchantId::from_uuid);
            let mut wrong = Wrong::of(&ApiError::from(error));
            let lead = |id| Detail::leading(path_of(id), ADDED_BEFORE);
            wrong.details.extend(there.map(lead));
            shown_as(wrong.status, &add_page(&seat, &console, (form, Some(wrong))).await?)
        }
    }
}

async fn add_page(
    seat: &Seat<ChangeTerminals>,
    console: &Console,
    (form, wrong): (AddForm, Option<Wrong>),
) -> Result<AddPage, PageError> {
    let frame = Frame::of(seat, console, (HERE.0, "新增商户")).await?;
    Ok(AddPage { frame, wrong, form })
}

pub(super) async fn ask_stop(
    seat: Seat<StopTerminals>,
    id: Path<MerchantId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    shown(&switch_page(&seat, &console, (*id, false), (from.form(), None)).await?)
}

pub(super) async fn ask_start(
    seat: Seat<ChangeTerminals>,
    id: Path<MerchantId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    shown(&switch_page(&seat, &console, (*id, true), (from.form(), None)).await?)
}

pub(super) async fn stop(
    sent: Sent<StopTerminals, SwitchForm>,
    id: Path<MerchantId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let reason = sent.form.reason.trim().chars().take(LONGEST_REASON).collect();
    switch(sent, (*id, false), Ok(reason), &console).await
}

pub(super) async fn start(
    sent: Sent<ChangeTerminals, SwitchForm>,
    id: Path<MerchantId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let reason = reason_of(&sent.form.reason, LONGEST_REASON)
        .map_err(|_| StaffTerminalError::Invalid("/reason"));
    switch(sent, (*id, true), reason, &console).await
}

/// Switches a merchant. A second click finds it so, and says the same.
async fn switch<N: Needs>(
    Sent { seat, form }: Sent<N, SwitchForm>,
    (id, enabled): (MerchantId, bool),
    reason: Result<String, StaffTerminalError>,
    console: &Console,
) -> Result<HttpResponse, PageError> {
    let switching = match reason {
        Ok(reason) => console.terminals.switch_merchant(&seat.member, (id, enabled), &reason).await,
        Err(wrong) => Err(wrong),
    };
    let said = if enabled { "merchant-started" } else { "merchant-stopped" };
    match switching.map_err(ApiError::from) {
        Ok(()) => {
            let back = CameFrom { back: Some(form.back) }.given();
            Ok(sent_to(&deciding::after(&back, &path_of(id)), Some(said)))
        }
        Err(error) if error.kind() == NOT_FOUND => Err(error.into()),
        Err(error) => {
            let wrong = Wrong::of(&error);
            let status = wrong.status;
            let page = switch_page(&seat, console, (id, enabled), (form, Some(wrong))).await?;
            shown_as(status, &page)
        }
    }
}

async fn switch_page<N: Needs>(
    seat: &Seat<N>,
    console: &Console,
    (id, enabled): (MerchantId, bool),
    (form, wrong): (SwitchForm, Option<Wrong>),
) -> Result<ActPage, PageError> {
    let detail = console.terminals.merchant(&seat.member, id).await?;
    let (name, path) = (&detail.one.listed.merchant.name, path_of(id));
    let taken = money(detail.one.taken);
    let (word, act) = if enabled { ("启用", "enable") } else { ("停用", "disable") };
    let sentence = if enabled {
        format!("启用 {name}？它的在用终端又可以收款。")
    } else {
        format!("停用 {name}？它的终端之后的收款一律拒绝，已收 {taken} 不变。")
    };
    Ok(ActPage {
        frame: Frame::of(seat, console, (HERE.0, &format!("{word} {name}"))).await?,
        wrong,
        sentence,
        facts: facts(&detail),
        path: Some(format!("{path}/{act}")),
        button: word,
        known: String::new(),
        keeps_old: None,
        reason: form.reason,
        is_reason_needed: enabled,
        back: leading_back(path, &form.back),
        list: form.back,
    })
}
