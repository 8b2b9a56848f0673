//! Differences as a workbook: one sheet of them, one of what the day came to.

use super::{DayKey, FoundDifference, Totals, export};
use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};
use std::path::Path;

/// A workbook that is filled row by row. Every cell is text: no value becomes a formula.
pub struct Sheet {
    differences: Worksheet,
    row: u32,
}

impl std::fmt::Debug for Sheet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sheet").field("row", &self.row).finish_non_exhaustive()
    }
}

impl Sheet {
    /// A sheet that begins with its header.
    pub fn begin() -> Result<Self, XlsxError> {
        let mut differences = Worksheet::new();
        differences.set_name("不一致")?;
        write(&mut differences, 0, &export::HEADER)?;
        Ok(Self { differences, row: 0 })
    }

    /// Adds a difference.
    pub fn add(&mut self, found: &FoundDifference) -> Result<(), XlsxError> {
        self.row = self.row.saturating_add(1);
        write(&mut self.differences, self.row, &export::cells(found))
    }

    /// Adds what the day came to and writes the file.
    pub fn end(self, key: &DayKey, totals: &Totals, path: &Path) -> Result<(), XlsxError> {
        let mut sums = Worksheet::new();
        sums.set_name("汇总")?;
        for (row, (name, value)) in (0..).zip(export::summary(key, totals)) {
            write(&mut sums, row, &[name, &value])?;
        }
        let mut book = Workbook::new();
        book.push_worksheet(self.differences);
        book.push_worksheet(sums);
        book.save(path)
    }
}

fn write(sheet: &mut Worksheet, row: u32, cells: &[impl AsRef<str>]) -> Result<(), XlsxError> {
    for (column, cell) in (0..).zip(cells) {
        sheet.write_string(row, column, cell.as_ref())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{clock::Day, ids::SchoolId},
        orders::fact::Provider,
        reconciliation::{Difference, Differs, FoundState, Repair},
    };

    #[test]
    fn a_workbook_is_written() {
        let difference = Difference {
            entry: "payment",
            number: "T1".to_owned(),
            out_trade_no: "1".to_owned(),
            differs: Differs::Amount,
            ours: "=1+1".to_owned(),
            theirs: "¥2.00".to_owned(),
            stake_fen: 100,
            repair: Repair::CorrectBalance,
        };
        let (provider, merchant) = (Provider::WechatPay, "1".to_owned());
        let (school, day) = (SchoolId::from_number(1), Day::from_number(20_000));
        let key = DayKey { school, provider, merchant, day };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("day.xlsx");
        let mut sheet = Sheet::begin().unwrap();
        sheet.add(&FoundDifference { difference, state: FoundState::Open }).unwrap();
        sheet.end(&key, &Totals::default(), &path).unwrap();
        assert!(std::fs::read(&path).unwrap().starts_with(b"PK"));
    }
}
