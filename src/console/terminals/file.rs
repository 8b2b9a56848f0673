//! A list of terminals as a file.

use super::{Asked, seen, words};
use crate::{
    base::{clock::Timestamp, table_file::yuan},
    console::{browser::Seat, file::ListFile},
    staff::{TakingTerminal, guard::ReadTerminals},
};

const HEADER: [&str; 9] = [
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

/// The file of these terminals.
pub(super) fn of(
    asked: &Asked,
    seat: &Seat<ReadTerminals>,
    found: &[TakingTerminal],
) -> ListFile<9> {
    let chips: Vec<String> = asked.chips().into_iter().map(|chip| chip.text).collect();
    let now = asked.filter.now;
    ListFile {
        name: format!("terminals-{}", now.day()),
        sheet: "终端",
        header: HEADER,
        amounts: AMOUNTS,
        rows: found.iter().map(|one| cells(one, now)).collect(),
        about: vec![
            ("日期", format!("{}（北京时间）", now.day())),
            ("筛选", if chips.is_empty() { "无".to_owned() } else { chips.join("，") }),
            ("导出人", format!("{}（{}）", seat.member.login, seat.member.staff_no)),
        ],
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
