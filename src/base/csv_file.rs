//! The lines of a CSV file that somebody exported, with detection of its encoding.
//!
//! A row is one line: fields contain no line breaks, so that an unclosed quotation mark only
//! affects its own row. In GBK no byte of a character is a comma, a quotation mark or a line break,
//! so that lines can be split before decoding.

use csv::{ReaderBuilder, StringRecord};
use encoding_rs::GBK;
use std::{
    borrow::Cow,
    io::{self, BufRead, Read},
};

/// The longest line.
pub const MAX_BYTES: usize = 4096;
const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";
const UTF16_BOMS: [&[u8]; 2] = [b"\xFF\xFE", b"\xFE\xFF"];

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CsvFileError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is in UTF-16 ("Unicode text").
    #[error("it is UTF-16; save it as UTF-8 or GBK")]
    Utf16,
}

/// The encoding of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvEncoding {
    /// UTF-8.
    Utf8,
    /// GBK.
    Gbk,
}

impl CsvEncoding {
    /// Decodes the bytes; `None` if they are not valid.
    pub fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8 => str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Gbk => GBK.decode_without_bom_handling_and_without_replacement(bytes),
        }
    }

    /// The name, for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Gbk => "GBK",
        }
    }
}

/// A line without its line break.
#[derive(Debug, PartialEq, Eq)]
pub enum CsvLine<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// It has more than [`MAX_BYTES`].
    TooLong,
}

/// The non-empty lines of a file, with their numbers.
#[derive(Debug)]
pub struct CsvLines<R> {
    file: R,
    number: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> CsvLines<R> {
    /// The lines of this file.
    pub const fn new(file: R) -> Self {
        Self { file, number: 0, buffer: Vec::new() }
    }

    /// The next line and its number, counted from 1.
    pub fn next_line(&mut self) -> io::Result<Option<(u64, CsvLine<'_>)>> {
        let too_long = loop {
            if self.fill()? == 0 {
                return Ok(None);
            }
            self.number += 1;
            let too_long = !self.buffer.ends_with(b"\n") && self.skip_rest()?;
            if too_long || !self.content().trim_ascii().is_empty() {
                break too_long;
            }
        };
        let line = if too_long { CsvLine::TooLong } else { CsvLine::Whole(self.content()) };
        Ok(Some((self.number, line)))
    }

    fn fill(&mut self) -> io::Result<usize> {
        self.buffer.clear();
        let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
        (&mut self.file).take(most).read_until(b'\n', &mut self.buffer)
    }

    /// Skips to the end of the line; true if anything was left of it.
    fn skip_rest(&mut self) -> io::Result<bool> {
        Ok(self.file.skip_until(b'\n')? > 0)
    }

    fn content(&self) -> &[u8] {
        let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let first = self.number == 1;
        line.strip_prefix(UTF8_BOM).filter(|_| first).unwrap_or(line)
    }
}

/// The results of scanning a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvSurvey {
    /// The encoding.
    pub encoding: CsvEncoding,
    /// The number of rows without the header.
    pub rows: u64,
}

impl CsvSurvey {
    /// Reads `file` to its end and detects the encoding. It is UTF-8 if it has a byte order mark,
    /// or if the lines that are almost certainly UTF-8 are no fewer than those that are invalid in
    /// it: one damaged line must not change the encoding of all others.
    pub fn of(mut file: impl BufRead) -> Result<Self, CsvFileError> {
        let start = file.fill_buf()?;
        if UTF16_BOMS.iter().any(|bom| start.starts_with(bom)) {
            return Err(CsvFileError::Utf16);
        }
        let says_utf8 = start.starts_with(UTF8_BOM);
        let mut lines = CsvLines::new(file);
        let (mut count, mut utf8, mut other) = (0_u64, 0_u64, 0_u64);
        while let Some((_, line)) = lines.next_line()? {
            count += 1;
            if let CsvLine::Whole(bytes) = line {
                match str::from_utf8(bytes) {
                    Ok(text) => utf8 += u64::from(has_long_characters(text)),
                    Err(_) => other += 1,
                }
            }
        }
        let encoding =
            if says_utf8 || utf8 >= other { CsvEncoding::Utf8 } else { CsvEncoding::Gbk };
        Ok(Self { encoding, rows: count.saturating_sub(1) })
    }
}

/// Two bytes of GBK often happen to be a two-byte character in UTF-8, but hardly ever a three-byte
/// one, as Chinese characters are.
fn has_long_characters(text: &str) -> bool {
    text.chars().any(|c| c.len_utf8() > 2)
}

