//! Doors and library desks.

use super::{Ground, JobContext, shared::Shared};
use crate::{
    access::{Access, Passing, readers::Readers, upkeep::AccessUpkeep},
    base::lane::Lanes,
};
use std::sync::Arc;

pub(super) fn build(ground: &Ground<'_>, shared: &Shared) -> Access {
    let passing = Passing {
        db: ground.lane_db.clone(),
        clock: Arc::clone(ground.clock),
        names: shared.keys.sealer.clone(),
    };
    let lanes = ground.config.ledger.lanes;
    Access {
        db: ground.db.clone(),
        codes: shared.codes.clone(),
        schools: Arc::clone(&shared.schools),
        names: shared.keys.sealer.clone(),
        readers: Readers::new(shared.keys.index.clone()),
        passing: Lanes::start(ground.threads, passing, lanes, Passing::BATCH),
        clock: Arc::clone(ground.clock),
    }
}

/// Deletes what is old of the log and of the rights.
pub(super) fn start_jobs(access: &Access, context: &JobContext<'_>) {
    let (db, schools) = (context.db.clone(), Arc::clone(&access.schools));
    let (upkeep, clock) = (AccessUpkeep { db, schools }, Arc::clone(context.clock));
    context.jobs.spawn("log of doors", move || upkeep.clone().keep_clean(Arc::clone(&clock)));
}
