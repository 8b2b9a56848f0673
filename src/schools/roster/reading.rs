//! The rows of a file.

use super::{
    CHUNK, RefusedRow, RosterError,
    header::{Header, Unfit},
    row::RosterRow,
};
use crate::base::csv_file::{CsvEncoding, CsvLines, CsvSurvey};
use std::{
    collections::HashMap,
    io::{self, BufRead},
};

/// The valid rows of a part of a file, with their lines, and its other rows.
type Chunk = (Vec<(u64, RosterRow)>, Vec<RefusedRow>);

/// A file after its header.
pub(super) struct Reading<R> {
    lines: CsvLines<R>,
    encoding: CsvEncoding,
    header: Header,
    /// The line on which each student number occurred first.
    seen: HashMap<String, u64>,
    pub(super) ended: bool,
}

impl<R: BufRead> Reading<R> {
    pub(super) fn new(mut lines: CsvLines<R>, survey: &CsvSurvey) -> Result<Self, RosterError> {
        let header = match lines.next_line()? {
            Some((_, line)) => Header::parse(&line),
            None => Err("the file is empty".to_owned()),
        };
        let header = header.map_err(|fault| RosterError::Header { fault })?;
        let (encoding, seen) = (survey.encoding, HashMap::new());
        Ok(Self { lines, encoding, header, seen, ended: false })
    }

    /// Passes over rows that are done: of them only the student numbers are wanted.
    pub(super) fn skip(&mut self, rows: u64) -> io::Result<()> {
        for _ in 0..rows {
            if self.next()?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// The next rows.
    pub(super) fn chunk(&mut self) -> io::Result<Chunk> {
        let (mut rows, mut refused) = (Vec::with_capacity(CHUNK), Vec::new());
        for _ in 0..CHUNK {
            match self.next()? {
                Some((line, Ok(row))) => rows.push((line, row)),
                Some((line, Err(Unfit { student_no, reason }))) => {
                    refused.push(RefusedRow { line, student_no, reason });
                }
                None => break,
            }
        }
        Ok((rows, refused))
    }

    fn next(&mut self) -> io::Result<Option<(u64, Result<RosterRow, Unfit>)>> {
        let Some((line, content)) = self.lines.next_line()? else {
            self.ended = true;
            return Ok(None);
        };
        let row = self.header.row(&content, self.encoding);
        Ok(Some((line, row.and_then(|row| once(&mut self.seen, row, line)))))
    }
}

/// Refuses a student number that occurred before in the file.
fn once(seen: &mut HashMap<String, u64>, row: RosterRow, line: u64) -> Result<RosterRow, Unfit> {
    let first = *seen.entry(row.student_no.clone()).or_insert(line);
    if first == line {
        return Ok(row);
    }
    let reason = format!("student_no: stands on line {first} already");
    Err(Unfit { student_no: row.student_no, reason })
}
