//! A list of terminals as a file.

use super::{Asked, seen, words};
use crate::{
    base::{
        clock::Timestamp,
        table_file::{TableShape, yuan},
    },
    console::{
        Console,
        exports::{self, Exportable},
        frame::PageError,
        list::Place,
    },
    exports::{ExportKind, OpenedList},
    staff::{TakingTerminal, TerminalQuery, guard::ReadTerminals},
    staff_accounts::StaffMember,
};

const HEADER: &[&str] = &[
    "编号",
    "商户编号",
    "商户",
    "种类",
    "最近联系",
    "密钥日期",
    "今日收入（元）",
    "今日笔数",
    "状态",
];
/// The columns of [`HEADER`] that are amounts.
const AMOUNTS: &[u16] = &[6];

/// Terminals as they are exported.
pub(in crate::console) struct Terminals;

impl Exportable for Terminals {
    type Needs = ReadTerminals;
    const KIND: ExportKind = ExportKind::Terminals;

    fn open(console: &Console, member: &StaffMember, query: &str) -> Result<OpenedList, PageError> {
        let query: TerminalQuery = exports::read(query)?;
        let asked = Asked::of(member, console, (&query, Place::default()))?;
        let said = exports::said(&asked.chips());
        let about = exports::about(member, (asked.chips(), "无"));
        let (desk, filter) = (console.terminals.clone(), asked.filter);
        let now = filter.now;
        let day = [("日期", format!("{}（北京时间）", now.day()))];
        Ok(OpenedList {
            table: TableShape {
                name: format!("terminals-{}", now.day()),
                sheet: "终端",
                header: HEADER,
                amounts: AMOUNTS,
                about: day.into_iter().chain(about).collect(),
            },
            needs: Self::KIND.act(),
            subject: "terminals".to_owned(),
            asked: said,
            rows: OpenedList::pages(
                true,
                async move |page| desk.page(&filter, page).await,
                |one| one.terminal.place(),
                move |one| cells(&one, now).into(),
            ),
        })
    }
}

fn cells(one: &TakingTerminal, now: Timestamp) -> [String; 9] {
    let TakingTerminal { terminal, charges, taken } = one;
    let merchant = terminal.merchant.as_ref();
    [
        terminal.code.clone(),
        merchant.map(|merchant| merchant.code.clone()).unwrap_or_default(),
        merchant.map(|merchant| merchant.name.clone()).unwrap_or_default(),
        words::terminal_kind(terminal.kind).to_owned(),
        seen(terminal.seen_at),
        terminal.key_set_at.day().to_string(),
        yuan(taken.get()),
        charges.to_string(),
        words::terminal_state(terminal.state(now)).to_owned(),
    ]
}
