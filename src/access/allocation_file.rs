//! The CSV file of a dormitory's allocation.

use super::{
    allocation::{AllocationError, BadLines},
    rights::{DayWindow, DoorTimes},
};
use crate::{
    base::{
        clock::{Day, Timestamp},
        csv_file::{self, CsvHeader, CsvLines, CsvSurvey},
    },
    terminals::DoorGroup,
};
use std::{
    collections::HashMap,
    io::{BufRead, Seek},
};

/// The most lines, above the size of any campus.
const MAX_LINES: u64 = 500_000;
/// The most rights of one person at one group.
const MAX_RIGHTS: usize = 20;
/// The columns; the first two are needed.
const COLUMNS: [&str; 5] = ["student_no", "door_group", "from", "until", "hours"];
const NEEDED: usize = 2;

/// A good line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AllocationRow {
    pub(super) line: u64,
    pub(super) student_no: String,
    pub(super) group: DoorGroup,
    pub(super) times: DoorTimes,
}

/// The rows of a file; what is wrong with others is added to `bad`.
pub(super) fn read_rows(
    mut file: impl BufRead + Seek,
    now: Timestamp,
    bad: &mut BadLines,
) -> Result<Vec<AllocationRow>, AllocationError> {
    let survey = CsvSurvey::of(&mut file)?;
    if survey.rows > MAX_LINES {
        return Err(AllocationError::TooMany(MAX_LINES));
    }
    file.rewind().map_err(csv_file::CsvFileError::from)?;
    let mut lines = CsvLines::new(file);
    let header = match lines.next_line().map_err(csv_file::CsvFileError::from)? {
        Some((_, line)) => CsvHeader::parse(&line, COLUMNS, NEEDED),
        None => Err("the file is empty".to_owned()),
    };
    let header = header.map_err(AllocationError::Header)?;
    let (mut rows, mut seen) = (Vec::new(), Seen::default());
    while let Some((line, content)) = lines.next_line().map_err(csv_file::CsvFileError::from)? {
        let row = header.row(&content, survey.encoding);
        match row.and_then(|row| row_of(line, row.fields(), now)).and_then(|row| seen.once(row)) {
            Ok(row) => rows.push(row),
            Err(reason) => bad.add(line, reason),
        }
    }
    Ok(rows)
}

/// The lines that were read before, by person and group.
#[derive(Default)]
struct Seen(HashMap<(String, String), Vec<(DoorTimes, u64)>>);

impl Seen {
    fn once(&mut self, row: AllocationRow) -> Result<AllocationRow, String> {
        let key = (row.student_no.clone(), row.group.to_string());
        let before = self.0.entry(key).or_default();
        if let Some((_, line)) = before.iter().find(|(times, _)| *times == row.times) {
            return Err(format!("is the same as line {line}"));
        }
        if before.len() >= MAX_RIGHTS {
            return Err(format!(
                "is more than the {MAX_RIGHTS}th right of one person at one group"
            ));
        }
        before.push((row.times, row.line));
        Ok(row)
    }
}

fn row_of(
    line: u64,
    [student_no, group, from, until, hours]: [&str; 5],
    now: Timestamp,
) -> Result<AllocationRow, String> {
    if student_no.is_empty() {
        return Err("student_no: is empty".to_owned());
    }
    let group: DoorGroup = group.parse().map_err(|fault| format!("door_group: {fault}"))?;
    let (student_no, times) = (student_no.to_owned(), times_of([from, until, hours], now)?);
    Ok(AllocationRow { line, student_no, group, times })
}

