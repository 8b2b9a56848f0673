//! Pages that ask before a terminal is switched off or on, or gets another key.

use super::{HERE, LONGEST_REASON, detail::facts, keys, path_of};
use crate::{
    base::http::{ApiError, problem::NOT_FOUND},
    console::{
        Console, audit,
        browser::{Needs, Seat, Sent},
        confirm::{ConfirmPage, Why},
        frame::{Detail, Frame, PageError, Wrong, reason_of, sent_to, shown, shown_as},
        list,
        way_back::{CameFrom, after, leading_back},
    },
    staff::{
        KeyAsk, StaffTerminalError, TerminalDetail,
        guard::{ChangeTerminals, StopTerminals},
    },
    terminals::TerminalId,
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use serde::Deserialize;

/// A second click finds the key of the first, whose answer with it is gone.
const KEY_NOT_SEEN: &str = "如果是您刚才更换的而没有看到密钥，请再更换一次密钥";

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Stop,
    Start,
    ReplaceKey,
}

/// A form of one of these pages.
#[derive(Clone, Debug, Default, Deserialize)]
pub(in crate::console) struct ActForm {
    /// The fingerprint of the key that the page was made with.
    #[serde(default)]
    known: String,
    /// `yes` where the old key is good for a day more.
    #[serde(default)]
    keep_old: String,
    #[serde(default)]
    reason: String,
    /// The list that one came from.
    #[serde(default)]
    back: String,
}

impl Act {
    /// Its name in addresses.
    const fn name(self) -> &'static str {
        match self {
            Self::Stop => "disable",
            Self::Start => "enable",
            Self::ReplaceKey => "rotate-key",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Stop => "停用",
            Self::Start => "启用",
            Self::ReplaceKey => "更换密钥",
        }
    }

    fn fits(self, detail: &TerminalDetail) -> bool {
        detail.one.terminal.enabled == (self != Self::Start)
    }

    fn sentence(self, detail: &TerminalDetail) -> String {
        let (code, taken) = (&detail.one.terminal.code, list::money(detail.one.taken));
        match self {
            Self::Stop => format!("停用 {code}？之后的收款一律拒绝，已收 {taken} 不变。"),
            Self::Start => format!("启用 {code}？给它一个新密钥，原来的密钥不再有效。"),
            Self::ReplaceKey => format!("给 {code} 换一个新密钥？新密钥只显示一次。"),
        }
    }

    async fn page<N: Needs>(
        self,
        seat: &Seat<N>,
        console: &Console,
        detail: &TerminalDetail,
        (form, wrong): (ActForm, Option<Wrong>),
    ) -> Result<ConfirmPage, PageError> {
        let terminal = &detail.one.terminal;
        let path = path_of(terminal.id);
        let title = format!("{} {}", self.word(), terminal.code);
        Ok(ConfirmPage {
            frame: Frame::of(seat, console, (HERE.0, &title)).await?,
            wrong,
            sentence: self.sentence(detail),
            facts: facts(detail, console),
            path: self.fits(detail).then(|| format!("{path}/{}", self.name())),
            notes: Vec::new(),
            button: self.word().to_owned(),
            keeps_old: (self == Self::ReplaceKey).then_some(form.keep_old == "yes"),
            reason: Some(Why { typed: form.reason, is_needed: self != Self::Stop }),
            back: detail_of(terminal.id, &form.back),
            hidden: vec![("back", form.back), ("known", terminal.key.fingerprint())],
        })
    }

    /// The page that asks, or the terminal where the act is not possible.
    async fn ask<N: Needs>(
        self,
        seat: &Seat<N>,
        console: &Console,
        (id, from): (TerminalId, &CameFrom),
    ) -> Result<HttpResponse, PageError> {
        let detail = console.terminals.find(&seat.member, id).await?;
        let back = from.given();
        if !self.fits(&detail) {
            return Ok(sent_to(&detail_of(id, &back), Some("terminal-is-so")));
        }
        let form = ActForm { keep_old: "yes".to_owned(), back, ..ActForm::default() };
        shown(&self.page(seat, console, &detail, (form, None)).await?)
    }

    /// The page again with what is wrong: of a terminal that was changed, by whom.
    async fn again<N: Needs>(
        self,
        seat: &Seat<N>,
        console: &Console,
        (id, form): (TerminalId, ActForm),
        error: ApiError,
    ) -> Result<HttpResponse, PageError> {
        if error.kind() == NOT_FOUND {
            return Err(error.into());
        }
        let detail = console.terminals.find(&seat.member, id).await?;
        let mut wrong = Wrong::of(&error);
        if wrong.status == 409 {
            let last = detail.log.first().cloned().map(audit::sentence);
            wrong.details.extend(last.map(Into::into));
            if self == Self::ReplaceKey && detail.one.terminal.enabled {
                let again = format!("{}/{}", path_of(id), self.name());
                wrong.details.push(Detail::leading(again, KEY_NOT_SEEN));
            }
        }
        let status = wrong.status;
        shown_as(status, &self.page(seat, console, &detail, (form, Some(wrong))).await?)
    }
}

