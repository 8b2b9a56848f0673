//! Rosters that members of staff upload.

use super::{Ground, JobContext, shared::Shared};
use crate::{roster_imports::RosterDesk, stored_files::StoredFiles};
use std::sync::Arc;
use tokio::sync::Notify;

pub(super) fn build(ground: &Ground<'_>, shared: &Shared) -> RosterDesk {
    let (db, clock) = (ground.db.clone(), Arc::clone(ground.clock));
    let files = StoredFiles {
        db: db.clone(),
        sealer: shared.keys.sealer.clone(),
        clock: Arc::clone(&clock),
    };
    RosterDesk { db, files, keys: shared.keys.clone(), clock, wake: Arc::new(Notify::new()) }
}

/// Checks and imports what is due, and deletes old refused rows.
pub(super) fn start_jobs(desk: &RosterDesk, context: &JobContext<'_>) {
    let db = context.db.clone();
    let files = StoredFiles { db: db.clone(), ..desk.files.clone() };
    let desk = RosterDesk { db, files, ..desk.clone() };
    let working = desk.clone();
    context.jobs.spawn("rosters", move || working.clone().work());
    context.jobs.spawn("old refused rows", move || desk.clone().delete_old());
}
