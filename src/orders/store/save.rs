//! Locks attempts and saves their new states, in bulk.

use super::{attempt, authentic_attempt};
use crate::{
    base::{
        clock::Timestamp,
        db::{Column, DbError, Rows, Tx, Write},
        ids::uuid_at,
    },
    orders::{
        ReceivedAnswer, ReceivedMessage,
        order::{Attempt, PaymentId, PaymentState},
    },
};
use std::collections::HashMap;

/// Payments with their orders.
pub(super) const ATTEMPT_FROM: &str = "SELECT o.id AS o_id, o.school_id AS o_school_id, \
    o.person_id AS o_person_id, o.purpose AS o_purpose, o.amount_fen AS o_amount_fen, \
    o.state AS o_state, o.created_at AS o_created_at, o.expires_at AS o_expires_at, \
    o.paid_at AS o_paid_at, o.mac AS o_mac, p.id, \
    p.order_id, p.school_id, p.provider, p.merchant, p.app_id, p.payer, p.amount_fen, p.state, \
    p.transaction_id, p.created_at, p.paid_at, p.look_at, p.payer_user_id, p.given_back_fen, p.mac \
    FROM payment p JOIN orders o ON o.id = p.order_id";
const ATTEMPT: &str = "WHERE p.id {keys1} ORDER BY o.id, p.id";

/// Locks payments and their orders, in the orders' order.
pub(in crate::orders) async fn lock(
    tx: &Tx,
    payments: impl Iterator<Item = PaymentId>,
) -> Result<HashMap<PaymentId, Attempt>, DbError> {
    let ids = vec![Column::Uuid(payments.map(PaymentId::uuid).collect())];
    let lock = if tx.has_row_locks() { "FOR UPDATE OF o, p" } else { "" };
    let found = tx.select_keys(&format!("{ATTEMPT_FROM} {ATTEMPT} {lock}"), ids).await?;
    let mut attempts = HashMap::with_capacity(found.len());
    for row in &found {
        let attempt = attempt(tx, row)?;
        attempts.insert(attempt.payment.id, attempt);
    }
    Ok(attempts)
}

/// Reads payments with their orders, without a lock. One that is not authentic is left out, so that it
/// keeps nobody else waiting.
pub(in crate::orders) async fn attempts(
    tx: &Tx,
    payments: impl Iterator<Item = PaymentId>,
) -> Result<Vec<Attempt>, DbError> {
    let ids = vec![Column::Uuid(payments.map(PaymentId::uuid).collect())];
    let sql = format!("{ATTEMPT_FROM} {ATTEMPT}");
    let found = tx.select_keys(&sql, ids).await?;
    found.iter().filter_map(|row| authentic_attempt(tx, row).transpose()).collect()
}

