//! Import of a school's roster, a CSV file of its people.
//!
//! Invariant: every row is counted as added, changed, unchanged, or refused with a reason.
//! Invariant: a row that is equal to the last imported one is not written again.
//! Invariant: a row never replaces one person by another, who would inherit password, bindings and
//! money: at most one of name and ID number may change at a time.
//! Invariant: a reason names a field but never its value.

mod entries;
mod error;
mod header;
mod row;

use super::{
    people::{ID_NUMBER, NAME, PHONE, indexed_name},
    person::{self, PersonKeys, PersonKind, SealedField, SealedFields},
    store::{self, OnRoster, PersonRow},
};
use crate::{
    audit::{self, Entry},
    base::{
        clock::{Day, Timestamp},
        crypto::{blind::Blind, seal::SealError},
        csv_file::{CsvEncoding, CsvLines, CsvSurvey},
        db::{Db, Tx},
        ids::{PersonId, SchoolId},
    },
    ledger::HeldPersons,
};
pub use error::RosterError;
use header::Header;
use row::RosterRow;
use std::{
    collections::HashMap,
    io::{self, BufRead, Seek},
};
use zeroize::Zeroizing;

/// Rows per commit.
const CHUNK: usize = 500;
/// The limit of rows, above the size of any campus.
const MAX_ROWS: u64 = 500_000;
/// The field name of whole rows in the blind index.
pub(super) const ROSTER_ROW: &str = "roster_row";
const OTHER_PERSON: &str = "student_no: belongs to another person: name and id_number both differ";

/// What a roster says of a person that is stored as it is.
#[derive(Clone)]
pub(super) struct Listed {
    pub(super) student_no: String,
    pub(super) kind: PersonKind,
    pub(super) department: String,
    pub(super) class_name: String,
    pub(super) valid_until: Option<Day>,
}

/// What a roster says of a person that is stored sealed.
pub(super) struct PersonalData {
    pub(super) name: Zeroizing<String>,
    pub(super) id_number: Option<Zeroizing<String>>,
    pub(super) phone: Option<Zeroizing<String>>,
    pub(super) chip: Option<Zeroizing<String>>,
}

/// The content of the row that a person was imported from.
pub(super) fn canonical(listed: &Listed, personal: PersonalData) -> Zeroizing<String> {
    let Listed { student_no, kind, department, class_name, valid_until } = listed.clone();
    let PersonalData { name, id_number, phone, chip: chip_number } = personal;
    RosterRow {
        student_no,
        name,
        id_number,
        phone,
        kind,
        department,
        class_name,
        valid_until,
        chip_number,
    }
    .canonical()
}

/// The import of a roster.
#[derive(Clone, Copy, Debug)]
pub struct RosterImport<'a> {
    /// The database.
    pub db: &'a Db,
    /// The keys of personal data.
    pub keys: &'a PersonKeys,
    /// The school of the roster.
    pub school: SchoolId,
    /// The time of the import.
    pub now: Timestamp,
}

/// The progress of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Rows processed.
    pub rows_done: u64,
    /// Rows in the file.
    pub rows_total: u64,
}

/// The result of an import: `read` is the sum of the other counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RosterReport {
    /// Rows in the file, without the header and empty lines.
    pub read: u64,
    /// People added.
    pub added: u64,
    /// People whose data changed.
    pub changed: u64,
    /// People whose data did not change.
    pub unchanged: u64,
    /// Refused rows, by line.
    pub refused: Vec<RefusedRow>,
}

/// A refused row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// The line in the file, counted from 1.
    pub line: u64,
    /// All faults of the row; names fields but not values.
    pub reason: String,
}

