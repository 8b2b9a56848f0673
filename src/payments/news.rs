//! What the payer hears: events about orders for the payer's clients, and messages of the platform.

use super::{
    refunds::{self, IncomingRefund, RefundVerdict},
    settle::SettleError,
};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
    },
    events::{self, Happening, NewEvent, OrderChanged},
    messages::Telling,
    orders::{
        self,
        order::{Order, PaymentId},
        refund::Refund,
    },
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

/// Tells the person how an order stands after one of its refunds has ended.
pub(super) async fn tell_refund_end(
    tx: &Tx,
    order: &Order,
    refund: &Refund,
    now: Timestamp,
) -> Result<(), DbError> {
    let instead = orders::refunds::shown_instead(tx, order).await?;
    let shown = instead.unwrap_or_else(|| order.state.code());
    tell_refund(tx, refund, shown, now).await
}

/// Posts what is heard of a refund, and enqueues the message of one that is done by it.
pub(super) async fn settle_refund(
    tx: &Tx,
    telling: &Telling,
    incoming: &IncomingRefund,
    now: Timestamp,
) -> Result<RefundVerdict, SettleError> {
    let verdict = refunds::settle(tx, now, incoming).await?;
    if verdict != RefundVerdict::Settled || !telling.tells_refunds() {
        return Ok(verdict);
    }
    let fact = &incoming.fact;
    if let Some(payment) = PaymentId::from_out_trade_no(&fact.out_trade_no) {
        let known = orders::refunds::of_payment(tx, payment).await?;
        let done = known.iter().find(|refund| refund.number == fact.out_refund_no);
        if let Some(refund) = done {
            telling.refund_done(tx, refund, now).await?;
        }
    }
    Ok(verdict)
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
