//! A list of merchants as a file.

use super::list::{Asked, word};
use crate::{
    base::table_file::{TableShape, yuan},
    console::{
        Console,
        exports::{self, Exportable},
        frame::PageError,
        list::Place,
    },
    exports::{ExportKind, OpenedList},
    staff::{MerchantQuery, TakingMerchant, guard::ReadTerminals},
    staff_accounts::StaffMember,
};

const HEADER: &[&str] =
    &["编号", "名称", "新增日期", "今日收入（元）", "今日笔数", "终端数", "状态"];
/// The columns of [`HEADER`] that are amounts.
const AMOUNTS: &[u16] = &[3];

/// Merchants as they are exported.
pub(in crate::console) struct Merchants;

impl Exportable for Merchants {
    type Needs = ReadTerminals;
    const KIND: ExportKind = ExportKind::Merchants;

    fn open(console: &Console, member: &StaffMember, query: &str) -> Result<OpenedList, PageError> {
        let (merchants, place) =
            (exports::read::<MerchantQuery>(query)?, exports::read::<Place>(query)?);
        let asked = Asked::of(member, (&merchants, place))?;
        let said = exports::said(&asked.chips());
        let about = exports::about(member, (asked.chips(), "无"));
        let (desk, filter) = (console.terminals.clone(), asked.filter);
        let day = console.clock.now().day();
        Ok(OpenedList {
            table: TableShape {
                name: format!("merchants-{day}"),
                sheet: "商户",
                header: HEADER,
                amounts: AMOUNTS,
                about: [("日期", format!("{day}（北京时间）"))].into_iter().chain(about).collect(),
            },
            needs: Self::KIND.act(),
            subject: "merchants".to_owned(),
            asked: said,
            rows: OpenedList::pages(
                place.descending(),
                async move |page| desk.merchants(&filter, page).await,
                |one| one.listed.merchant.id.uuid(),
                |one| cells(one).into(),
            ),
        })
    }
}

fn cells(TakingMerchant { listed, terminals, charges, taken }: TakingMerchant) -> [String; 7] {
    let merchant = listed.merchant;
    [
        merchant.code,
        merchant.name,
        listed.created_at.day().to_string(),
        yuan(taken.get()),
        charges.to_string(),
        terminals.to_string(),
        word(merchant.enabled).to_owned(),
    ]
}
