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
}
