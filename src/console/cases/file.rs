//! A list of cases as a file.

use super::{Asked, common, state_of, words};
use crate::{
    base::{
        clock::Timestamp,
        table_file::{TableShape, yuan},
    },
    cases::CaseKind,
    console::{
        Console,
        exports::{self, Exportable},
        frame::PageError,
        list::Place,
    },
    exports::{ExportKind, OpenedList},
    staff::{CaseQuery, ListedCase, guard::ReadCases},
    staff_accounts::{StaffAct, StaffMember},
};

const HEADER: &[&str] = &[
    "编号",
    "种类",
    "金额（元）",
    "状态",
    "时间",
    "接手人",
    "接手时间",
    "结束时间",
    "办结人",
    "说明",
];
/// The columns of [`HEADER`] that are amounts.
const AMOUNTS: &[u16] = &[2];

/// Cases as they are exported.
pub(in crate::console) struct Cases;

impl Exportable for Cases {
    type Needs = ReadCases;
    const KIND: ExportKind = ExportKind::Cases;

    fn open(console: &Console, member: &StaffMember, query: &str) -> Result<OpenedList, PageError> {
        let asked = Asked::of(member, (&exports::read::<CaseQuery>(query)?, Place::default()))?;
        let filter = &asked.wanted.filter;
        let said = [
            Some(format!(", state {}", asked.state())),
            filter.kind.map(|kind| format!(", kind {}", CaseKind::code(kind))),
            filter.held_by.as_ref().map(|_| ", own".to_owned()),
        ];
        let said = said.into_iter().flatten().collect();
        let about = exports::about(member, (asked.chips(), "未结"));
        let money = member.roles.has(StaffAct::ReadMoneyCases);
        let (desk, wanted) = (console.cases.clone(), asked.wanted);
        Ok(OpenedList {
            table: TableShape {
                name: "cases".to_owned(),
                sheet: "异常",
                header: HEADER,
                amounts: AMOUNTS,
                about: about.into(),
            },
            needs: if money { StaffAct::ReadMoneyCases } else { StaffAct::ReadCases },
            subject: "cases".to_owned(),
            asked: said,
            // As on the page, the oldest first.
            rows: OpenedList::pages(
                false,
                async move |page| desk.page(&wanted, page).await,
                |one| one.case.id.uuid(),
                |one| cells(&one).into(),
            ),
        })
    }
}

fn cells(ListedCase { case, in_review }: &ListedCase) -> [String; 10] {
    let at = |at: Option<Timestamp>| at.map(common::when).unwrap_or_default();
    let (holder, end) = (case.holder.as_ref(), case.end.as_ref());
    let amount = case.facts.amount;
    let ended_by = end.map(|end| end.by.as_ref().map_or("系统", |by| &by.login));
    [
        case.id.uuid().simple().to_string(),
        words::title(case.kind).to_owned(),
        if amount.is_zero() { String::new() } else { yuan(amount.get()) },
        words::state(state_of(case, *in_review)).to_owned(),
        common::when(case.opened_at),
        holder.map(|holder| holder.by.login.clone()).unwrap_or_default(),
        at(holder.map(|holder| holder.since)),
        at(end.map(|end| end.at)),
        ended_by.unwrap_or_default().to_owned(),
        end.map(|end| end.text.clone()).unwrap_or_default(),
    ]
}
