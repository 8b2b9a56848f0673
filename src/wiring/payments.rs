//! Orders, payments and callbacks.

use super::{Ground, JobContext, shared::Shared};
use crate::{
    base::lane::Lanes,
    messages::{Messengers, Telling},
    payments::{Payments, gateways::Gateways, pace::Pace, settle::Settling, sweep},
};
use std::sync::Arc;
use tokio::sync::Notify;

/// The most facts that are settled in one commit.
const SETTLE_BATCH: usize = 64;

/// What reaches the providers.
pub(super) struct Through {
    pub(super) gateways: Gateways,
    pub(super) messengers: Messengers,
}

pub(super) fn build(ground: &Ground<'_>, shared: &Shared, through: Through) -> Payments {
    let Ground { config, clock, db, kv, .. } = *ground;
    let wake: Arc<Notify> = Arc::default();
    let telling =
        Telling { schools: Arc::clone(&shared.schools), messengers: Arc::new(through.messengers) };
    let settling = Settling {
        db: ground.lane_db.clone(),
        clock: Arc::clone(clock),
        sealer: Arc::clone(ground.sealer),
        sweep: Arc::clone(&wake),
        outbox: Arc::clone(ground.outbox),
        telling: telling.clone(),
    };
    Payments {
        db: db.clone(),
        kv: Arc::clone(kv),
        schools: Arc::clone(&shared.schools),
        gateways: Arc::new(through.gateways),
        settling: Lanes::start(ground.threads, settling, config.ledger.lanes, SETTLE_BATCH),
        clock: Arc::clone(clock),
        pace: Pace::new(config.payments.first_look),
        most_open_orders: config.payments.most_open_orders.into(),
        wake,
        sealer: Arc::clone(ground.sealer),
        outbox: Arc::clone(ground.outbox),
        telling,
    }
}

/// Asks providers about open payments, and deletes old idempotency keys.
pub(super) fn start_jobs(payments: &Payments, context: &JobContext<'_>) {
    let payments = Payments { db: context.db.clone(), ..payments.clone() };
    context.jobs.spawn("sweep", move || payments.clone().sweep());
    let (db, clock) = (context.db.clone(), Arc::clone(context.clock));
    context
        .jobs
        .spawn("idempotency keys", move || sweep::delete_old_keys(db.clone(), Arc::clone(&clock)));
}