/// A terminal's page, which leads back to a list.
fn detail_of(id: TerminalId, back: &str) -> String {
    leading_back(&path_of(id), back)
}

pub(in crate::console) async fn ask_stop(
    seat: Seat<StopTerminals>,
    id: Path<TerminalId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    Act::Stop.ask(&seat, &console, (id.into_inner(), &from)).await
}

pub(in crate::console) async fn ask_start(
    seat: Seat<ChangeTerminals>,
    id: Path<TerminalId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    Act::Start.ask(&seat, &console, (id.into_inner(), &from)).await
}

pub(in crate::console) async fn ask_replace_key(
    seat: Seat<ChangeTerminals>,
    id: Path<TerminalId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    Act::ReplaceKey.ask(&seat, &console, (id.into_inner(), &from)).await
}

/// Switches a terminal off. A second click finds it off, and says the same.
pub(in crate::console) async fn stop(
    sent: Sent<StopTerminals, ActForm>,
    id: Path<TerminalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let (Sent { seat, form }, id) = (sent, id.into_inner());
    let reason: String = form.reason.trim().chars().take(LONGEST_REASON).collect();
    match console.terminals.stop(&seat.member, id, &reason).await {
        Ok(()) => Ok(sent_to(&after(&form.back, &path_of(id)), Some("terminal-stopped"))),
        Err(error) => Act::Stop.again(&seat, &console, (id, form), error.into()).await,
    }
}

pub(in crate::console) async fn start(
    sent: Sent<ChangeTerminals, ActForm>,
    id: Path<TerminalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    with_key(sent, id.into_inner(), (Act::Start, &console)).await
}

pub(in crate::console) async fn replace_key(
    sent: Sent<ChangeTerminals, ActForm>,
    id: Path<TerminalId>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    with_key(sent, id.into_inner(), (Act::ReplaceKey, &console)).await
}

/// Gives a terminal a key and shows it.
async fn with_key(
    Sent { seat, form }: Sent<ChangeTerminals, ActForm>,
    id: TerminalId,
    (act, console): (Act, &Console),
) -> Result<HttpResponse, PageError> {
    let Ok(reason) = reason_of(&form.reason, LONGEST_REASON) else {
        let wrong = StaffTerminalError::Invalid("/reason");
        return act.again(&seat, console, (id, form), wrong.into()).await;
    };
    let ask = KeyAsk {
        terminal: id,
        known: form.known.clone(),
        keeps_old: form.keep_old == "yes",
        reason,
    };
    let issuing = match act {
        Act::Start => console.terminals.start(&seat.member, &ask).await,
        Act::Stop | Act::ReplaceKey => console.terminals.replace_key(&seat.member, &ask).await,
    };
    match issuing {
        Ok(issued) => {
            let back = CameFrom::of(form.back).given();
            keys::page(&seat, console, (issued, &back)).await
        }
        Err(error) => act.again(&seat, console, (id, form), error.into()).await,
    }
}
