//! The outbox, with what each room registers to be delivered.

use super::{JobContext, Journeys};
use crate::{
    base::outbox::{Delivers, Outbox, OutboxPace},
    payments::{Payments, refunds::RefundDelivery},
};
use std::sync::Arc;

/// Delivers what is due.
pub(super) fn start_jobs(journeys: &Journeys, context: &JobContext<'_>) {
    let payments = Payments { db: context.db.clone(), ..journeys.payments.clone() };
    let outbox = Outbox {
        db: context.db.clone(),
        clock: Arc::clone(context.clock),
        pace: OutboxPace::new(payments.pace.first_delay()),
        wake: Arc::clone(&payments.outbox),
        handlers: handlers(payments),
    };
    context.jobs.spawn("outbox", move || outbox.clone().run());
}

fn handlers(payments: Payments) -> Vec<Arc<dyn Delivers>> {
    vec![Arc::new(RefundDelivery { payments })]
}
