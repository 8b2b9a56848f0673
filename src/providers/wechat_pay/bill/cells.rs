//! Cells of WeChat's bills as values.

use super::table::Cells;
use crate::{
    base::{clock::Timestamp, money::Fen},
    reconciliation::{BadBill, Fee, Rate},
};

/// Thousandths of a fen in a fen.
const FEN: i64 = 1000;
/// The decimals of an amount in yuan that are read: thousandths of a fen.
const DECIMALS: usize = 5;
/// The most digits before the point: any sum of a school's payments.
const DIGITS: usize = 12;
/// The longest number of a payment or refund.
const NUMBER_MAX: usize = 64;

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
        let whole = |text: &str| {
            let amount = thousandths(text)?;
            if amount % FEN == 0 { Fen::new(amount / FEN).ok() } else { None }
        };
        self.read(column, whole)
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
        let plain = |text: &str| {
            let fits = (1..=NUMBER_MAX).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_graphic());
            fits.then(|| text.to_owned())
        };
        self.read(column, plain)
    }

    /// Beijing time: `2026-01-01 10:00:00`.
    pub(super) fn time(&self, column: Column) -> Result<Timestamp, BadBill> {
        let beijing = |text: &str| {
            let (day, time) = text.split_once(' ')?;
            if day.len() != 10 || time.len() != 8 {
                return None;
            }
            Timestamp::parse_rfc3339(&format!("{day}T{time}+08:00")).ok()
        };
        self.read(column, beijing)
    }

    /// `0.60%`; `None` where it is written otherwise.
    pub(super) fn rate(&self, place: usize) -> Option<Rate> {
        // A percent is 10,000 millionths, a yuan 100,000 thousandths of a fen.
        let percent = thousandths(self.get(place).strip_suffix('%')?)?;
        u32::try_from(percent / 10).ok().map(Rate::from_millionths)
    }
}

/// A decimal number of yuan in thousandths of a fen, exactly; `None` for anything else.
fn thousandths(text: &str) -> Option<i64> {
    let (negative, size) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, part) = size.split_once('.').unwrap_or((size, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || whole.len() > DIGITS || part.len() > DECIMALS {
        return None;
    }
    let padded = format!("{whole}{part:0<DECIMALS$}");
    let value: i64 = padded.parse().ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_are_read_exactly_or_not_at_all() {
        for (text, value) in [
            ("50.00", 5_000_000),
            ("0.30000", 30_000),
            ("-0.07000", -7_000),
            ("0.00001", 1),
            ("20", 2_000_000),
            ("20.0", 2_000_000),
            ("0.29", 29_000),
            ("999999999999.99999", 99_999_999_999_999_999),
        ] {
            assert_eq!(thousandths(text), Some(value), "{text}");
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-",
            "--1",
            "+1",
            "1e3",
            "1,000.00",
            "0.000001",
            "1.0.0",
            "NaN",
            "1 ",
            "１",
            "1000000000000",
            "0x1",
        ] {
            assert_eq!(thousandths(text), None, "{text}");
        }
    }
}
