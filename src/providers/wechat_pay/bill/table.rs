//! The form that WeChat's bills have in common: a header, rows whose cells begin with a backtick, a
//! second header, and one row with sums.

use crate::{
    providers::bill_file::{Encoding, Header, Lines},
    reconciliation::BadBill,
};
use std::io::Read;

/// The most rows: a day of a large merchant has a tenth of it.
const ROWS_MAX: u64 = 1_000_000;

/// The cells of a row.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) line: u64,
    line_text: String,
    ends: Vec<(usize, usize)>,
}

impl Cells {
    /// Cells are separated by a comma and a backtick: a comma alone belongs to a text.
    fn split(text: String, line: u64, header: &Header) -> Result<Self, BadBill> {
        let mut ends = Vec::with_capacity(header.len());
        let mut from = 1;
        while let Some(found) = text.get(from..).and_then(|rest| rest.find(",`")) {
            ends.push((from, from + found));
            from += found + 2;
        }
        ends.push((from, text.len()));
        if ends.len() == header.len() {
            Ok(Self { line, line_text: text, ends })
        } else {
            Err(BadBill::Cells(line))
        }
    }

    pub(super) fn get(&self, place: usize) -> &str {
        let cell = self.ends.get(place).and_then(|(from, to)| self.line_text.get(*from..*to));
        cell.unwrap_or_default().trim()
    }
}

/// The sums at the end of a bill.
pub(super) struct Sums {
    pub(super) header: Header,
    pub(super) cells: Cells,
}

/// A bill whose header was read.
pub(super) struct Table<R> {
    lines: Lines<R>,
    pub(super) header: Header,
    rows: u64,
}

/// What comes next in a bill.
pub(super) enum Next {
    Row(Cells),
    Sums(Box<Sums>),
}

impl<R: Read> Table<R> {
    pub(super) fn open(from: R) -> Result<Self, BadBill> {
        let mut lines = Lines::new(from, Encoding::Utf8);
        let first = lines.next()?.ok_or(BadBill::Truncated)?;
        if first.starts_with(['`', '<', '{']) || !first.contains(',') {
            return Err(BadBill::NotABill);
        }
        Ok(Self { lines, header: Header::parse(&first), rows: 0 })
    }

    /// The next row, or the sums, after which nothing may follow.
    pub(super) fn next(&mut self) -> Result<Next, BadBill> {
        let line = self.lines.next()?.ok_or(BadBill::Truncated)?;
        if line.starts_with('`') {
            self.rows += 1;
            if self.rows > ROWS_MAX {
                return Err(BadBill::TooLarge);
            }
            return Ok(Next::Row(Cells::split(line, self.lines.number(), &self.header)?));
        }
        let header = Header::parse(&line);
        let line = self.lines.next()?.ok_or(BadBill::Truncated)?;
        if !line.starts_with('`') {
            return Err(BadBill::Truncated);
        }
        let cells = Cells::split(line, self.lines.number(), &header)?;
        while let Some(line) = self.lines.next()? {
            if !line.trim().is_empty() {
                return Err(BadBill::Mixed(self.lines.number()));
            }
        }
        Ok(Next::Sums(Box::new(Sums { header, cells })))
    }
}
