//! Import of a school's locks, a CSV file: `onecard door locks import`.
//!
//! Invariant: every row is counted as added, changed or unchanged, or refused with a reason. Nothing is
//! imported where one is refused: a lock would stay in the doors that it was moved out of.
//! Absent on purpose: a file removes no lock. A lock that nobody shall open belongs to a group without
//! rights.

use super::{DoorId, DoorLock, DoorName, LockId, store::locks};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::Timestamp,
        csv_file::{CsvFileError, CsvHeader, CsvLines, CsvSurvey},
        db::{Db, DbError, Tx, TxError},
        ids::SchoolId,
    },
    terminals::DoorGroup,
};
use std::{
    collections::HashMap,
    io::{BufRead, Seek},
};

/// The columns, of which the last may be left out.
const COLUMNS: [&str; 4] = ["lock_id", "door_group", "name", "place"];
const NEEDED: usize = 3;
/// The most rows, above the size of any campus.
const MAX_ROWS: u64 = 50_000;
/// The longest place, in characters.
const MAX_PLACE: usize = 40;
/// Rows per commit.
const CHUNK: usize = 500;

/// Why an import stopped. Committed rows remain; it is safe to import again.
#[derive(Debug, thiserror::Error)]
pub enum LockImportError {
    /// The file cannot be read.
    #[error("the list of locks cannot be read: {0}")]
    File(#[from] CsvFileError),
    /// The file is too long.
    #[error("the list of locks has more than {MAX_ROWS} rows")]
    TooLong,
    /// The first line is not a valid header.
    #[error("line 1: the header must be lock_id,door_group,name and may have place; {0}")]
    Header(String),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for LockImportError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::File(_) | Self::TooLong | Self::Header(_) => None,
        }
    }
}

/// The result of an import: `read` is the sum of the other counts, unless a row is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockReport {
    /// Rows in the file, without the header and empty lines.
    pub read: usize,
    /// Locks added.
    pub added: usize,
    /// Locks whose group, name or place changed.
    pub changed: usize,
    /// Locks that stayed as they were.
    pub unchanged: usize,
    /// Refused rows: the line, counted from 1, and why.
    pub refused: Vec<(u64, String)>,
}

/// A row of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LockRow {
    lock: LockId,
    group: DoorGroup,
    name: DoorName,
    place: String,
}

/// Imports the locks of a school from a file in UTF-8 or GBK.
pub async fn import_locks(
    db: &Db,
    school: SchoolId,
    file: impl BufRead + Seek,
    now: Timestamp,
) -> Result<LockReport, LockImportError> {
    let (rows, mut report) = read(file)?;
    if !report.refused.is_empty() {
        return Ok(report);
    }
    for chunk in rows.chunks(CHUNK) {
        let done = db.in_tx(async |tx| write(tx, school, chunk, now).await).await?;
        report.added += done.added;
        report.changed += done.changed;
        report.unchanged += done.unchanged;
    }
    Ok(report)
}

async fn write(
    tx: &Tx,
    school: SchoolId,
    rows: &[LockRow],
    now: Timestamp,
) -> Result<LockReport, DbError> {
    let ids = rows.iter().map(|row| row.lock.to_string()).collect();
    let known = locks::by_lock_ids(tx, school, ids).await?;
    let (mut added, mut changed) = (Vec::new(), Vec::new());
    for row in rows {
        let door = |id| DoorLock {
            id,
            school,
            lock: row.lock.clone(),
            group: row.group.clone(),
            name: row.name.clone(),
            place: row.place.clone(),
        };
        match known.get(&*row.lock) {
            None => added.push(door(DoorId::new(now))),
            Some((old, authentic)) if *authentic && *old == door(old.id) => {}
            Some((old, _)) => changed.push(door(old.id)),
        }
    }
    locks::insert(tx, &added, now).await?;
    locks::replace(tx, &changed, now).await?;
    let (new, other) = (added.len(), changed.len());
    if new + other > 0 {
        let subject = "door locks".to_owned();
        let detail = format!("{new} added, {other} changed");
        let entry = Entry { act: AuditAct::LocksImported, school: Some(school), subject, detail };
        audit::record(tx, &entry, now).await?;
    }
    let unchanged = rows.len() - new - other;
    Ok(LockReport { added: new, changed: other, unchanged, ..LockReport::default() })
}

