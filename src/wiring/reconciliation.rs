//! Providers' bills.

use super::{Ground, JobContext, shared::Shared};
use crate::{
    payments::Payments,
    reconciliation::{BillSources, Reconciliation},
};
use std::sync::Arc;

pub(super) fn build(
    ground: &Ground<'_>,
    shared: &Shared,
    payments: &Payments,
    bills: BillSources,
) -> Reconciliation {
    Reconciliation {
        db: ground.db.clone(),
        schools: Arc::clone(&shared.schools),
        sources: Arc::new(bills),
        payments: payments.clone(),
        clock: Arc::clone(ground.clock),
        sealer: Arc::clone(ground.sealer),
    }
}

/// Compares the bills of the days before, each morning.
pub(super) fn start_jobs(room: &Reconciliation, context: &JobContext<'_>) {
    let room = Reconciliation { db: context.db.clone(), ..room.clone() };
    context.jobs.spawn("bills", move || room.clone().keep());
}
