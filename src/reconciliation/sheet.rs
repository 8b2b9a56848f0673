//! Differences as a workbook: one sheet of them, one of what the day came to.

use super::{DayKey, FoundDifference, Totals, export};
use crate::base::table_file::XlsxTable;
use rust_xlsxwriter::XlsxError;
use std::path::Path;

/// A workbook that is filled row by row.
#[derive(Debug)]
pub struct Sheet(XlsxTable);

impl Sheet {
    /// A sheet that begins with its header.
    pub fn begin() -> Result<Self, XlsxError> {
        XlsxTable::begin("不一致", &export::HEADER, &[]).map(Self)
    }

    /// Adds a difference.
    pub fn add(&mut self, found: &FoundDifference) -> Result<(), XlsxError> {
        self.0.add(&export::cells(found))
    }

    /// Adds what the day came to and writes the file.
    pub fn end(self, key: &DayKey, totals: &Totals, path: &Path) -> Result<(), XlsxError> {
        self.0.end("汇总", &export::summary(key, totals))?.save(path)
    }
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
