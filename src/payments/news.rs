//! Events about orders, for the payer's clients.

use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
    },
    events::{self, Happening, NewEvent, OrderChanged},
    orders::{order::Order, refund::Refund},
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

/// Adds an event that an order shows another state, because money of it goes back.
pub(super) async fn tell_refund(
    tx: &Tx,
    refund: &Refund,
    shown: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let changed = OrderChanged { order_id: refund.order.uuid(), state: shown.to_owned() };
    let what = Happening::OrderChanged(changed);
    let (school, person) = (refund.school, refund.person);
    events::add(tx, &[NewEvent { school, person, what, at: now }]).await
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
