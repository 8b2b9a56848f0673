//! `door locks import`: takes up the locks that people open from the phone.
#![expect(clippy::doc_markdown, reason = "these comments are what --help prints, as they stand")]

use super::{CommandError, open, terminal::school_of, up_to_date_database};
use crate::{
    base::{
        clock::{Clock, SystemClock},
        db::Actor,
    },
    config::Config,
    keyring::import::{LockReport, import_locks},
};
use clap::{Args, Subcommand};
use std::{path::PathBuf, process::ExitCode};

#[derive(Debug, Subcommand)]
pub(super) enum Locks {
    /// Take up locks from a CSV file
    ///
    /// UTF-8 or GBK, with a heading of these columns, in any order: lock_id,door_group,name, and place
    /// where it helps to find the door. lock_id is what the locks' adapter calls it
    /// (docs/lock-adapter.md); whoever has a right to the door group may open it. Safe to repeat. Prints
    /// how many rows were read, added, changed and refused, and for each refused row its line and the
    /// reason; removes nothing. Exits with 1 if a row was refused. Audited.
    #[command(after_help = "Example:\n  onecard door locks import --school xnec locks.csv")]
    Import(LocksImport),
}

#[derive(Debug, Args)]
pub(super) struct LocksImport {
    /// The code of the school
    #[arg(long, value_name = "CODE")]
    school: String,
    /// The locks
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
}

pub(super) async fn import(
    config: &Config,
    LocksImport { school, file }: &LocksImport,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let db = up_to_date_database(config).await?.acting_as(by);
    let school = school_of(&db, school).await?;
    let report = import_locks(&db, school, open(file)?, SystemClock.now()).await?;
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
