//! Differences as tables for spreadsheets.

use super::{DayKey, Difference, FoundDifference, Totals};
use crate::base::table_file::{CsvTable, yuan};
use std::io::Write;

/// The columns of the differences.
pub const HEADER: [&str; 8] =
    ["类型", "支付机构单号", "商户订单号", "不一致项", "本系统", "账单", "建议", "状态"];

/// Writes differences, and the sums at the end.
#[derive(Debug)]
pub struct Table<W: Write>(CsvTable<W>);

impl<W: Write> Table<W> {
    /// A table that begins with its header.
    pub fn begin(to: W) -> Result<Self, csv::Error> {
        CsvTable::begin(to, &HEADER).map(Self)
    }

    /// Adds a difference.
    pub fn add(&mut self, found: &FoundDifference) -> Result<(), csv::Error> {
        self.0.add(&cells(found))
    }

    /// Adds what the day came to.
    pub fn end(mut self, key: &DayKey, totals: &Totals) -> Result<(), csv::Error> {
        self.0.add(&[""])?;
        for (name, value) in summary(key, totals) {
            self.0.add(&[name, &value])?;
        }
        Ok(self.0.end()?.flush()?)
    }
}

/// A difference as cells.
pub fn cells(FoundDifference { difference, state }: &FoundDifference) -> [String; 8] {
    let Difference { entry, number, out_trade_no, differs, ours, theirs, repair, .. } = difference;
    [
        (*entry).to_owned(),
        number.clone(),
        out_trade_no.clone(),
        differs.code().to_owned(),
        ours.clone(),
        theirs.clone(),
        repair.code().to_owned(),
        state.code().to_owned(),
    ]
}

/// What a day came to, as names and values.
pub fn summary(key: &DayKey, totals: &Totals) -> Vec<(&'static str, String)> {
    vec![
        ("支付机构", key.provider.code().to_owned()),
        ("商户号", key.merchant.clone()),
        ("账单日", key.day.to_string()),
        ("状态", totals.state().code().to_owned()),
        ("账单行数", totals.bill_rows.to_string()),
        ("其中本校", totals.our_rows.to_string()),
        ("本系统笔数", totals.paid_count.to_string()),
        ("本系统金额（元）", yuan(totals.paid_fen)),
        ("本系统退款笔数", totals.back_count.to_string()),
        ("本系统退款金额（元）", yuan(totals.back_fen)),
        ("账单金额（元）", yuan(totals.billed_fen)),
        ("账单退款金额（元）", yuan(totals.refunded_fen)),
        ("手续费（元）", yuan(totals.fee_fen)),
        ("代金券（元）", yuan(totals.coupon_fen)),
        ("未处理的不一致", totals.open_differences.to_string()),
        ("账单文件校验值", totals.file_hash.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{clock::Day, ids::SchoolId},
        orders::fact::Provider,
    };

    #[test]
    fn the_summary_names_both_sides() {
        let (provider, merchant) = (Provider::Alipay, "1".to_owned());
        let (school, day) = (SchoolId::from_number(1), Day::from_number(20_000));
        let key = DayKey { school, provider, merchant, day };
        let totals =
            Totals { back_count: 2, back_fen: 1250, refunded_fen: 300, ..Totals::default() };
        let all = summary(&key, &totals);
        for (name, value) in [
            ("本系统退款笔数", "2"),
            ("本系统退款金额（元）", "12.50"),
            ("账单退款金额（元）", "3.00"),
            // WeChat signs one; of Alipay's archive it is our own.
            ("账单文件校验值", ""),
        ] {
            assert!(all.contains(&(name, value.to_owned())), "{name}");
        }
    }
}
