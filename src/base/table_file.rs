//! Tables as files for spreadsheets: CSV (RFC 4180) in UTF-8, and XLSX. No text in them becomes a formula.

use csv::{Terminator, Writer, WriterBuilder};
use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};
use std::{borrow::Cow, fmt, io::Write};
use tokio::task::JoinError;

/// Tells spreadsheets that the file is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// How cells begin that spreadsheets take for formulas.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The formats of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TableFormat {
    /// RFC 4180, UTF-8 with a byte order mark.
    #[default]
    Csv,
    /// Office Open XML.
    Xlsx,
}

/// What a table is, but for its rows.
#[derive(Clone, Debug)]
pub struct TableShape {
    /// What its file is called, without the format.
    pub name: String,
    /// What the first sheet is called.
    pub sheet: &'static str,
    /// The columns.
    pub header: &'static [&'static str],
    /// Those that are amounts.
    pub amounts: &'static [u16],
    /// What the second sheet says: which rows these are, who took them.
    pub about: Vec<(&'static str, String)>,
}

/// Why a table is not written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// As CSV.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// As a workbook.
    #[error(transparent)]
    Xlsx(#[from] XlsxError),
    /// While it was packed.
    #[error(transparent)]
    Packing(#[from] JoinError),
}

impl TableFormat {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Csv, Self::Xlsx];

    /// The name in storage, and what a file's name ends with.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    /// As stored.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.code() == code)
    }

    /// The media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

impl TableShape {
    /// The name of the file in this format.
    pub fn file_name(&self, format: TableFormat) -> String {
        format!("{}.{}", self.name, format.code())
    }

    /// The file with these rows, which are all; made beside the thread that others wait for.
    pub async fn file(
        self,
        rows: Vec<Vec<String>>,
        format: TableFormat,
    ) -> Result<Vec<u8>, TableError> {
        let making = tokio::task::spawn_blocking(move || {
            let mut table = TableWriter::begin(self, format)?;
            let mut file = table.add(&rows)?;
            file.extend(table.packed()?);
            Ok(file)
        });
        making.await?
    }
}

/// A table that is written some rows at a time, in whatever format.
#[derive(Debug)]
pub struct TableWriter {
    shape: TableShape,
    is_begun: bool,
    /// The workbook; CSV is handed on as it is written.
    book: Option<XlsxTable>,
}

impl TableWriter {
    /// A table without rows.
    pub fn begin(shape: TableShape, format: TableFormat) -> Result<Self, TableError> {
        let book = match format {
            TableFormat::Csv => None,
            TableFormat::Xlsx => Some(XlsxTable::begin(shape.sheet, shape.header, shape.amounts)?),
        };
        Ok(Self { shape, is_begun: false, book })
    }

    /// Adds rows; returns what of the file is written since the last call.
    pub fn add(&mut self, rows: &[Vec<String>]) -> Result<Vec<u8>, TableError> {
        if let Some(book) = &mut self.book {
            for row in rows {
                book.add(row)?;
            }
            return Ok(Vec::new());
        }
        let mut table = if std::mem::replace(&mut self.is_begun, true) {
            CsvTable::go_on(Vec::new())
        } else {
            CsvTable::begin(Vec::new(), self.shape.header)?
        };
        for row in rows {
            table.add(row)?;
        }
        Ok(table.end()?)
    }

    /// The rest of the file. Packing a long workbook takes seconds, in which the thread of jobs and of the
    /// lanes of charges would stand still.
    pub async fn end(self) -> Result<Vec<u8>, TableError> {
        tokio::task::spawn_blocking(move || self.packed()).await?
    }

    fn packed(self) -> Result<Vec<u8>, TableError> {
        match self.book {
            None => Ok(Vec::new()),
            Some(book) => Ok(book.end("筛选", &self.shape.about)?.save_to_buffer()?),
        }
    }
}

/// `12.50`, as spreadsheets read amounts.
pub fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let size = fen.unsigned_abs();
    format!("{sign}{}.{:02}", size / 100, size % 100)
}

/// A cell that no spreadsheet takes for a formula. Amounts below zero stay numbers.
fn inert(cell: &str) -> Cow<'_, str> {
    let is_number = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match cell.strip_prefix('-') {
        Some(rest) if is_number(rest) => cell.into(),
        Some(_) | None if cell.starts_with(FORMULA) => format!("'{cell}").into(),
        Some(_) | None => cell.into(),
    }
}

/// A table as CSV, row by row.
pub struct CsvTable<W: Write>(Writer<W>);

impl<W: Write> fmt::Debug for CsvTable<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvTable").finish_non_exhaustive()
    }
}