/// Parses one line as a CSV record (RFC 4180).
pub fn csv_record(line: &str) -> Result<StringRecord, String> {
    if !line.matches('"').count().is_multiple_of(2) {
        return Err("a quotation mark is not closed".to_owned());
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes());
    let mut record = StringRecord::new();
    reader.read_record(&mut record).map_err(|_| "is not CSV".to_owned())?;
    Ok(record)
}

/// The places of a file's columns, which may be in any order.
#[derive(Debug)]
pub struct CsvHeader<const N: usize> {
    places: [Option<usize>; N],
    columns: usize,
}

/// A row below a header.
#[derive(Debug)]
pub struct CsvRow<'h, const N: usize> {
    header: &'h CsvHeader<N>,
    record: StringRecord,
}

impl<const N: usize> CsvHeader<N> {
    /// Parses the first line of a file, which is ASCII in every encoding. The first `needed` of these
    /// columns must be there, the others may. A fault names no data.
    pub fn parse(line: &CsvLine<'_>, columns: [&str; N], needed: usize) -> Result<Self, String> {
        let CsvLine::Whole(bytes) = line else { return Err("it is too long".to_owned()) };
        let text = str::from_utf8(bytes).map_err(|_| "it holds other characters".to_owned())?;
        let record = csv_record(text)?;
        let found: Vec<&str> = record.iter().map(str::trim).collect();
        let times = |column: &str| found.iter().filter(|name| **name == column).count();
        let missing = columns.into_iter().take(needed).filter(|column| times(column) == 0);
        let unknown = found.iter().copied().filter(|name| !columns.contains(name));
        let repeated = columns.into_iter().filter(|column| times(column) > 1);
        let faults = [
            named("missing: ", missing),
            named("unknown: ", unknown.map(shown)),
            named("more than once: ", repeated),
        ];
        let faults: Vec<String> = faults.into_iter().flatten().collect();
        if !faults.is_empty() {
            return Err(faults.join("; "));
        }
        let place = |column| found.iter().position(|name| *name == column);
        Ok(Self { places: columns.map(place), columns: found.len() })
    }

    /// Parses a line below the header.
    pub fn row(&self, line: &CsvLine<'_>, encoding: CsvEncoding) -> Result<CsvRow<'_, N>, String> {
        let CsvLine::Whole(bytes) = line else {
            return Err(format!("the line is longer than {MAX_BYTES} bytes"));
        };
        let text = encoding.decode(bytes);
        let text = text.ok_or_else(|| format!("is not valid {}", encoding.name()))?;
        let record = csv_record(&text)?;
        if record.len() != self.columns {
            return Err(format!("has {} fields instead of {}", record.len(), self.columns));
        }
        Ok(CsvRow { header: self, record })
    }
}

impl<const N: usize> CsvRow<'_, N> {
    /// The fields in the order of the columns, without blanks around them; empty where the file has no
    /// such column.
    pub fn fields(&self) -> [&str; N] {
        let field = |place: Option<usize>| place.and_then(|place| self.record.get(place));
        self.header.places.map(|place| field(place).unwrap_or_default().trim())
    }
}

/// `what` followed by the names; `None` without names.
fn named<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    (!names.is_empty()).then(|| format!("{what}{}", names.join(", ")))
}

