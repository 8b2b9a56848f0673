//! The outbox, with what each room registers to be delivered.

use super::{JobContext, Journeys};
use crate::{
    base::outbox::{Delivers, Outbox, OutboxPace},
    messages::{MessageDelivery, ShippingDelivery, Told},
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
    let Payments { telling, db, clock, .. } = &payments;
    let (telling, db, clock) = (telling.clone(), db.clone(), Arc::clone(clock));
    let message = |told| -> Arc<dyn Delivers> {
        let (telling, db, clock) = (telling.clone(), db.clone(), Arc::clone(&clock));
        Arc::new(MessageDelivery { told, telling, db, clock })
    };
    let mut handlers: Vec<Arc<dyn Delivers>> = Told::ALL.into_iter().map(message).collect();
    handlers.push(Arc::new(ShippingDelivery { telling, db, clock }));
    handlers.push(Arc::new(RefundDelivery { payments }));
    handlers
}
