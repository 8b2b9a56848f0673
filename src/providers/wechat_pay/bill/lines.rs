//! The lines of a file, one at a time, each within a limit.

use crate::reconciliation::BadBill;
use std::io::{BufRead, BufReader, Read};

/// The most bytes of a line: free text has at most some hundred.
const LINE_MAX: usize = 16 * 1024;

/// Reads lines that end in LF or CRLF. A byte order mark before the first is left out.
pub(super) struct Lines<R> {
    from: BufReader<R>,
    number: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from: BufReader::new(from), number: 0 }
    }

    /// The number of the last line, counted from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line without its end; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<String>, BadBill> {
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
        let text = String::from_utf8(line).map_err(|_| BadBill::Encoding(self.number))?;
        let first = self.number == 1;
        Ok(Some(match text.strip_prefix('\u{feff}') {
            Some(rest) if first => rest.to_owned(),
            Some(_) | None => text,
        }))
    }
}

/// The reader below reports a file that is too long once unpacked by this kind.
pub(super) fn unreadable(error: &std::io::Error) -> BadBill {
    if error.kind() == std::io::ErrorKind::FileTooLarge {
        BadBill::TooLarge
    } else {
        BadBill::Packed
    }
}
