//! Import of a school's roster: a CSV file of the people who belong to it.
//!
//! Invariant: every row that was read is added, changed, unchanged or refused with its reason.
//! Invariant: a row that says what the last import said is not written again.
//! Invariant: a reason names a field and never its value.

mod header;
mod lines;
mod row;

use super::{
    people::{ID_NUMBER, PHONE},
    person::{PersonKeys, SealedField, SealedFields},
    store::{self, OnRoster, PersonRow},
};
use crate::base::{
    clock::Timestamp,
    crypto::{blind::Blind, seal::SealError},
    db::{Db, DbError, Tx, TxError},
    ids::{PersonId, SchoolId},
};
use header::Header;
use lines::{Line, Lines, Survey};
use row::RosterRow;
use std::{
    collections::HashMap,
    io::{self, BufRead, Seek},
};
use zeroize::Zeroizing;

/// Rows that are committed together.
const CHUNK: usize = 500;
/// No campus has more people.
const MAX_ROWS: u64 = 500_000;
/// The blind index's name of whole rows.
const ROSTER_ROW: &str = "roster_row";

/// What an import of a roster needs.
#[derive(Clone, Copy, Debug)]
pub struct RosterImport<'a> {
    /// Where people are kept.
    pub db: &'a Db,
    /// What keeps their personal data.
    pub keys: &'a PersonKeys,
    /// Whose people they are.
    pub school: SchoolId,
    /// The time of the import.
    pub now: Timestamp,
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Rows that are dealt with.
    pub rows_done: u64,
    /// Rows in the file.
    pub rows_total: u64,
}

/// What became of the rows: `read` is the sum of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RosterReport {
    /// Rows in the file, without header and empty lines.
    pub read: u64,
    /// New people.
    pub added: u64,
    /// People of whom the roster says something else than before.
    pub changed: u64,
    /// People of whom it says the same.
    pub unchanged: u64,
    /// Rows that were not taken, by line.
    pub refused: Vec<RefusedRow>,
}

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// The line in the file, counted from 1.
    pub line: u64,
    /// All that is wrong with it; names fields, tells no values.
    pub reason: String,
}

/// Why an import stopped. What was committed before stays; importing again is safe.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// The file.
    #[error("the roster cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Saved as "Unicode text".
    #[error("the roster is UTF-16; save it as UTF-8 or GBK")]
    Utf16,
    /// The first line is not the header.
    #[error("line 1: the header must be {columns}; {fault}", columns = header::COLUMNS.join(","))]
    Header {
        /// What is wrong with it.
        fault: String,
    },
    /// Past any campus.
    #[error("the roster has more than {MAX_ROWS} rows")]
    TooManyRows,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The keys.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl TxError for RosterError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Io(_) | Self::Utf16 | Self::Header { .. } | Self::TooManyRows | Self::Seal(_) => {
                None
            }
        }
    }
}

