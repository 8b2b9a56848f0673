//! 商户: a list, one of them with its terminals, and what is done to it.

mod file;
mod list;

pub(super) use file::Merchants;
pub(super) use list::list;

use super::{
    Console, audit,
    browser::{Needs, Seat, Sent},
    confirm::{ConfirmPage, Why},
    frame::{Detail, Frame, PageError, Wrong, reason_of, sent_to, shown, shown_as},
    list::{Address, money},
    terminals::{Row as TerminalRow, row as terminal_row},
    way_back::{CameFrom, after, leading_back},
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

impl SwitchForm {
    fn back_to(from: &CameFrom) -> Self {
        Self { back: from.given(), ..Self::default() }
    }
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
    let here = leading_back(&path, &from.given());
    let all = Address::of("/staff/terminals").with("merchant", &merchant.code);
    shown(&DetailPage {
        frame: Frame::of(&seat, &console, HERE).await?,
        name: merchant.name.clone(),
        enabled: merchant.enabled,
        back: from.or(HERE.0),
        facts: facts(&detail),
        acts: acts(&seat, &detail, &from.given()),
        rows: detail.terminals.iter().map(|one| terminal_row(one, &here, now)).collect(),
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
    let switch = |act: &str| leading_back(&format!("{path}/{act}"), back);
    let add = Address::of("/staff/terminals/add").with("merchant", &merchant.code);
    let acts = [
        (merchant.enabled && stops, switch("disable"), "停用"),
        (!merchant.enabled && changes, switch("enable"), "启用"),
        (changes, add.to_string(), "新增终端"),
    ];
    acts.into_iter().filter(|(may, ..)| *may).map(|(_, path, word)| (path, word)).collect()
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
    shown(&switch_page(&seat, &console, (*id, false), (SwitchForm::back_to(&from), None)).await?)
}

pub(super) async fn ask_start(
    seat: Seat<ChangeTerminals>,
    id: Path<MerchantId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    shown(&switch_page(&seat, &console, (*id, true), (SwitchForm::back_to(&from), None)).await?)
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
        Ok(()) => Ok(sent_to(&after(&form.back, &path_of(id)), Some(said))),
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
) -> Result<ConfirmPage, PageError> {
    let detail = console.terminals.merchant(&seat.member, id).await?;
    let (name, path) = (&detail.one.listed.merchant.name, path_of(id));
    let taken = money(detail.one.taken);
    let (word, act) = if enabled { ("启用", "enable") } else { ("停用", "disable") };
    let sentence = if enabled {
        format!("启用 {name}？它的在用终端又可以收款。")
    } else {
        format!("停用 {name}？它的终端之后的收款一律拒绝，已收 {taken} 不变。")
    };
    Ok(ConfirmPage {
        frame: Frame::of(seat, console, (HERE.0, &format!("{word} {name}"))).await?,
        wrong,
        sentence,
        facts: facts(&detail),
        path: Some(format!("{path}/{act}")),
        notes: Vec::new(),
        button: word.to_owned(),
        keeps_old: None,
        reason: Some(Why { typed: form.reason, is_needed: enabled }),
        back: leading_back(&path, &form.back),
        hidden: vec![("back", form.back)],
    })
}
