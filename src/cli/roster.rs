//! `roster import`: reads the people of a school from a file into the database.

use super::{CommandError, args, open, up_to_date_database};
use crate::{
    base::{
        clock::{Clock, SystemClock},
        db::Actor,
    },
    config::Config,
    schools::{
        PersonKeys, Schools,
        roster::{RosterImport, RosterReport},
    },
};
use indicatif::{ProgressBar, ProgressStyle};
use std::{process::ExitCode, sync::Arc};

const BAR: &str = "{wide_bar} {pos} of {len} rows, {eta} left";

pub(super) async fn import(
    config: &Config,
    arguments: &args::RosterImport,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let db = up_to_date_database(config).await?.acting_as(by);
    let schools = Schools::new(db.clone(), Arc::new(SystemClock));
    let school = schools.by_code(&arguments.school).await?;
    let school = school.ok_or_else(|| CommandError::NoSchool(arguments.school.clone()))?;
    let file = open(&arguments.file)?;
    let keys = PersonKeys::new(config.keys.data.clone(), config.keys.index.clone());
    let import = RosterImport { db: &db, keys: &keys, school: school.id, now: SystemClock.now() };
    let bar = bar();
    let shown = |done, total| show(&bar, done, total);
    // Boxed: each of them is large.
    let report = if arguments.check {
        Box::pin(import.check(file, shown)).await?
    } else {
        Box::pin(import.run(file, shown)).await?
    };
    bar.finish_and_clear();
    print(&report, arguments.check);
    Ok(if report.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A progress bar, which is drawn at a terminal only.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template(BAR) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn show(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done);
}

fn print(report: &RosterReport, is_check: bool) {
    for refused in &report.refused {
        println!("line {}: refused: {}", refused.line, refused.reason);
    }
    println!(
        "{} rows read: {} added, {} changed, {} unchanged, {} refused",
        report.read,
        report.added,
        report.changed,
        report.unchanged,
        report.refused.len()
    );
    if is_check {
        println!("This was a check: nothing was written.");
    }
}