impl<W: Write> CsvTable<W> {
    /// A table that begins with its header.
    pub fn begin(mut to: W, header: &[&str]) -> Result<Self, csv::Error> {
        to.write_all(BYTE_ORDER_MARK.as_bytes())?;
        let mut table = Self::go_on(to);
        table.add(header)?;
        Ok(table)
    }

    /// The rest of a table that was begun before.
    pub fn go_on(to: W) -> Self {
        let mut builder = WriterBuilder::new();
        Self(builder.terminator(Terminator::CRLF).flexible(true).from_writer(to))
    }

    /// Adds a row.
    pub fn add(&mut self, cells: &[impl AsRef<str>]) -> Result<(), csv::Error> {
        self.0.write_record(cells.iter().map(|cell| inert(cell.as_ref()).into_owned()))
    }

    /// What was written to.
    pub fn end(self) -> Result<W, csv::Error> {
        self.0.into_inner().map_err(|error| csv::Error::from(error.into_error()))
    }
}

/// A table as a workbook: the rows on its first sheet, what they are about on its second.
///
/// Rows are in a file of the system that has no name until the workbook is saved, so that a long table
/// takes no more memory than a short one.
pub struct XlsxTable {
    book: Workbook,
    rows: Worksheet,
    row: u32,
    amounts: &'static [u16],
}

impl fmt::Debug for XlsxTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XlsxTable").field("row", &self.row).finish_non_exhaustive()
    }
}

impl XlsxTable {
    /// A sheet that begins with its header. The columns of `amounts` are numbers, which spreadsheets add
    /// up; all others are text, so that zeros before a number stay.
    pub fn begin(name: &str, header: &[&str], amounts: &'static [u16]) -> Result<Self, XlsxError> {
        let mut book = Workbook::new();
        let mut rows = book.new_worksheet_with_constant_memory()?;
        rows.set_name(name)?;
        write_texts(&mut rows, 0, header)?;
        Ok(Self { book, rows, row: 0, amounts })
    }

    /// Adds a row; amounts as of [`yuan`].
    pub fn add(&mut self, cells: &[impl AsRef<str>]) -> Result<(), XlsxError> {
        self.row = self.row.saturating_add(1);
        for (column, cell) in (0..).zip(cells) {
            let cell = cell.as_ref();
            match cell.parse::<f64>() {
                Ok(amount) if self.amounts.contains(&column) => {
                    self.rows.write_number(self.row, column, amount)?;
                }
                Ok(_) | Err(_) => {
                    self.rows.write_string(self.row, column, cell)?;
                }
            }
        }
        Ok(())
    }

    /// The workbook, with names and values on its second sheet.
    pub fn end(self, name: &str, about: &[(&'static str, String)]) -> Result<Workbook, XlsxError> {
        let mut second = Worksheet::new();
        second.set_name(name)?;
        for (row, (name, value)) in (0..).zip(about) {
            write_texts(&mut second, row, &[name, value.as_str()])?;
        }
        let mut book = self.book;
        book.push_worksheet(self.rows);
        book.push_worksheet(second);
        Ok(book)
    }
}

fn write_texts(
    sheet: &mut Worksheet,
    row: u32,
    cells: &[impl AsRef<str>],
) -> Result<(), XlsxError> {
    for (column, cell) in (0..).zip(cells) {
        sheet.write_string(row, column, cell.as_ref())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        let cases = [
            ("=1+1", "'=1+1"),
            ("＝1", "'＝1"),
            ("-1.50", "-1.50"),
            ("-1+1", "'-1+1"),
            ("+86", "'+86"),
            ("@SUM", "'@SUM"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("'=1", "'=1"),
            ("0012", "0012"),
            ("a=1", "a=1"),
            ("微信充值", "微信充值"),
            ("", ""),
        ];
        for (cell, shown) in cases {
            assert_eq!(inert(cell), shown);
        }
        assert_eq!([yuan(1250), yuan(-5), yuan(0)], ["12.50", "-0.05", "0.00"]);
    }

    #[test]
    fn lines_end_as_spreadsheets_expect() {
        let mut table = CsvTable::begin(Vec::new(), &["单号", "金额"]).unwrap();
        table.add(&["a,\"b\"", "=1"]).unwrap();
        let text = String::from_utf8(table.end().unwrap()).unwrap();
        assert_eq!(text, "\u{feff}单号,金额\r\n\"a,\"\"b\"\"\",'=1\r\n");
    }

    #[test]
    fn a_workbook_is_written() {
        let mut table = XlsxTable::begin("订单", &["单号", "金额"], &[1]).unwrap();
        table.add(&["0012", "12.50"]).unwrap();
        let mut book = table.end("筛选", &[("日期", "2026-11-28".to_owned())]).unwrap();
        assert!(book.save_to_buffer().unwrap().starts_with(b"PK"));
    }
}
