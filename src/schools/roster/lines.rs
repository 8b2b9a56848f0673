//! The lines of a file, with detection of its encoding.
//!
//! A row is one line: fields contain no line breaks, so that an unclosed quotation mark only
//! affects its own row. In GBK no byte of a character is a comma, a quotation mark or a line break,
//! so that lines can be split before decoding.

use super::RosterError;
use encoding_rs::GBK;
use std::{
    borrow::Cow,
    io::{self, BufRead, Read},
};

/// The longest line. Eight fields fit into a quarter of it.
pub(super) const MAX_BYTES: usize = 4096;
const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";
const UTF16_BOMS: [&[u8]; 2] = [b"\xFF\xFE", b"\xFE\xFF"];

/// The encoding of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Gbk,
}

impl Encoding {
    /// Decodes the bytes; `None` if they are not valid.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8 => str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Gbk => GBK.decode_without_bom_handling_and_without_replacement(bytes),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Gbk => "GBK",
        }
    }
}

/// A line without its line break.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    TooLong,
}

/// The non-empty lines of a file, with their numbers.
pub(super) struct Lines<R> {
    file: R,
    number: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(file: R) -> Self {
        Self { file, number: 0, buffer: Vec::new() }
    }

    /// The next line and its number, counted from 1.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Line<'_>)>> {
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
        let line = if too_long { Line::TooLong } else { Line::Whole(self.content()) };
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
pub(super) struct Survey {
    pub(super) encoding: Encoding,
    /// The number of rows without the header.
    pub(super) rows: u64,
}

impl Survey {
    /// Reads `file` to its end and detects the encoding. It is UTF-8 if it has a byte order mark,
    /// or if the lines that are almost certainly UTF-8 are no fewer than those that are invalid in
    /// it: one damaged line must not change the encoding of all others.
    pub(super) fn of(mut file: impl BufRead) -> Result<Self, RosterError> {
        let start = file.fill_buf()?;
        if UTF16_BOMS.iter().any(|bom| start.starts_with(bom)) {
            return Err(RosterError::Utf16);
        }
        let says_utf8 = start.starts_with(UTF8_BOM);
        let mut lines = Lines::new(file);
        let (mut count, mut utf8, mut other) = (0_u64, 0_u64, 0_u64);
        while let Some((_, line)) = lines.next()? {
            count += 1;
            if let Line::Whole(bytes) = line {
                match str::from_utf8(bytes) {
                    Ok(text) => utf8 += u64::from(has_long_characters(text)),
                    Err(_) => other += 1,
                }
            }
        }
        let encoding = if says_utf8 || utf8 >= other { Encoding::Utf8 } else { Encoding::Gbk };
        Ok(Self { encoding, rows: count.saturating_sub(1) })
    }
}

/// Two bytes of GBK often happen to be a two-byte character in UTF-8, but hardly ever a three-byte
/// one, as Chinese characters are.
fn has_long_characters(text: &str) -> bool {
    text.chars().any(|c| c.len_utf8() > 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(file: &[u8]) -> Vec<(u64, Option<String>)> {
        let mut lines = Lines::new(file);
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            found.push(match line {
                Line::Whole(bytes) => (number, Some(String::from_utf8_lossy(bytes).into_owned())),
                Line::TooLong => (number, None),
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
        let mut lines = Lines::new(file.as_bytes());
        while lines.next().unwrap().is_some() {}
        assert!(lines.buffer.capacity() <= 2 * MAX_BYTES);
    }

    #[test]
    fn the_majority_of_lines_decides_the_encoding() {
        let gbk = |text: &str| GBK.encode(text).0.into_owned();
        // Valid UTF-8 as well, with another meaning.
        assert!(str::from_utf8(&gbk("钱潜")).is_ok());
        let cases: [(Vec<u8>, Encoding); 7] = [
            (b"a,b\n1,2\n".to_vec(), Encoding::Utf8),
            ("h\n林晓雨\n".into(), Encoding::Utf8),
            (gbk("h\n林晓雨\n"), Encoding::Gbk),
            (gbk("h\n林晓雨\n钱潜\n石谭\n"), Encoding::Gbk),
            ("h\nJosé\n".into(), Encoding::Utf8),
            ([b"h\n\xE6\x9E\n".as_slice(), "林晓雨\n陈思远\n".as_bytes()].concat(), Encoding::Utf8),
            ([UTF8_BOM, &gbk("h\n林晓雨\n")].concat(), Encoding::Utf8),
        ];
        for (file, expected) in cases {
            assert_eq!(Survey::of(file.as_slice()).unwrap().encoding, expected, "{file:x?}");
        }
        let utf16 = Survey::of(b"\xFF\xFEs\0".as_slice());
        assert!(matches!(utf16, Err(RosterError::Utf16)));
    }
}
