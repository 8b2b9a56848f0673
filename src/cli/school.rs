//! `school import`: reads policies from files into the database.

use super::{CommandError, args::SchoolImport, up_to_date_database};
use crate::{
    base::{
        clock::{Clock, SystemClock},
        db::Actor,
    },
    config::Config,
    policies::{ImportOutcome, Imported, import_schools},
};
use std::process::ExitCode;

pub(super) async fn import(
    config: &Config,
    arguments: &SchoolImport,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let db = up_to_date_database(config).await?.acting_as(by);
    let now = SystemClock.now();
    let schools = import_schools(&db, &arguments.paths, arguments.replace, now).await?;
    for Imported { code, name, version, outcome, .. } in &schools {
        println!("{:<9}  {code}  version {version}  {name}", said(*outcome));
    }
    Ok(ExitCode::SUCCESS)
}

const fn said(outcome: ImportOutcome) -> &'static str {
    match outcome {
        ImportOutcome::Added => "added",
        ImportOutcome::Changed => "changed",
        ImportOutcome::Unchanged => "unchanged",
    }
}
