//! The import of a dormitory's allocation: a CSV file of people and the doors that are theirs.
//!
//! Invariant: nothing is imported unless every line is good.
//! Invariant: the allocation of the groups that the file names is replaced at one commit. Rows are
//! written before, in small commits, and hold for nobody until then.
//! Absent on purpose: locks of persons, of which a till would wait for tens of thousands.

use super::{
    allocation_file::{AllocationRow, read_rows},
    rights::{AllocationId, DoorRight, DoorRightId, RightSource},
    store,
};
use crate::{
    audit::{self, AuditAct, Entry},
    base::{
        clock::{Clock, Timestamp},
        csv_file::CsvFileError,
        db::{Db, DbError, Source, Tx, TxError},
        ids::{PersonId, SchoolId},
    },
    schools::People,
    terminals::DoorGroup,
};
use std::{
    collections::{BTreeSet, HashMap},
    io::{BufRead, Seek},
};

/// Rows per commit, and people per query.
const CHUNK: usize = 500;
/// How many bad lines are named.
const NAMED: usize = 1000;

/// A line that cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Counted from 1.
    pub line: u64,
    /// What is wrong.
    pub reason: String,
}

/// The result of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllocationReport {
    /// Its id, as in the audit log.
    pub allocation: AllocationId,
    /// How many rights it has.
    pub rights: usize,
    /// How many people.
    pub people: usize,
    /// The groups whose allocation it replaced.
    pub groups: Vec<DoorGroup>,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum AllocationError {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    File(#[from] CsvFileError),
    /// The first line is not a valid header.
    #[error("line 1: the header must be student_no,door_group and may have from,until,hours; {0}")]
    Header(String),
    /// Some lines are bad.
    #[error("{count} lines are bad; nothing was imported")]
    Lines {
        /// The first thousand.
        bad: Vec<BadLine>,
        /// How many.
        count: usize,
    },
    /// The file has too many lines.
    #[error("the file has more than {0} lines")]
    TooMany(u64),
    /// No group is named.
    #[error("the file names no door group")]
    Empty,
    /// Rows of this import were deleted before it ended.
    #[error("the import took so long that its rows were cleaned up; import again")]
    Slow,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for AllocationError {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::File(_)
            | Self::Header(_)
            | Self::Lines { .. }
            | Self::TooMany(_)
            | Self::Empty
            | Self::Slow => None,
        }
    }
}

/// Lines that cannot be imported, of which the first thousand are kept.
#[derive(Debug, Default)]
pub(super) struct BadLines {
    bad: Vec<BadLine>,
    count: usize,
}

impl BadLines {
    pub(super) fn add(&mut self, line: u64, reason: impl Into<String>) {
        self.count += 1;
        if self.bad.len() < NAMED {
            self.bad.push(BadLine { line, reason: reason.into() });
        }
    }

    /// The first of them.
    #[cfg(test)]
    pub(super) fn first(&self) -> Option<(u64, &str)> {
        self.bad.first().map(|bad| (bad.line, bad.reason.as_str()))
    }

    fn none(mut self) -> Result<(), AllocationError> {
        self.bad.sort_by_key(|bad| bad.line);
        match self.count {
            0 => Ok(()),
            count => Err(AllocationError::Lines { bad: self.bad, count }),
        }
    }
}

/// The import of an allocation.
#[derive(Debug)]
pub struct AllocationImport<'a> {
    /// The database.
    pub db: &'a Db,
    /// The school.
    pub school: SchoolId,
    /// Groups that are replaced even if the file names nobody for them.
    pub groups: &'a [DoorGroup],
    /// The source of the current time.
    pub clock: &'a dyn Clock,
}

impl AllocationImport<'_> {
    /// Imports a file in UTF-8 or GBK. Reads it twice; the reads block the thread.
    pub async fn run(
        &self,
        file: impl BufRead + Seek,
    ) -> Result<AllocationReport, AllocationError> {
        let now = self.clock.now();
        let mut bad = BadLines::default();
        let rows = read_rows(file, now, &mut bad)?;
        let people = self.people(&rows, &mut bad).await?;
        bad.none()?;
        let named = rows.iter().map(|row| row.group.to_string());
        let groups: BTreeSet<String> =
            named.chain(self.groups.iter().map(ToString::to_string)).collect();
        if groups.is_empty() {
            return Err(AllocationError::Empty);
        }
        let allocation = AllocationId::new(now);
        for rows in rows.chunks(CHUNK) {
            self.write(allocation, (rows, &people), now).await?;
        }
        self.switch(allocation, (&groups, rows.len(), people.len())).await?;
        let groups = groups.iter().filter_map(|group| group.parse().ok()).collect();
        Ok(AllocationReport { allocation, rights: rows.len(), people: people.len(), groups })
    }

    /// The people of all rows, by student number.
    async fn people(
        &self,
        rows: &[AllocationRow],
        bad: &mut BadLines,
    ) -> Result<HashMap<String, PersonId>, DbError> {
        let numbers: BTreeSet<&String> = rows.iter().map(|row| &row.student_no).collect();
        let numbers: Vec<String> = numbers.into_iter().cloned().collect();
        let mut people = HashMap::with_capacity(numbers.len());
        for numbers in numbers.chunks(CHUNK) {
            let source = Source::Db(self.db);
            people.extend(People::by_student_nos(source, self.school, numbers.to_vec()).await?);
        }
        for row in rows.iter().filter(|row| !people.contains_key(&row.student_no)) {
            bad.add(row.line, "student_no: nobody on the roster has this number");
        }
        Ok(people)
    }

    /// Writes rows that hold for nobody yet.
    async fn write(
        &self,
        allocation: AllocationId,
        (rows, people): (&[AllocationRow], &HashMap<String, PersonId>),
        now: Timestamp,
    ) -> Result<(), AllocationError> {
        let rights = rows.iter().filter_map(|row| {
            let person = *people.get(&row.student_no)?;
            let (id, source) = (DoorRightId::new(now), RightSource::Allocation);
            Some(DoorRight { id, person, group: row.group.clone(), times: row.times, source })
        });
        let rights: Vec<DoorRight> = rights.collect();
        let write = async |tx: &Tx| {
            store::rights::insert(tx, self.school, &rights, (allocation.uuid(), now)).await
        };
        Ok(self.db.in_tx(write).await?)
    }

    /// Puts the allocation in force, at one commit.
    async fn switch(
        &self,
        allocation: AllocationId,
        (groups, rights, people): (&BTreeSet<String>, usize, usize),
    ) -> Result<(), AllocationError> {
        self.db
            .in_tx(async |tx| {
                if store::rights::count_of(tx, allocation).await? != rights {
                    return Err(AllocationError::Slow);
                }
                let now = self.clock.now();
                store::rights::switch(tx, self.school, (groups, allocation), now).await?;
                let names = groups.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                let entry = Entry {
                    act: AuditAct::DoorsAllocated,
                    school: Some(self.school),
                    subject: format!("allocation {allocation}"),
                    detail: format!("{rights} rights of {people} people, doors {names}"),
                };
                Ok(audit::record(tx, &entry, now).await?)
            })
            .await
    }
}
