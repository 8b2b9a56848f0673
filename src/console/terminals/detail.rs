//! A terminal: its state, its key, what it took, what was done to it.

use super::{HERE, kind_of, path_of, seen};
use crate::{
    cards::charges::Charge,
    console::{
        Console, audit,
        browser::Seat,
        frame::{Frame, PageError, shown},
        list,
        way_back::{CameFrom, leading_back},
        words,
    },
    staff::{TerminalDetail, guard::ReadTerminals},
    staff_accounts::StaffAct,
    terminals::{TerminalId, listing::ListedTerminal},
};
use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;

/// A charge as the page shows it.
struct ChargeRow {
    at: String,
    seq: i64,
    amount: String,
    is_reversed: bool,
}

#[derive(Template)]
#[template(path = "console/terminal.html")]
struct DetailPage {
    frame: Frame,
    code: String,
    state: &'static str,
    state_kind: &'static str,
    facts: Vec<(&'static str, String)>,
    /// What can be done, with the word on the link.
    acts: Vec<(String, &'static str)>,
    /// Of a terminal that is off: how much it took since it was last heard of.
    since: Option<String>,
    charges: Vec<ChargeRow>,
    history: Vec<String>,
    back: String,
}

pub(in crate::console) async fn show(
    seat: Seat<ReadTerminals>,
    id: Path<TerminalId>,
    from: Query<CameFrom>,
    console: Data<Console>,
) -> Result<HttpResponse, PageError> {
    let detail = console.terminals.find(&seat.member, id.into_inner()).await?;
    let (one, now) = (&detail.one, console.clock.now());
    let terminal = &one.terminal;
    let state = terminal.state(now);
    let back = from.or(HERE.0);
    shown(&DetailPage {
        frame: Frame::of(&seat, &console, HERE).await?,
        code: terminal.code.clone(),
        state: words::terminal_state(state),
        state_kind: kind_of(state),
        facts: facts(&detail, &console),
        acts: acts(&seat, terminal, &from.given()),
        since: (!terminal.enabled).then(|| since(&detail)),
        charges: detail.last.iter().map(charge_row).collect(),
        history: detail.log.into_iter().map(audit::sentence).collect(),
        back,
    })
}

/// What is known of a terminal, for its page and for the pages that ask before something is done.
pub(super) fn facts(detail: &TerminalDetail, console: &Console) -> Vec<(&'static str, String)> {
    let now = console.clock.now();
    let terminal = &detail.one.terminal;
    let merchant = terminal.merchant.as_ref().map(|merchant| {
        let off = if merchant.enabled { "" } else { "，已停用" };
        format!("{}（{}{off}）", merchant.name, merchant.code)
    });
    let old = terminal.old_key_until.filter(|until| *until > now);
    let fingerprint = terminal.key.fingerprint();
    let taken = list::money(detail.one.taken);
    let facts = [
        ("种类", Some(words::terminal_kind(terminal.kind).to_owned())),
        ("商户", merchant),
        ("门组", terminal.door_group.clone()),
        ("今日收入", Some(format!("{taken}，{} 笔", detail.one.charges))),
        ("最近联系", Some(seen(terminal.seen_at))),
        ("密钥日期", Some(words::when(terminal.key_set_at))),
        ("旧密钥", old.map(|until| format!("用到 {}", words::when(until)))),
        ("密钥指纹", Some(fingerprint.get(..16).unwrap_or_default().to_owned())),
    ];
    facts.into_iter().filter_map(|(word, fact)| Some((word, fact?))).collect()
}

fn acts(
    seat: &Seat<ReadTerminals>,
    terminal: &ListedTerminal,
    back: &str,
) -> Vec<(String, &'static str)> {
    let has = |act| seat.member.roles.has(act);
    let path = |act: &str| leading_back(&format!("{}/{act}", path_of(terminal.id)), back);
    let (stops, changes) = (has(StaffAct::StopTerminals), has(StaffAct::ChangeTerminals));
    let acts = [
        (terminal.enabled && stops, "disable", "停用"),
        (terminal.enabled && changes, "rotate-key", "更换密钥"),
        (!terminal.enabled && changes, "enable", "启用"),
    ];
    acts.into_iter().filter(|(may, ..)| *may).map(|(_, act, word)| (path(act), word)).collect()
}

fn since(detail: &TerminalDetail) -> String {
    let since = || detail.since_contact().filter(|charge| charge.reversed_at.is_none());
    let sum = since().fold(crate::base::money::Fen::ZERO, |sum, charge| {
        sum.plus(charge.drawn.amount).unwrap_or(sum)
    });
    match since().count() {
        0 => "最近联系之后没有收款。".to_owned(),
        some => format!("最近联系之后收款 {some} 笔，{}。", list::money(sum)),
    }
}

fn charge_row(charge: &Charge) -> ChargeRow {
    ChargeRow {
        at: words::when(charge.at),
        seq: charge.act.1,
        amount: list::money(charge.drawn.amount),
        is_reversed: charge.reversed_at.is_some(),
    }
}
