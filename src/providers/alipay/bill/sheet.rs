//! The form that both files of a bill have in common: comments that begin with `#`, a header, rows, and
//! comments again. The comments before the header tell whose bill it is, and of which day.

use crate::{
    base::clock::Timestamp,
    providers::bill_file::{
        Encoding, Header, Lines, Wanted,
        values::{self, thousandths, whole_fen},
    },
    reconciliation::BadBill,
};
use std::io::Read;

/// The most rows: a day of a large merchant has a tenth of it.
const ROWS_MAX: u64 = 1_000_000;
/// How the comment begins that ends the rows.
const END: &str = "列表结束";

/// A column, by its place and name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    place: usize,
    name: &'static str,
}

/// The cells of a row, without the tabs and spaces that fill them up.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) line: u64,
    cells: Vec<String>,
}

impl Cells {
    fn split(text: &str, line: u64, header: &Header) -> Result<Self, BadBill> {
        let cells = |separator: &str| -> Vec<String> {
            text.split(separator).map(|cell| cell.trim().to_owned()).collect()
        };
        // A comma alone may belong to a text; between cells it follows what fills them up.
        for separator in [",", "\t,"] {
            let cells = cells(separator);
            if cells.len() == header.len() {
                return Ok(Self { line, cells });
            }
        }
        Err(BadBill::Cells(line))
    }

    pub(super) fn get(&self, column: Column) -> &str {
        self.cells.get(column.place).map_or("", String::as_str)
    }

    pub(super) fn unreadable(&self, column: Column) -> BadBill {
        BadBill::Cell { line: self.line, column: column.name }
    }

    fn read<T>(&self, column: Column, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, BadBill> {
        parse(self.get(column)).ok_or_else(|| self.unreadable(column))
    }

    /// An amount in yuan, which must be whole fen; it may be below zero.
    pub(super) fn fen(&self, column: Column) -> Result<i64, BadBill> {
        self.read(column, whole_fen)
    }

    /// An amount in yuan, in thousandths of a fen.
    pub(super) fn thousandths(&self, column: Column) -> Result<i64, BadBill> {
        self.read(column, thousandths)
    }

    /// A count.
    pub(super) fn count(&self, column: Column) -> Result<u64, BadBill> {
        self.read(column, |text| text.parse().ok())
    }

    /// A number of a trade or refund.
    pub(super) fn number(&self, column: Column) -> Result<String, BadBill> {
        self.read(column, values::number)
    }

    /// Beijing time.
    pub(super) fn time(&self, column: Column) -> Result<Timestamp, BadBill> {
        self.read(column, values::beijing)
    }
}

/// What comes next in a file.
pub(super) enum Next {
    Row(Cells),
    /// A comment after the rows.
    Comment,
    End,
}

/// A file whose header was read.
pub(super) struct Sheet<R> {
    lines: Lines<R>,
    header: Header,
    rows: u64,
    has_ended: bool,
}

impl<R: Read> Sheet<R> {
    /// Reads up to the header. The comments before it must name the merchant and the day.
    pub(super) fn open(from: R, wanted: &Wanted) -> Result<Self, BadBill> {
        let mut lines = Lines::new(from, Encoding::Gbk);
        let (mut of_merchant, mut of_day) = (false, false);
        loop {
            let line = lines.next()?.ok_or(BadBill::Truncated)?;
            if let Some(comment) = line.strip_prefix('#') {
                if comment.starts_with("账号") {
                    check_merchant(comment, wanted, lines.number())?;
                    of_merchant = true;
                } else if comment.starts_with("起始日期") {
                    check_day(comment, wanted, lines.number())?;
                    of_day = true;
                }
            } else if of_merchant && of_day && line.contains(',') {
                let header = Header::parse(&line);
                return Ok(Self { lines, header, rows: 0, has_ended: false });
            } else {
                return Err(BadBill::NotABill);
            }
        }
    }

    /// A column that must be there.
    pub(super) fn column(&self, name: &'static str) -> Result<Column, BadBill> {
        Ok(Column { place: self.header.place(&[name])?, name })
    }

    pub(super) fn next(&mut self) -> Result<Next, BadBill> {
        loop {
            let Some(line) = self.lines.next()? else {
                return if self.has_ended { Ok(Next::End) } else { Err(BadBill::Truncated) };
            };
            if let Some(comment) = line.strip_prefix('#') {
                self.has_ended |= comment.contains(END);
                return Ok(Next::Comment);
            }
            if line.trim().is_empty() {
                continue;
            }
            if self.has_ended {
                return Err(BadBill::Mixed(self.lines.number()));
            }
            self.rows += 1;
            if self.rows > ROWS_MAX {
                return Err(BadBill::TooLarge);
            }
            return Cells::split(&line, self.lines.number(), &self.header).map(Next::Row);
        }
    }
}

/// `账号：[20881234567890120156]`: the seller's id, and a suffix.
fn check_merchant(comment: &str, wanted: &Wanted, line: u64) -> Result<(), BadBill> {
    let account = bracketed(comment).unwrap_or_default();
    let suffix = account.strip_prefix(wanted.merchant.as_str());
    match suffix {
        Some(suffix) if suffix.is_empty() || suffix == "0156" => Ok(()),
        Some(_) | None => Err(BadBill::Merchant(line)),
    }
}

/// `起始日期：[2026年01月05日 00:00:00]   终止日期：[…]`
fn check_day(comment: &str, wanted: &Wanted, line: u64) -> Result<(), BadBill> {
    let from = bracketed(comment).unwrap_or_default();
    let day = from.split(' ').next().unwrap_or_default();
    let dashed = day.replace(['年', '月'], "-").replace('日', "");
    if dashed == wanted.day.to_string() { Ok(()) } else { Err(BadBill::Day(line)) }
}

fn bracketed(comment: &str) -> Option<&str> {
    Some(comment.split_once('[')?.1.split_once(']')?.0)
}