/// The name of a column, withheld if it may be data: in a file without a header this is the first
/// person.
fn shown(name: &str) -> &str {
    let plain = |b: u8| b.is_ascii_lowercase() || b == b'_';
    if name.is_empty() {
        "(empty)"
    } else if name.len() <= 32 && name.bytes().all(plain) {
        name
    } else {
        "(not a column name)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(file: &[u8]) -> Vec<(u64, Option<String>)> {
        let mut lines = CsvLines::new(file);
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next_line().unwrap() {
            found.push(match line {
                CsvLine::Whole(bytes) => {
                    (number, Some(String::from_utf8_lossy(bytes).into_owned()))
                }
                CsvLine::TooLong => (number, None),
            });
        }
        found
    }

    #[test]
    fn lines_are_numbered_with_any_line_ending() {
        let text = |number, text: &str| (number, Some(text.to_owned()));
        let cases: [(&[u8], Vec<_>); 6] = [
            (b"", vec![]),
            (b"a\nb\n", vec![text(1, "a"), text(2, "b")]),
            (b"a\r\n\r\n \t\nb", vec![text(1, "a"), text(4, "b")]),
            (b"\xEF\xBB\xBFa\n\xEF\xBB\xBFb", vec![text(1, "a"), text(2, "\u{feff}b")]),
            (b"\n\n", vec![]),
            (b"\"a\nb\"", vec![text(1, "\"a"), text(2, "b\"")]),
        ];
        for (file, expected) in cases {
            assert_eq!(all(file), expected, "{file:?}");
        }
    }

    #[test]
    fn a_too_long_line_is_skipped_in_bounded_memory() {
        let fits = "x".repeat(MAX_BYTES - 1);
        let endless = "y".repeat(3 * MAX_BYTES);
        let file = format!("{fits}\n{endless}\nz\n{endless}");
        let expected = vec![(1, Some(fits)), (2, None), (3, Some("z".to_owned())), (4, None)];
        assert_eq!(all(file.as_bytes()), expected);
        let mut lines = CsvLines::new(file.as_bytes());
        while lines.next_line().unwrap().is_some() {}
        assert!(lines.buffer.capacity() <= 2 * MAX_BYTES);
    }

    #[test]
    fn the_majority_of_lines_decides_the_encoding() {
        let gbk = |text: &str| GBK.encode(text).0.into_owned();
        // Valid UTF-8 as well, with another meaning.
        assert!(str::from_utf8(&gbk("钱潜")).is_ok());
        let cases: [(Vec<u8>, CsvEncoding); 7] = [
            (b"a,b\n1,2\n".to_vec(), CsvEncoding::Utf8),
            ("h\n林晓雨\n".into(), CsvEncoding::Utf8),
            (gbk("h\n林晓雨\n"), CsvEncoding::Gbk),
            (gbk("h\n林晓雨\n钱潜\n石谭\n"), CsvEncoding::Gbk),
            ("h\nJosé\n".into(), CsvEncoding::Utf8),
            (
                [b"h\n\xE6\x9E\n".as_slice(), "林晓雨\n陈思远\n".as_bytes()].concat(),
                CsvEncoding::Utf8,
            ),
            ([UTF8_BOM, &gbk("h\n林晓雨\n")].concat(), CsvEncoding::Utf8),
        ];
        for (file, expected) in cases {
            assert_eq!(CsvSurvey::of(file.as_slice()).unwrap().encoding, expected, "{file:x?}");
        }
        let utf16 = CsvSurvey::of(b"\xFF\xFEs\0".as_slice());
        assert!(matches!(utf16, Err(CsvFileError::Utf16)));
    }

    #[test]
    fn headers_are_complete_in_any_order() {
        let columns = ["student_no", "name", "phone", "chip_number"];
        let parse = |line: &str| CsvHeader::parse(&CsvLine::Whole(line.as_bytes()), columns, 3);
        for (good, fields) in [
            ("student_no,name,phone", ["1", "2", "3", ""]),
            ("phone, name,student_no", ["3", "2", "1", ""]),
            ("\"phone\",student_no,name", ["2", "3", "1", ""]),
            ("chip_number,student_no,name,phone", ["2", "3", "4", "1"]),
        ] {
            let header = parse(good).unwrap();
            let row: Vec<String> =
                (1..=good.split(',').count()).map(|n| format!(" {n} ")).collect();
            let row = row.join(",");
            let row = header.row(&CsvLine::Whole(row.as_bytes()), CsvEncoding::Utf8).unwrap();
            assert_eq!(row.fields(), fields, "{good}");
        }
        for (bad, fault) in [
            ("student_no,name", "missing: phone"),
            ("student_no,name,e_mail", "missing: phone; unknown: e_mail"),
            ("student_no,name,phone,phone", "more than once: phone"),
            ("student_no,name,phone,chip_number,chip_number", "more than once: chip_number"),
            ("student_no,name,phone,", "unknown: (empty)"),
            ("student_no,name,phone,林晓雨", "unknown: (not a column name)"),
            ("student_no,name,phone,2301001", "unknown: (not a column name)"),
            ("\"student_no,name,phone", "a quotation mark is not closed"),
        ] {
            assert_eq!(parse(bad).unwrap_err(), fault, "{bad}");
        }
        let other = CsvHeader::parse(&CsvLine::Whole(b"\xC1\xD6"), columns, 3);
        assert_eq!(other.unwrap_err(), "it holds other characters");
        let other = CsvHeader::parse(&CsvLine::TooLong, columns, 3);
        assert_eq!(other.unwrap_err(), "it is too long");
    }

    #[test]
    fn rows_have_the_fields_of_their_header() {
        let header = CsvHeader::parse(&CsvLine::Whole(b"a,b"), ["a", "b"], 2).unwrap();
        let (long, gbk) = ("the line is longer than 4096 bytes", "is not valid GBK");
        for (line, fault) in [
            (CsvLine::Whole(b"1"), "has 1 fields instead of 2"),
            (CsvLine::Whole(b"1,2,3"), "has 3 fields instead of 2"),
            (CsvLine::Whole(b"1,\"2"), "a quotation mark is not closed"),
            (CsvLine::Whole(b"1,\xff\xff"), gbk),
            (CsvLine::TooLong, long),
        ] {
            assert_eq!(header.row(&line, CsvEncoding::Gbk).unwrap_err(), fault);
        }
    }
}