impl RosterImport<'_> {
    /// Imports a file in UTF-8 or GBK, and calls `on_progress` after every commit. The file is read
    /// twice, first for its encoding and length, and blocks the thread while it is read.
    pub async fn run(
        &self,
        mut file: impl BufRead + Seek,
        mut on_progress: impl FnMut(Progress),
    ) -> Result<RosterReport, RosterError> {
        let survey = Survey::of(&mut file)?;
        if survey.rows > MAX_ROWS {
            return Err(RosterError::TooManyRows);
        }
        file.rewind()?;
        let mut reading = Reading::new(Lines::new(file), &survey)?;
        let mut report = RosterReport::default();
        loop {
            let chunk = reading.chunk(&mut report)?;
            if !chunk.is_empty() {
                self.import(chunk, &mut report).await?;
            }
            on_progress(Progress { rows_done: report.read, rows_total: survey.rows });
            if reading.ended {
                report.refused.sort_by_key(|refused| refused.line);
                return Ok(report);
            }
        }
    }

    async fn import(
        &self,
        rows: Vec<RosterRow>,
        report: &mut RosterReport,
    ) -> Result<(), RosterError> {
        let rows: Vec<Indexed> = rows.into_iter().map(|row| self.indexed(row)).collect();
        let (added, changed) = self.db.in_tx(async |tx| self.write(tx, &rows).await).await?;
        report.added += added;
        report.changed += changed;
        report.unchanged += count(rows.len()) - added - changed;
        Ok(())
    }

    fn indexed(&self, row: RosterRow) -> Indexed {
        let index = |field: &str, value: &str| self.keys.index.index(self.school, field, value);
        Indexed {
            id_number: row.id_number.as_deref().map(|number| index(ID_NUMBER, number)),
            phone: row.phone.as_deref().map(|phone| index(PHONE, phone)),
            digests: self.keys.index.candidates(self.school, ROSTER_ROW, &row.canonical()),
            row,
        }
    }

    /// Answers how many people were added and changed.
    async fn write(&self, tx: &Tx, rows: &[Indexed]) -> Result<(u64, u64), RosterError> {
        let student_nos = rows.iter().map(|indexed| indexed.row.student_no.as_str());
        let mut known = store::on_roster(tx, self.school, student_nos).await?;
        let (mut added, mut changed) = (Vec::new(), 0);
        for indexed in rows {
            let Some(OnRoster { id, digest: was }) = known.remove(&indexed.row.student_no) else {
                added.push(self.sealed(indexed, PersonId::new(self.now))?);
                continue;
            };
            if indexed.digests.first().is_some_and(|digest| digest.digest == *was) {
                continue;
            }
            // A row that only an older key knows is written again, under the present keys.
            let same = indexed.digests.iter().any(|digest| digest.digest == *was);
            changed += u64::from(!same);
            store::update_person(tx, self.sealed(indexed, id)?, was, self.now).await?;
        }
        let new = count(added.len());
        if new > 0 {
            store::insert_people(tx, self.school, added, self.now).await?;
        }
        Ok((new, changed))
    }

    fn sealed<'r>(&self, from: &'r Indexed, id: PersonId) -> Result<PersonRow<'r>, SealError> {
        let row = &from.row;
        let seal =
            |field: SealedField, text: &str| self.keys.sealer.seal(text.as_bytes(), &field.aad(id));
        let optional = |field, text: &Option<Zeroizing<String>>| {
            text.as_ref().map(|text| seal(field, text)).transpose()
        };
        Ok(PersonRow {
            id,
            student_no: &row.student_no,
            sealed: SealedFields {
                name: seal(SealedField::Name, &row.name)?,
                id_number: optional(SealedField::IdNumber, &row.id_number)?,
                phone: optional(SealedField::Phone, &row.phone)?,
            },
            id_number_index: from.id_number.as_ref(),
            phone_index: from.phone.as_ref(),
            kind: row.kind,
            department: &row.department,
            class_name: &row.class_name,
            valid_until: row.valid_until,
            digest: from.digests.first().ok_or(SealError::UnknownKey)?,
        })
    }
}

/// A row with its digests: those of the whole row by every key, the current one's first.
struct Indexed {
    row: RosterRow,
    id_number: Option<Blind>,
    phone: Option<Blind>,
    digests: Vec<Blind>,
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// A file behind its header.
struct Reading<R> {
    lines: Lines<R>,
    encoding: lines::Encoding,
    header: Header,
    /// Where each student number stood first.
    seen: HashMap<String, u64>,
    ended: bool,
}

impl<R: BufRead> Reading<R> {
    fn new(mut lines: Lines<R>, survey: &Survey) -> Result<Self, RosterError> {
        let header = match lines.next()? {
            Some((_, Line::Whole(bytes))) => Header::parse(bytes),
            Some((_, Line::TooLong)) => Err("it is too long".to_owned()),
            None => Err("the file is empty".to_owned()),
        };
        let header = header.map_err(|fault| RosterError::Header { fault })?;
        let (encoding, seen) = (survey.encoding, HashMap::new());
        Ok(Self { lines, encoding, header, seen, ended: false })
    }

    /// The good ones of the next rows; the others go to the report.
    fn chunk(&mut self, report: &mut RosterReport) -> io::Result<Vec<RosterRow>> {
        let mut rows = Vec::with_capacity(CHUNK);
        for _ in 0..CHUNK {
            let Some((line, content)) = self.lines.next()? else {
                self.ended = true;
                break;
            };
            report.read += 1;
            let row = match content {
                Line::Whole(bytes) => self.header.row(bytes, self.encoding),
                Line::TooLong => Err(format!("the line is longer than {} bytes", lines::MAX_BYTES)),
            };
            match row.and_then(|row| once(&mut self.seen, row, line)) {
                Ok(row) => rows.push(row),
                Err(reason) => report.refused.push(RefusedRow { line, reason }),
            }
        }
        Ok(rows)
    }
}

/// Refuses a student number that an earlier row of the file has.
fn once(seen: &mut HashMap<String, u64>, row: RosterRow, line: u64) -> Result<RosterRow, String> {
    let first = *seen.entry(row.student_no.clone()).or_insert(line);
    if first == line { Ok(row) } else { Err(format!("student_no: stands on line {first} already")) }
}