/// Saves attempts as `(was, is)`, each by compare-and-set on the state that was read, together with
/// messages and other writes.
pub(in crate::orders) async fn save(
    tx: &Tx,
    moved: &[(Attempt, Attempt)],
    messages: &[ReceivedMessage<'_>],
    beside: Vec<Write>,
) -> Result<(), DbError> {
    let orders: Vec<_> = moved.iter().filter(|(was, is)| was.order != is.order).collect();
    let payments: Vec<_> = moved.iter().filter(|(was, is)| was.payment != is.payment).collect();
    let mut writes = vec![
        Write::Update {
            table: "orders",
            rows: order_states(&orders),
            set: "state = r.now, paid_at = NULLIF(r.paid_at, 0)",
            guard: "orders.state = r.was",
        },
        Write::Update {
            table: "payment",
            rows: payment_states(&payments),
            set: "state = r.now, transaction_id = NULLIF(r.transaction_id, ''), \
                  paid_at = NULLIF(r.paid_at, 0)",
            guard: "payment.state = r.was",
        },
        Write::Insert {
            table: "notification",
            rows: message_rows(messages),
            suffix: "ON CONFLICT (school_id, provider, notification_id) DO NOTHING",
        },
    ];
    writes.extend(beside);
    tx.write_all(writes).await
}

fn order_states(moved: &[&(Attempt, Attempt)]) -> Rows {
    let paid_at =
        |(_, is): &&(Attempt, Attempt)| is.order.state.paid_at().map_or(0, Timestamp::micros);
    Rows::new(vec![
        ("id", Column::Uuid(moved.iter().map(|(_, is)| is.order.id.uuid()).collect())),
        ("was", Column::Text(moved.iter().map(|(was, _)| was.order.state.code().into()).collect())),
        ("now", Column::Text(moved.iter().map(|(_, is)| is.order.state.code().into()).collect())),
        ("paid_at", Column::I64(moved.iter().map(paid_at).collect())),
    ])
}

fn payment_states(moved: &[&(Attempt, Attempt)]) -> Rows {
    let paid = |state: &PaymentState| match state {
        PaymentState::Paid { transaction_id, paid_at } => {
            (transaction_id.clone(), paid_at.micros())
        }
        PaymentState::Open | PaymentState::Closed => (String::new(), 0),
    };
    let states = || moved.iter().map(|(was, is)| (&was.payment.state, &is.payment.state));
    Rows::new(vec![
        ("id", Column::Uuid(moved.iter().map(|(_, is)| is.payment.id.uuid()).collect())),
        ("was", Column::Text(states().map(|(was, _)| was.code().into()).collect())),
        ("now", Column::Text(states().map(|(_, is)| is.code().into()).collect())),
        ("transaction_id", Column::Text(states().map(|(_, is)| paid(is).0).collect())),
        ("paid_at", Column::I64(states().map(|(_, is)| paid(is).1).collect())),
    ])
}

fn message_rows(messages: &[ReceivedMessage<'_>]) -> Rows {
    let text = |f: for<'a> fn(&'a ReceivedMessage<'a>) -> &'a str| {
        Column::Text(messages.iter().map(|m| f(m).to_owned()).collect())
    };
    Rows::new(vec![
        ("id", Column::Uuid(messages.iter().map(|m| uuid_at(m.received_at)).collect())),
        ("school_id", Column::I64(messages.iter().map(|m| m.school.number()).collect())),
        ("provider", text(|m| m.provider.code())),
        ("notification_id", text(|m| m.notification_id)),
        ("out_trade_no", text(|m| m.out_trade_no)),
        ("transaction_id", text(|m| m.transaction_id)),
        ("verdict", text(|m| m.verdict)),
        ("body", Column::Bytes(messages.iter().map(|m| m.body.to_vec()).collect())),
        ("headers", text(|m| &m.headers)),
        ("received_at", Column::I64(messages.iter().map(|m| m.received_at.micros()).collect())),
        ("ask_at", Column::I64(messages.iter().map(ask_at).collect())),
    ])
}

pub(in crate::orders) fn write_of_answers(answers: &[ReceivedAnswer<'_>]) -> Write {
    let text = |f: for<'a> fn(&'a ReceivedAnswer<'a>) -> &'a str| {
        Column::Text(answers.iter().map(|a| f(a).to_owned()).collect())
    };
    let rows = Rows::new(vec![
        ("id", Column::Uuid(answers.iter().map(|a| uuid_at(a.received_at)).collect())),
        ("school_id", Column::I64(answers.iter().map(|a| a.school.number()).collect())),
        ("provider", text(|a| a.fact.provider.code())),
        ("merchant_number", text(|a| &a.fact.merchant)),
        // Empty for a message.
        ("out_trade_no", text(|a| if a.asked { &a.fact.out_trade_no } else { "" })),
        ("transaction_id", text(|a| &a.fact.transaction_id)),
        ("headers", text(|a| &a.headers)),
        ("body", Column::Bytes(answers.iter().map(|a| a.body.to_vec()).collect())),
        ("received_at", Column::I64(answers.iter().map(|a| a.received_at.micros()).collect())),
    ]);
    let suffix = "ON CONFLICT (provider, merchant_number, transaction_id) DO NOTHING";
    Write::Insert { table: "provider_answer", rows, suffix }
}

/// The time of the first inquiry; zero if the provider need not be asked.
fn ask_at(message: &ReceivedMessage<'_>) -> i64 {
    if message.ask { message.received_at.micros() } else { 0 }
}
