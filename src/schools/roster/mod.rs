//! Import of a school's roster, a CSV file of its people.
//!
//! Invariant: every row is counted as added, changed, unchanged, or refused with a reason.
//! Invariant: a row that is equal to the last imported one is not written again.
//! Invariant: a row never replaces one person by another, who would inherit password, bindings and
//! money: at most one of name and ID number may change at a time.
//! Invariant: a reason names a field but never its value.
//! Invariant: a check and an import decide by one function; a check writes nothing of what it decided.
//! Invariant: what is kept of a part of a file is kept in the transaction that wrote the part.

mod decide;
mod entries;
mod error;
mod example;
mod header;
mod reading;
mod row;

use super::{
    people::{ID_NUMBER, NAME, PHONE, indexed_name},
    person::{PersonKeys, PersonKind, SealedField, SealedFields},
    store::{self, OnRoster, PersonRow},
};
use crate::{
    audit::{self, Entry},
    base::{
        clock::{Day, Timestamp},
        crypto::{blind::Blind, seal::SealError},
        csv_file::{CsvLines, CsvSurvey},
        db::{Db, Tx},
        ids::{PersonId, SchoolId},
    },
    ledger::HeldPersons,
};
use decide::Decided;
pub use error::RosterError;
pub use example::RosterExample;
use reading::Reading;
use row::RosterRow;
use std::io::{BufRead, Seek};
use zeroize::Zeroizing;

/// Rows per commit.
const CHUNK: usize = 500;
/// The limit of rows, above the size of any campus.
const MAX_ROWS: u64 = 500_000;
/// The field name of whole rows in the blind index.
pub(super) const ROSTER_ROW: &str = "roster_row";

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

/// The result of an import, or of a part of it: `read` is the sum of the other counts. Of a check, what an
/// import would have done.
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
    /// The first people whose data would change; of a check only.
    pub examples: Vec<RosterExample>,
}

impl RosterReport {
    /// Adds a later part of the file.
    fn add(&mut self, part: Self) {
        self.read += part.read;
        self.added += part.added;
        self.changed += part.changed;
        self.unchanged += part.unchanged;
        self.refused.extend(part.refused);
        self.examples.extend(part.examples);
    }
}

/// A refused row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// The line in the file, counted from 1.
    pub line: u64,
    /// Whose row it is, where it says so in the form of a number; else empty.
    pub student_no: String,
    /// All faults of the row; names fields but not values.
    pub reason: String,
}

/// What is done with the rows of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Check,
    Write,
}

impl RosterImport<'_> {
    /// Imports a file in UTF-8 or GBK, and calls `on_progress` after every commit with how many of how many
    /// rows are done. Reads the file twice, first to detect its encoding and length; the reads block the
    /// thread.
    pub async fn run(
        &self,
        file: impl BufRead + Seek,
        on_progress: impl FnMut(u64, u64),
    ) -> Result<RosterReport, RosterError> {
        self.whole(file, Mode::Write, on_progress).await
    }

    /// The same, but decides only: people stay as they are.
    pub async fn check(
        &self,
        file: impl BufRead + Seek,
        on_progress: impl FnMut(u64, u64),
    ) -> Result<RosterReport, RosterError> {
        self.whole(file, Mode::Check, on_progress).await
    }

    /// Goes on with a check of a surveyed file, of which so many rows are done. `keep` is given what came of
    /// each part, in a transaction; where the transaction runs again, so does `keep`.
    pub async fn go_on_checking(
        &self,
        file: impl BufRead,
        surveyed: (&CsvSurvey, u64),
        keep: impl AsyncFn(&Tx, &RosterReport) -> Result<(), RosterError>,
    ) -> Result<(), RosterError> {
        self.parts(file, (surveyed.0, surveyed.1, Mode::Check), keep, |_| ()).await
    }

    /// Goes on with an import, likewise. `keep` is called in the transaction that writes the part.
    pub async fn go_on_writing(
        &self,
        file: impl BufRead,
        surveyed: (&CsvSurvey, u64),
        keep: impl AsyncFn(&Tx, &RosterReport) -> Result<(), RosterError>,
    ) -> Result<(), RosterError> {
        self.parts(file, (surveyed.0, surveyed.1, Mode::Write), keep, |_| ()).await
    }

    async fn whole(
        &self,
        mut file: impl BufRead + Seek,
        mode: Mode,
        mut on_progress: impl FnMut(u64, u64),
    ) -> Result<RosterReport, RosterError> {
        let survey = CsvSurvey::of(&mut file)?;
        file.rewind()?;
        let mut report = RosterReport::default();
        let keep = async |_: &Tx, _: &RosterReport| Ok(());
        let after = |part| {
            report.add(part);
            on_progress(report.read, survey.rows);
        };
        self.parts(file, (&survey, 0, mode), keep, after).await?;
        report.refused.sort_by_key(|refused| refused.line);
        report.examples.truncate(example::MOST);
        Ok(report)
    }

    /// Does the rows after the first `done`, a part in a transaction.
    async fn parts(
        &self,
        file: impl BufRead,
        (survey, done, mode): (&CsvSurvey, u64, Mode),
        keep: impl AsyncFn(&Tx, &RosterReport) -> Result<(), RosterError>,
        mut after: impl FnMut(RosterReport),
    ) -> Result<(), RosterError> {
        if survey.rows > MAX_ROWS {
            return Err(RosterError::TooManyRows);
        }
        let mut reading = Reading::new(CsvLines::new(file), survey)?;
        reading.skip(done)?;
        while !reading.ended {
            let (rows, refused) = reading.chunk()?;
            let rows: Vec<Indexed> =
                rows.into_iter().map(|(line, row)| self.indexed(line, row)).collect();
            let part = self.db.in_tx(async |tx| {
                let mut part = self.part(tx, &rows, mode).await?;
                part.read = count(rows.len() + refused.len());
                part.refused.extend(refused.iter().cloned());
                keep(tx, &part).await?;
                Ok::<_, RosterError>(part)
            });
            // Boxed: it is most of what its callers do.
            after(Box::pin(part).await?);
        }
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

    /// Decides about rows, and writes what was decided unless it is a check.
    async fn part(
        &self,
        tx: &Tx,
        rows: &[Indexed],
        mode: Mode,
    ) -> Result<RosterReport, RosterError> {
        let decided = self.decide(tx, rows).await?;
        let mut part = decided.report();
        match mode {
            Mode::Check => part.examples = self.examples(tx, &decided).await?,
            Mode::Write => self.write(tx, rows, (decided, &part)).await?,
        }
        Ok(part)
    }

    async fn write(
        &self,
        tx: &Tx,
        rows: &[Indexed],
        (decided, part): (Decided<'_>, &RosterReport),
    ) -> Result<(), RosterError> {
        let added = decided.added.into_iter();
        let added = added.map(|indexed| self.sealed(indexed, PersonId::new(self.now)));
        let added = added.collect::<Result<Vec<_>, SealError>>()?;
        let again = decided.changed.into_iter().chain(decided.rewritten).collect();
        let standings = self.update(tx, again).await?;
        if !added.is_empty() {
            store::insert_people(tx, self.school, added, self.now).await?;
        }
        if part.added + part.changed > 0 || !standings.is_empty() {
            let entries = [vec![entries::of_commit(self.school, rows, part)], standings].concat();
            audit::record_all(tx, &entries, self.now).await?;
        }
        Ok(())
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

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
