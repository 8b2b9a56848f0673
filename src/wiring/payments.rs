//! Orders, payments and callbacks.

use super::{Ground, JobContext, shared::Shared};
use crate::{
    base::lane::Lanes,
    topup::{TopUps, gateways::Gateways, pace::Pace, settle::Settling, sweep},
};
use std::sync::Arc;
use tokio::sync::Notify;

/// The most facts that are settled in one commit.
const SETTLE_BATCH: usize = 64;

pub(super) fn build(ground: &Ground<'_>, shared: &Shared, gateways: Gateways) -> TopUps {
    let Ground { config, clock, db, kv, .. } = *ground;
    let wake: Arc<Notify> = Arc::default();
    let settling = Settling {
        db: ground.lane_db.clone(),
        clock: Arc::clone(clock),
        sealer: Arc::clone(ground.sealer),
        sweep: Arc::clone(&wake),
    };
    TopUps {
        db: db.clone(),
        kv: Arc::clone(kv),
        schools: Arc::clone(&shared.schools),
        gateways: Arc::new(gateways),
        passwords: shared.passwords.clone(),
        settling: Lanes::start(ground.threads, settling, config.ledger.lanes, SETTLE_BATCH),
        clock: Arc::clone(clock),
        pace: Pace::new(config.payments.first_look),
        most_open_orders: config.payments.most_open_orders.into(),
        wake,
    }
}

/// Asks providers about open payments, and forgets old idempotency keys.
pub(super) fn start_jobs(topups: &TopUps, context: &JobContext<'_>) {
    let topups = TopUps { db: context.db.clone(), ..topups.clone() };
    context.jobs.spawn("sweep", move || topups.clone().sweep());
    let (db, clock) = (context.db.clone(), Arc::clone(context.clock));
    context
        .jobs
        .spawn("idempotency keys", move || sweep::forget_keys(db.clone(), Arc::clone(&clock)));
}
