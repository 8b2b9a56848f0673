//! `keys try`: whether providers accept the configured keys, before there is a member of staff.

use super::{CommandError, args};
use crate::{
    app::App,
    base::{
        clock::{Clock, SystemClock},
        db::Actor,
    },
    key_trials::{KeyTrialError, KeyTrialState, TrialVerdict},
    wiring::Settings,
};
use std::{process::ExitCode, sync::Arc};

pub(super) async fn run(
    settings: Settings,
    arguments: &args::KeysTry,
    by: Actor,
) -> Result<ExitCode, CommandError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let app = App::build(settings, Arc::clone(&clock)).await?;
    match app.db.pending_migrations().await? {
        0 => {}
        pending => return Err(CommandError::NotMigrated(pending)),
    }
    app.journeys.ready_keys(&app.db, clock.now()).await?;
    let found = app.journeys.schools.by_code(&arguments.school).await?;
    let school = found.ok_or_else(|| CommandError::NoSchool(arguments.school.clone()))?.id;
    let trials = &app.journeys.staff.trials;
    let all = trials.of(school).await?.into_iter().map(|state| state.section);
    let wanted = |section: &&str| arguments.provider.as_ref().is_none_or(|one| one == section);
    let sections: Vec<&str> = all.filter(wanted).collect();
    if sections.is_empty() {
        return Err(KeyTrialError::NotConfigured.into());
    }
    let mut all_good = true;
    for section in sections {
        let state = trials.try_by_command(school, section, by.clone()).await?;
        all_good &= print(&state);
    }
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints what was found; whether the keys are good.
fn print(state: &KeyTrialState) -> bool {
    let KeyTrialState { section, title, last, words } = state;
    let finding = last.as_ref().map(|last| last.tried.finding);
    let label = finding.map_or("", |finding| finding.label());
    println!("{section}（{title}）: {label}\n  {words}");
    finding.is_some_and(|finding| finding.verdict() == TrialVerdict::Good)
}
