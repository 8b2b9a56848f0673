//! Differences as a table for spreadsheets: CSV (RFC 4180) in UTF-8.

use super::{DayKey, Difference, FoundDifference, Totals};
use csv::{Terminator, Writer, WriterBuilder};
use std::{borrow::Cow, io::Write};

/// Tells spreadsheets that the file is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// How cells begin that spreadsheets take for formulas.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
/// The columns of the differences.
pub const HEADER: [&str; 8] =
    ["类型", "支付机构单号", "商户订单号", "不一致项", "本系统", "账单", "建议", "状态"];

/// Writes differences, and the sums at the end.
pub struct Table<W: Write>(Writer<W>);

impl<W: Write> std::fmt::Debug for Table<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

impl<W: Write> Table<W> {
    /// A table that begins with its header.
    pub fn begin(mut to: W) -> Result<Self, csv::Error> {
        to.write_all(BYTE_ORDER_MARK.as_bytes())?;
        let mut builder = WriterBuilder::new();
        let mut table = builder.terminator(Terminator::CRLF).flexible(true).from_writer(to);
        table.write_record(HEADER)?;
        Ok(Self(table))
    }

    /// Adds a difference.
    pub fn add(&mut self, found: &FoundDifference) -> Result<(), csv::Error> {
        self.0.write_record(cells(found).iter().map(|cell| safe(cell).into_owned()))
    }

    /// Adds what the day came to.
    pub fn end(mut self, key: &DayKey, totals: &Totals) -> Result<(), csv::Error> {
        self.0.write_record([""])?;
        for (name, value) in summary(key, totals) {
            self.0.write_record([name, safe(&value).as_ref()])?;
        }
        Ok(self.0.flush()?)
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

/// `12.50`
pub fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let size = fen.unsigned_abs();
    format!("{sign}{}.{:02}", size / 100, size % 100)
}

/// A cell that no spreadsheet takes for a formula. Amounts below zero stay numbers.
fn safe(cell: &str) -> Cow<'_, str> {
    let is_number = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match cell.strip_prefix('-') {
        Some(rest) if is_number(rest) => cell.into(),
        Some(_) | None if cell.starts_with(FORMULA) => format!("'{cell}").into(),
        Some(_) | None => cell.into(),
    }
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

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, shown) in [
            ("=1+1", "'=1+1"),
            ("-1.50", "-1.50"),
            ("-1+1", "'-1+1"),
            ("+86", "'+86"),
            ("42", "42"),
            ("", ""),
        ] {
            assert_eq!(safe(cell), shown);
        }
        assert_eq!([yuan(1250), yuan(-5), yuan(0)], ["12.50", "-0.05", "0.00"]);
    }
}