impl RosterImport<'_> {
    /// Imports a file in UTF-8 or GBK, and calls `on_progress` after every commit. Reads the file
    /// twice, first to detect its encoding and length; the reads block the thread.
    pub async fn run(
        &self,
        mut file: impl BufRead + Seek,
        mut on_progress: impl FnMut(Progress),
    ) -> Result<RosterReport, RosterError> {
        let survey = CsvSurvey::of(&mut file)?;
        if survey.rows > MAX_ROWS {
            return Err(RosterError::TooManyRows);
        }
        file.rewind()?;
        let mut reading = Reading::new(CsvLines::new(file), &survey)?;
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
        rows: Vec<(u64, RosterRow)>,
        report: &mut RosterReport,
    ) -> Result<(), RosterError> {
        let rows: Vec<Indexed> =
            rows.into_iter().map(|(line, row)| self.indexed(line, row)).collect();
        let written = self.db.in_tx(async |tx| self.write(tx, &rows).await).await?;
        report.added += written.added;
        report.changed += written.changed;
        report.unchanged += written.unchanged;
        report.refused.extend(written.refused);
        Ok(())
    }

    fn indexed(&self, line: u64, row: RosterRow) -> Indexed {
        let index = |field: &str, value: &str| self.keys.index.index(self.school, field, value);
        Indexed {
            line,
            id_number: row.id_number.as_deref().map(|number| index(ID_NUMBER, number)),
            phone: row.phone.as_deref().map(|phone| index(PHONE, phone)),
            name: index(NAME, &indexed_name(&row.name)),
            digests: self.keys.index.candidates(self.school, ROSTER_ROW, &row.canonical()),
            row,
        }
    }

    async fn write(&self, tx: &Tx, rows: &[Indexed]) -> Result<Written, RosterError> {
        let student_nos = rows.iter().map(|indexed| indexed.row.student_no.as_str());
        let mut known = store::on_roster(tx, self.school, student_nos).await?;
        let (mut added, mut changed) = (Vec::new(), Vec::new());
        let mut written = Written::default();
        for indexed in rows {
            let Some(stored) = known.remove(&indexed.row.student_no) else {
                added.push(self.sealed(indexed, PersonId::new(self.now))?);
                continue;
            };
            let newest = indexed.digests.first();
            if newest.is_some_and(|newest| newest.digest == *stored.digest) && stored.has_name_index
            {
                written.unchanged += 1;
                continue;
            }
            // A row that matches only with an older key, or whose name is not indexed, is written again,
            // with the current keys.
            let same = indexed.digests.iter().any(|digest| digest.digest == *stored.digest);
            if !same && self.is_other_person(indexed, &stored)? {
                written.refused.push(indexed.refused(OTHER_PERSON));
                continue;
            }
            *if same { &mut written.unchanged } else { &mut written.changed } += 1;
            changed.push((indexed, stored));
        }
        let standings = self.update(tx, changed).await?;
        written.added = count(added.len());
        if written.added > 0 {
            store::insert_people(tx, self.school, added, self.now).await?;
        }
        if written.added + written.changed > 0 || !standings.is_empty() {
            let entries =
                [vec![entries::of_commit(self.school, rows, &written)], standings].concat();
            audit::record_all(tx, &entries, self.now).await?;
        }
        Ok(written)
    }

    /// Updates people, and returns an entry for each whose standing changed. Whose last day changes is
    /// held, so that no charge is decided on the other day once this is committed.
    async fn update(
        &self,
        tx: &Tx,
        changed: Vec<(&Indexed, OnRoster)>,
    ) -> Result<Vec<Entry>, RosterError> {
        let moved: Vec<_> = changed
            .iter()
            .filter(|(from, stored)| from.row.valid_until != stored.valid_until)
            .map(|(from, stored)| (stored.id, stored.valid_until, from.row.valid_until))
            .collect();
        let persons = moved.iter().map(|(id, ..)| (self.school, *id)).collect();
        let held = HeldPersons::hold(tx, persons).await?;
        let rows = changed.into_iter();
        let rows = rows.map(|(from, stored)| Ok((self.sealed(from, stored.id)?, stored.digest)));
        let rows = rows.collect::<Result<Vec<_>, RosterError>>()?;
        if !rows.is_empty() {
            store::update_people(tx, &held, self.school, rows, self.now).await?;
        }
        Ok(moved.into_iter().map(|moved| entries::of_standing(self.school, moved)).collect())
    }

    /// Numbers are reused, those of temporary cards each year. An ID number that is added or
    /// removed counts as changed.
    fn is_other_person(&self, from: &Indexed, stored: &OnRoster) -> Result<bool, SealError> {
        let same_number = match (&from.row.id_number, &stored.id_number_index) {
            (Some(number), Some(stored)) => {
                let candidates = self.keys.index.candidates(self.school, ID_NUMBER, number);
                candidates.iter().any(|candidate| candidate.digest == **stored)
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if same_number {
            return Ok(false);
        }
        Ok(!person::is_named(&self.keys.sealer, stored.id, &stored.name, &from.row.name)?)
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
                chip: optional(SealedField::Chip, &row.chip_number)?,
            },
            id_number_index: from.id_number.as_ref(),
            phone_index: from.phone.as_ref(),
            name_index: &from.name,
            kind: row.kind,
            department: &row.department,
            class_name: &row.class_name,
            valid_until: row.valid_until,
            digest: from.digests.first().ok_or(SealError::UnknownKey)?,
        })
    }
}

/// A row with its digests by every key, the current key's first.
struct Indexed {
    line: u64,
    row: RosterRow,
    id_number: Option<Blind>,
    phone: Option<Blind>,
    name: Blind,
    digests: Vec<Blind>,
}

impl Indexed {
    fn refused(&self, reason: &str) -> RefusedRow {
        RefusedRow { line: self.line, reason: reason.to_owned() }
    }
}

/// The counts of one commit.
#[derive(Default)]
struct Written {
    added: u64,
    changed: u64,
    unchanged: u64,
    refused: Vec<RefusedRow>,
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// A file after its header.
struct Reading<R> {
    lines: CsvLines<R>,
    encoding: CsvEncoding,
    header: Header,
    /// The line on which each student number occurred first.
    seen: HashMap<String, u64>,
    ended: bool,
}

impl<R: BufRead> Reading<R> {
    fn new(mut lines: CsvLines<R>, survey: &CsvSurvey) -> Result<Self, RosterError> {
        let header = match lines.next_line()? {
            Some((_, line)) => Header::parse(&line),
            None => Err("the file is empty".to_owned()),
        };
        let header = header.map_err(|fault| RosterError::Header { fault })?;
        let (encoding, seen) = (survey.encoding, HashMap::new());
        Ok(Self { lines, encoding, header, seen, ended: false })
    }

    /// The valid rows among the next lines, with line numbers; the others are added to the report.
    fn chunk(&mut self, report: &mut RosterReport) -> io::Result<Vec<(u64, RosterRow)>> {
        let mut rows = Vec::with_capacity(CHUNK);
        for _ in 0..CHUNK {
            let Some((line, content)) = self.lines.next_line()? else {
                self.ended = true;
                break;
            };
            report.read += 1;
            let row = self.header.row(&content, self.encoding);
            match row.and_then(|row| once(&mut self.seen, row, line)) {
                Ok(row) => rows.push((line, row)),
                Err(reason) => report.refused.push(RefusedRow { line, reason }),
            }
        }
        Ok(rows)
    }
}

/// Refuses a student number that occurred before in the file.
fn once(seen: &mut HashMap<String, u64>, row: RosterRow, line: u64) -> Result<RosterRow, String> {
    let first = *seen.entry(row.student_no.clone()).or_insert(line);
    if first == line { Ok(row) } else { Err(format!("student_no: stands on line {first} already")) }
}
