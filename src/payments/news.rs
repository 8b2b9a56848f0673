//! Events about orders, for the payer's clients.

use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
    },
    events::{self, Happening, NewEvent, OrderChanged},
    orders::order::Order,
};

/// Adds an event for each order whose state has changed.
pub(super) async fn tell(
    tx: &Tx,
    changed: impl Iterator<Item = &Order>,
    now: Timestamp,
) -> Result<(), DbError> {
    let new: Vec<_> = changed.map(|order| changed_event(order, now)).collect();
    events::add(tx, &new).await
}

fn changed_event(order: &Order, now: Timestamp) -> NewEvent {
    let changed = OrderChanged { order_id: order.id.uuid(), state: order.state.code().to_owned() };
    NewEvent {
        school: order.school,
        person: order.person,
        what: Happening::OrderChanged(changed),
        at: now,
    }
}
