//! What the clients of the payer hear of an order.

use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
    },
    events::{self, Happening, NewEvent, OrderChanged},
    orders::order::Order,
};

/// Tells the payers of orders that are in another state now.
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
