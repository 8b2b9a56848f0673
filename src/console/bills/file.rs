//! A list of days of bills as a file.

use super::list::{Asked, of_bill, sums};
use crate::{
    base::table_file::{TableShape, yuan},
    console::{
        Console,
        exports::{self, Exportable},
        frame::PageError,
        list::Place,
        words,
    },
    exports::{ExportKind, OpenedList},
    reconciliation::{BillDay, listing::BillDayQuery},
    staff::guard::ReadBills,
    staff_accounts::StaffMember,
};

const HEADER: &[&str] = &[
    "日期",
    "渠道",
    "商户号",
    "状态",
    "我们（元）",
    "对方（元）",
    "差额（元）",
    "手续费（元）",
    "未处理的差异",
    "核对时间",
    "说明",
];
/// The columns of [`HEADER`] that are amounts.
const AMOUNTS: &[u16] = &[4, 5, 6, 7];

/// Days of bills as they are exported.
pub(in crate::console) struct Days;

impl Exportable for Days {
    type Needs = ReadBills;
    const KIND: ExportKind = ExportKind::BillDays;

    fn open(console: &Console, member: &StaffMember, query: &str) -> Result<OpenedList, PageError> {
        let (days, place) = (exports::read::<BillDayQuery>(query)?, exports::read::<Place>(query)?);
        let asked = Asked::of(member, (days, place))?;
        let said = exports::said(&asked.chips());
        let about = exports::about(member, (asked.chips(), "无"));
        let (desk, member, query) = (console.bills.clone(), member.clone(), asked.query);
        Ok(OpenedList {
            table: TableShape {
                name: format!("bill-days-{}", console.clock.now().day()),
                sheet: "对账",
                header: HEADER,
                amounts: AMOUNTS,
                about: about.into(),
            },
            needs: Self::KIND.act(),
            subject: "bill days".to_owned(),
            asked: said,
            rows: OpenedList::pages(
                place.descending(),
                async move |page| desk.days(&member, &query, page).await,
                |day| day.id,
                |day| cells(&day).into(),
            ),
        })
    }
}

fn cells(day: &BillDay) -> [String; 11] {
    let [ours, theirs] = sums(day);
    [
        day.key.day.to_string(),
        words::provider(day.key.provider).to_owned(),
        day.key.merchant.clone(),
        super::state(day),
        yuan(ours),
        of_bill(day, || yuan(theirs)),
        of_bill(day, || yuan(theirs - ours)),
        of_bill(day, || yuan(day.totals.fee_fen)),
        of_bill(day, || day.totals.open_differences.to_string()),
        of_bill(day, || words::when(day.compared_at)),
        super::apart(day).join("；"),
    ]
}
