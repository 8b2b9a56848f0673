//! The lines of a file, one at a time, each within a limit.

use crate::reconciliation::BadBill;
use encoding_rs::GB18030;
use std::io::{BufRead, BufReader, ErrorKind, Read};

/// The most bytes of a line: free text has at most some hundred.
const LINE_MAX: usize = 16 * 1024;

/// What the text of a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::providers) enum Encoding {
    /// UTF-8.
    Utf8,
    /// GBK, read as GB18030, which includes it. No byte of a longer character is a line end.
    Gbk,
}

/// Reads lines that end in LF or CRLF. A byte order mark before the first is left out.
pub(in crate::providers) struct Lines<R> {
    from: BufReader<R>,
    encoding: Encoding,
    number: u64,
}

impl<R: Read> Lines<R> {
    pub(in crate::providers) fn new(from: R, encoding: Encoding) -> Self {
        Self { from: BufReader::new(from), encoding, number: 0 }
    }

    /// The number of the last line, counted from 1.
    pub(in crate::providers) fn number(&self) -> u64 {
        self.number
    }

    /// The next line without its end; `None` at the end of the file.
    pub(in crate::providers) fn next(&mut self) -> Result<Option<String>, BadBill> {
        let mut line = Vec::new();
        let most = u64::try_from(LINE_MAX).unwrap_or(u64::MAX).saturating_add(1);
        let read = self.from.by_ref().take(most).read_until(b'\n', &mut line);
        let read = read.map_err(|error| unreadable(&error))?;
        if read == 0 {
            return Ok(None);
        }
        if line.len() > LINE_MAX {
            return Err(BadBill::TooLarge);
        }
        self.number += 1;
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let text = self.encoding.decode(line).ok_or(BadBill::Encoding(self.number))?;
        let first = self.number == 1;
        Ok(Some(match text.strip_prefix('\u{feff}') {
            Some(rest) if first => rest.to_owned(),
            Some(_) | None => text,
        }))
    }
}

impl Encoding {
    fn decode(self, line: Vec<u8>) -> Option<String> {
        match self {
            Self::Utf8 => String::from_utf8(line).ok(),
            Self::Gbk => {
                let text = GB18030.decode_without_bom_handling_and_without_replacement(&line)?;
                Some(text.into_owned())
            }
        }
    }
}

/// What it means that a file cannot be read. [`Bounded`](super::Bounded) reports one that is too long
/// once unpacked by its kind.
pub(in crate::providers) fn unreadable(error: &std::io::Error) -> BadBill {
    if error.kind() == ErrorKind::FileTooLarge { BadBill::TooLarge } else { BadBill::Packed }
}