/// The good rows, and a report of the others.
fn read(mut file: impl BufRead + Seek) -> Result<(Vec<LockRow>, LockReport), LockImportError> {
    let survey = CsvSurvey::of(&mut file)?;
    if survey.rows > MAX_ROWS {
        return Err(LockImportError::TooLong);
    }
    file.rewind().map_err(CsvFileError::from)?;
    let mut lines = CsvLines::new(file);
    let header = match lines.next_line().map_err(CsvFileError::from)? {
        Some((_, line)) => CsvHeader::parse(&line, COLUMNS, NEEDED),
        None => Err("the file is empty".to_owned()),
    };
    let header = header.map_err(LockImportError::Header)?;
    let (mut rows, mut report) = (Vec::new(), LockReport::default());
    let mut first_lines: HashMap<String, u64> = HashMap::new();
    while let Some((line, content)) = lines.next_line().map_err(CsvFileError::from)? {
        report.read += 1;
        let row = header.row(&content, survey.encoding).and_then(|row| row_of(row.fields()));
        let row = row.and_then(|row| match first_lines.insert(row.lock.to_string(), line) {
            None => Ok(row),
            Some(first) => Err(format!("lock_id: stands on line {first} already")),
        });
        match row {
            Ok(row) => rows.push(row),
            Err(reason) => report.refused.push((line, reason)),
        }
    }
    Ok((rows, report))
}

fn row_of([lock, group, name, place]: [&str; 4]) -> Result<LockRow, String> {
    if place.chars().count() > MAX_PLACE || place.chars().any(char::is_control) {
        return Err(format!("place: must be at most {MAX_PLACE} characters"));
    }
    Ok(LockRow {
        lock: lock.parse().map_err(|error| format!("lock_id: {error}"))?,
        group: group.parse().map_err(|error| format!("door_group: {error}"))?,
        name: name.parse().map_err(|error| format!("name: {error}"))?,
        place: place.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::GBK;
    use std::io::Cursor;

    #[test]
    fn rows_are_read_or_refused_with_their_line() {
        let file = "\u{feff}name,lock_id,door_group,place\n\
            402 室,D3-402,东三-402,东区 3 栋\n\
            ,D3-403,东三-403,\n\
            404 室,D3/404,东三-404,\n\
            405 室,D3-405,,\n\
            406 室,D3-406\n\
            402 室,D3-402,别的,\n";
        let (rows, report) = read(Cursor::new(file)).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (&*rows[0].lock, &*rows[0].group, rows[0].place.as_str()),
            ("D3-402", "东三-402", "东区 3 栋")
        );
        assert_eq!(report.read, 6);
        let lines: Vec<_> =
            report.refused.iter().map(|(line, why)| format!("{line} {why}")).collect();
        let expected = [
            "3 name: ",
            "4 lock_id: ",
            "5 door_group: ",
            "6 has 2 fields instead of 4",
            "7 lock_id: stands on line 2",
        ];
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
        for (line, start) in lines.iter().zip(expected) {
            assert!(line.starts_with(start), "{line}");
        }
    }

    #[test]
    fn headers_and_encodings() {
        for bad in [
            "",
            "lock_id,door_group\n",
            "lock_id,door_group,name,floor\n",
            "lock_id,lock_id,door_group,name\n",
        ] {
            assert!(matches!(read(Cursor::new(bad)), Err(LockImportError::Header(_))), "{bad}");
        }
        let (gbk, _, _) = GBK.encode("lock_id,door_group,name\nL1,东三,四零二\n");
        let (rows, _) = read(Cursor::new(&*gbk)).unwrap();
        assert_eq!(&*rows[0].name, "四零二");
        let (rows, report) =
            read(Cursor::new(&b"lock_id,door_group,name\nL1,\xff\xff,x\nL2,a,b\n"[..])).unwrap();
        assert_eq!((rows.len(), report.refused.len()), (1, 1), "a bad byte is a bad row");
        let (rows, report) =
            read(Cursor::new("lock_id,door_group,name\nL1,\"a,x\nL2,a,b\n")).unwrap();
        assert_eq!((rows.len(), report.refused.len()), (1, 1), "a quote ends with its line");
    }
}