/// From the start of the first day, or now, to the end of the last day, within the hours.
fn times_of([from, until, hours]: [&str; 3], now: Timestamp) -> Result<DoorTimes, String> {
    let day = |column: &str, text: &str| -> Result<Option<Day>, String> {
        let day = (!text.is_empty()).then(|| text.parse::<Day>()).transpose();
        day.map_err(|fault| format!("{column}: {fault}"))
    };
    let (from, until) = (day("from", from)?, day("until", until)?);
    if from.zip(until).is_some_and(|(from, until)| until < from) {
        return Err("until: is before from".to_owned());
    }
    let until = until.map(|last| last.next().start());
    if until.is_some_and(|until| until <= now) {
        return Err("until: is past".to_owned());
    }
    let window = if hours.is_empty() { Ok(DayWindow::ALL) } else { hours.parse() };
    let window = window.map_err(|fault| format!("hours: {fault}"))?;
    Ok(DoorTimes { from: from.map_or(now, Day::start), until, window })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;
    use std::io::Cursor;

    fn read(text: &str) -> Result<Vec<AllocationRow>, String> {
        read_at(text, "2026-11-30T08:00:00+08:00")
    }

    fn read_at(text: &str, now: &str) -> Result<Vec<AllocationRow>, String> {
        let now = Timestamp::parse_rfc3339(now).unwrap();
        let mut bad = BadLines::default();
        let rows =
            read_rows(Cursor::new(text), now, &mut bad).map_err(|error| error.to_string())?;
        match bad.first() {
            None => Ok(rows),
            Some((line, reason)) => Err(format!("line {line}: {reason}")),
        }
    }

    #[test]
    fn lines_are_read() {
        let text = "door_group,student_no,hours,until,from\n\
                    一号楼,2301001,,,\n一号楼,2301002,22:00-06:00,2026-12-31,2026-12-01\n";
        let rows = read(text).unwrap();
        let instant = |text| Timestamp::parse_rfc3339(text).unwrap();
        let [first, second] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((&*first.student_no, &*first.group, first.line), ("2301001", "一号楼", 2));
        assert_eq!(first.times.from, instant("2026-11-30T08:00:00+08:00"));
        assert_eq!((first.times.until, first.times.window), (None, DayWindow::ALL));
        assert_eq!(second.times.from, instant("2026-12-01T00:00:00+08:00"));
        assert_eq!(second.times.until, Some(instant("2027-01-01T00:00:00+08:00")));
        assert_eq!(second.times.window.to_string(), "22:00-06:00");
        assert_eq!(read("student_no,door_group\n2301001,一号楼\n").unwrap().len(), 1);
    }

    #[test]
    fn mistakes_are_named() {
        let head = "student_no,door_group,from,until,hours\n";
        let many = (0..21).map(|n| format!("1,a,,,00:{n:02}-12:00\n")).collect::<Vec<_>>().concat();
        for (lines, reason) in [
            ("", "line 1: "),
            ("student_no\n", "missing: door_group"),
            ("student_no,door_group,name\n", "unknown: name"),
            ("student_no,door_group,door_group\n", "more than once: door_group"),
            (&format!("{head}1,a\n"), "line 2: has 2 fields instead of 5"),
            (&format!("{head},a,,,\n"), "line 2: student_no: is empty"),
            (&format!("{head}1,,,,\n"), "line 2: door_group: must be 1 to 40"),
            (&format!("{head}1,a,2026-13-01,,\n"), "line 2: from: not a day"),
            (&format!("{head}1,a,,31.12.2026,\n"), "line 2: until: not a day"),
            (&format!("{head}1,a,2026-12-02,2026-12-01,\n"), "line 2: until: is before from"),
            (&format!("{head}1,a,,2026-11-29,\n"), "line 2: until: is past"),
            (&format!("{head}1,a,,,6-12\n"), "line 2: hours: must be hours"),
            (&format!("{head}1,a,,,\n1,b,,,\n1,a,,,\n"), "line 4: is the same as line 2"),
            (&format!("{head}{many}"), "line 22: is more than the 20th right"),
        ] {
            let said = read(lines).unwrap_err();
            assert!(said.contains(reason), "{lines}: {said}");
        }
        for good in ["1,a,,2026-11-30,", "1,a,2026-12-01,2026-12-01,"] {
            assert_eq!(read(&format!("{head}{good}\n")).unwrap().len(), 1, "one day: {good}");
        }
    }

    /// Its last instant is before midnight in Beijing.
    #[test]
    fn a_last_day_ends_at_midnight() {
        let file = "student_no,door_group,until\n1,a,2026-11-29\n";
        assert_eq!(read_at(file, "2026-11-29T23:59:59+08:00").unwrap().len(), 1);
        let past = read_at(file, "2026-11-30T00:00:00+08:00").unwrap_err();
        assert_eq!(past, "line 2: until: is past");
    }
}
