//! A terminal is added, with a key that is made for it.

use super::{HERE, LONGEST_REASON, keys, path_of};
use crate::{
    base::http::ApiError,
    console::{
        Console,
        browser::{Seat, Sent},
        frame::{Detail, Frame, PageError, Wrong, reason_of, shown, shown_as},
        list::{self, Choice},
        words,
    },
    staff::{StaffTerminalError, TerminalAsk, guard::ChangeTerminals},
    terminals::{TerminalId, TerminalKind},
};
use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;
use serde::Deserialize;

/// A second click finds the code taken by the first, whose answer with the key is gone.
const KEY_NOT_SEEN: &str = "这个编号已有；如果是刚才添加的而没有看到密钥，请到该终端更换密钥";

/// A terminal as it is typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct AddForm {
    code: String,
    kind: String,
    merchant: String,
    door_group: String,
    reason: String,
}

/// For which merchant one begins.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct OfMerchant {
    merchant: Option<String>,
}

#[derive(Template)]
#[template(path = "console/terminal_add.html")]
struct AddPage {
    frame: Frame,
    wrong: Option<Wrong>,
    kinds: Vec<Choice>,
    form: AddForm,
}

pub(in crate::console) async fn ask_add(
    seat: Seat<ChangeTerminals>,
    of: Query<OfMerchant>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let merchant = of.into_inner().merchant.unwrap_or_default();
    let form = AddForm { merchant, ..AddForm::default() };
    shown(&page(&seat, &console, (form, None)).await?)
}

pub(in crate::console) async fn add(
    sent: Sent<ChangeTerminals, AddForm>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let Sent { seat, form } = sent;
    let adding = match form.ask() {
        Ok(ask) => console.terminals.add(&seat.member, &ask).await,
        Err(wrong) => Err(wrong),
    };
    match adding {
        Ok(issued) => keys::page(&seat, &console, (issued, "")).await,
        Err(error) => {
            let there = error.taken_by().map(TerminalId::from_uuid);
            let mut wrong = Wrong::of(&ApiError::from(error));
            let lead = |id| Detail::leading(path_of(id), KEY_NOT_SEEN);
            wrong.details.extend(there.map(lead));
            shown_as(wrong.status, &page(&seat, &console, (form, Some(wrong))).await?)
        }
    }
}

async fn page(
    seat: &Seat<ChangeTerminals>,
    console: &Console,
    (form, wrong): (AddForm, Option<Wrong>),
) -> Result<AddPage, PageError> {
    let kind = TerminalKind::from_code(&form.kind);
    Ok(AddPage {
        frame: Frame::of(seat, console, (HERE.0, "新增终端")).await?,
        wrong,
        kinds: list::choices(TerminalKind::ALL, kind, TerminalKind::code, words::terminal_kind),
        form,
    })
}

impl AddForm {
    fn ask(&self) -> Result<TerminalAsk, StaffTerminalError> {
        let Self { code, kind, merchant, door_group, reason } = self.clone();
        let reason = reason_of(&reason, LONGEST_REASON)
            .map_err(|_| StaffTerminalError::Invalid("/reason"))?;
        Ok(TerminalAsk { code, kind, merchant, door_group, reason })
    }
}
