//! Cells of WeChat's bills as values.

use super::table::Cells;
use crate::{
    base::{clock::Timestamp, money::Fen},
    providers::bill_file::values::{FEN, beijing, number, thousandths, whole_fen},
    reconciliation::{BadBill, Fee, Rate},
};

/// A column, by its place and name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) place: usize,
    pub(super) name: &'static str,
}

impl Cells {
    fn read<T>(&self, column: Column, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, BadBill> {
        let unreadable = BadBill::Cell { line: self.line, column: column.name };
        parse(self.get(column.place)).ok_or(unreadable)
    }

    /// An amount in yuan, in thousandths of a fen.
    pub(super) fn thousandths(&self, column: Column) -> Result<i64, BadBill> {
        self.read(column, thousandths)
    }

    /// An amount in yuan, which must be whole fen.
    pub(super) fn fen(&self, column: Column) -> Result<Fen, BadBill> {
        self.read(column, |text| Fen::new(whole_fen(text)?).ok())
    }

    pub(super) fn fee(&self, column: Column) -> Result<Fee, BadBill> {
        self.thousandths(column).map(Fee::from_thousandths)
    }

    /// A count, which may be written as `20.0`.
    pub(super) fn count(&self, column: Column) -> Result<u64, BadBill> {
        let whole = |text: &str| {
            let value = thousandths(text)?;
            let one = 100 * FEN;
            if value % one == 0 { u64::try_from(value / one).ok() } else { None }
        };
        self.read(column, whole)
    }

    /// The number of a payment or refund: letters, digits and marks.
    pub(super) fn number(&self, column: Column) -> Result<String, BadBill> {
        self.read(column, number)
    }

    /// Beijing time: `2026-01-01 10:00:00`.
    pub(super) fn time(&self, column: Column) -> Result<Timestamp, BadBill> {
        self.read(column, beijing)
    }

    /// `0.60%`; `None` where it is written otherwise.
    pub(super) fn rate(&self, place: usize) -> Option<Rate> {
        // A percent is 10,000 millionths, a yuan 100,000 thousandths of a fen.
        let percent = thousandths(self.get(place).strip_suffix('%')?)?;
        u32::try_from(percent / 10).ok().map(Rate::from_millionths)
    }
}
