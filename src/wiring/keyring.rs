//! Doors that people open from the phone.

use super::{Ground, JobContext, shared::Shared};
use crate::keyring::{DoorKeys, LockVendors};
use std::sync::Arc;

pub(super) fn build(ground: &Ground<'_>, shared: &Shared, vendors: LockVendors) -> DoorKeys {
    DoorKeys {
        db: ground.db.clone(),
        schools: Arc::clone(&shared.schools),
        people: shared.people(),
        vendors: Arc::new(vendors),
        clock: Arc::clone(ground.clock),
    }
}

/// Asks adapters about attempts of which nobody knows, and deletes old ones.
pub(super) fn start_jobs(keys: &DoorKeys, context: &JobContext<'_>) {
    let keys = DoorKeys { db: context.db.clone(), ..keys.clone() };
    let asking = keys.clone();
    context.jobs.spawn("key ring", move || asking.clone().keep_asking());
    context.jobs.spawn("old openings", move || keys.clone().delete_old());
}
