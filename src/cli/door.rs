//! `door rights import` takes up a dormitory's allocation, `door locks import` the locks that people open
//! from the phone; `library readers` exports the table that a library holds.
#![expect(clippy::doc_markdown, reason = "these comments are what --help prints, as they stand")]

use super::{CommandError, open, terminal::school_of, up_to_date_database};
use crate::{
    access::{
        allocation::{AllocationError, AllocationImport, AllocationReport},
        readers::Readers,
    },
    base::{
        clock::{Clock, SystemClock},
        crypto::blind::BlindIndex,
        db::{Actor, Db},
        ids::SchoolId,
    },
    config::Config,
    keyring::import::{self, LockReport},
    terminals::DoorGroup,
};
use clap::{Args, Subcommand};
use std::{fs::OpenOptions, path::PathBuf, process::ExitCode};

#[derive(Debug, Subcommand)]
pub(super) enum Door {
    /// Who may pass which doors
    #[command(subcommand, arg_required_else_help = true)]
    Rights(DoorRights),
    /// The locks that people open from the phone
    #[command(subcommand, arg_required_else_help = true)]
    Locks(DoorLocks),
}

#[derive(Debug, Subcommand)]
pub(super) enum DoorRights {
    /// Replace the allocation of the door groups that a CSV file names
    ///
    /// UTF-8 or GBK, with a heading of these columns, in any order: student_no,door_group, and where
    /// wanted from,until,hours. A line is one right. from and until are days in Beijing, as in
    /// 2026-09-01, both included; without them the right begins now, or has no end. hours are those of
    /// each day, 06:00-23:30, or 22:00-06:00 across midnight; without them the whole day.
    ///
    /// Nothing is imported where any line is bad; each is printed with its reason. All groups change at
    /// one moment. Groups that the file does not name stay as they are, and so do rights that staff
    /// gave. Safe to repeat. Audited.
    #[command(after_help = "Example:\n  \
        onecard door rights import --school xnec dormitories.csv --reason \"autumn term\"")]
    Import(DoorRightsImport),
}

#[derive(Debug, Args)]
pub(super) struct DoorRightsImport {
    /// A group that is emptied if the file does not name it; may be repeated
    #[arg(long, value_name = "NAME")]
    group: Vec<DoorGroup>,
    #[command(flatten)]
    of: SchoolFile,
}

/// The file of a school.
#[derive(Debug, Args)]
pub(super) struct SchoolFile {
    /// The code of the school
    #[arg(long, value_name = "CODE")]
    school: String,
    /// The file
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum DoorLocks {
    /// Take up locks from a CSV file
    ///
    /// UTF-8 or GBK, with a heading of these columns, in any order: lock_id,door_group,name, and place
    /// where it helps to find the door. lock_id is what the locks' adapter calls it
    /// (docs/lock-adapter.md); whoever has a right to the door group may open it. Safe to repeat. Prints
    /// how many rows were read, added, changed and refused, and for each refused row its line and the
    /// reason: then nothing is imported, and the exit code is 1. Removes nothing. Audited.
    #[command(after_help = "Example:\n  onecard door locks import --school xnec locks.csv")]
    Import(SchoolFile),
}

#[derive(Debug, Subcommand)]
pub(super) enum Library {
    /// Write the table of the library's readers to a new CSV file: reader,student_no
    ///
    /// A library's desk is told a pseudonym of the reader, never a student number; this file, which
    /// the library keeps, says whose it is. Everybody on the roster is in it. Pseudonyms never change:
    /// export again after a roster was imported. The file must not exist. Hand it over in person, and
    /// delete the copy. Audited.
    #[command(after_help = "Example:\n  \
        onecard library readers --school xnec readers.csv --reason \"for the library\"")]
    Readers(SchoolFile),
}

pub(super) async fn import_rights(
    config: &Config,
    DoorRightsImport { group, of: SchoolFile { school, file } }: &DoorRightsImport,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let (db, school) = database_of(config, school, by).await?;
    let import = AllocationImport { db: &db, school, groups: group, clock: &SystemClock };
    match import.run(open(file)?).await {
        Ok(AllocationReport { rights, people, groups, .. }) => {
            let names: Vec<&str> = groups.iter().map(|group| &**group).collect();
            println!("{rights} rights of {people} people at {}", names.join(", "));
            Ok(ExitCode::SUCCESS)
        }
        Err(AllocationError::Lines { bad, count }) => {
            for bad in &bad {
                println!("line {}: {}", bad.line, bad.reason);
            }
            println!("{count} lines are bad; nothing was imported");
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn import_locks(
    config: &Config,
    SchoolFile { school, file }: &SchoolFile,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let (db, school) = database_of(config, school, by).await?;
    let report = import::import_locks(&db, school, open(file)?, SystemClock.now()).await?;
    let LockReport { read, added, changed, unchanged, refused } = report;
    for (line, reason) in &refused {
        println!("line {line}: refused: {reason}");
    }
    if !refused.is_empty() {
        println!("nothing was imported");
    }
    let count = refused.len();
    println!(
        "{read} rows read: {added} added, {changed} changed, {unchanged} unchanged, {count} refused"
    );
    Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) async fn readers(
    config: &Config,
    SchoolFile { school, file }: &SchoolFile,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let (db, school) = database_of(config, school, by).await?;
    // Before anything is recorded: a file that exists is not overwritten.
    let created = new_file().open(file);
    let created = created.map_err(|cause| CommandError::File { path: file.clone(), cause })?;
    let readers = Readers::new(BlindIndex::new(config.keys.index.clone()));
    let rows = readers.export(&db, school, SystemClock.now()).await?;
    let mut table = csv::Writer::from_writer(created);
    table.write_record(["reader", "student_no"])?;
    for row in &rows {
        table.write_record([&row.reader.to_string(), &row.student_no])?;
    }
    table.flush()?;
    println!("{} readers", rows.len());
    Ok(ExitCode::SUCCESS)
}

/// The database, acting as whoever runs the command, and the school with this code.
async fn database_of(
    config: &Config,
    school: &str,
    by: Actor,
) -> Result<(Db, SchoolId), CommandError> {
    let db = up_to_date_database(config).await?.acting_as(by);
    let school = school_of(&db, school).await?;
    Ok((db, school))
}

/// A new file that only its owner reads.
fn new_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
