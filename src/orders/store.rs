//! Rows of orders, payments, messages, idempotency keys and cases.

use super::{
    Case, Message, NewOrder,
    gateway::Provider,
    order::{Attempt, Order, OrderId, OrderState, Payment, PaymentId, PaymentState, Purpose},
};
use crate::base::{
    clock::Timestamp,
    db::{Column, Db, DbError, Rows, Tx, Write},
    ids::{PersonId, SchoolId, uuid_at},
    money::Fen,
};
use entity::{idempotency_key, orders, payment};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QueryResult,
};
use std::collections::HashMap;

const ATTEMPT: &str = "SELECT o.id AS o_id, o.school_id AS o_school_id, o.person_id AS o_person_id, \
    o.purpose AS o_purpose, o.amount_fen AS o_amount_fen, o.state AS o_state, \
    o.created_at AS o_created_at, o.expires_at AS o_expires_at, o.paid_at AS o_paid_at, p.* \
    FROM {rows} JOIN payment p ON p.id = r.id JOIN orders o ON o.id = p.order_id \
    ORDER BY o.id, p.id";

/// Inserts an order with its first payment, under its idempotency key. A unique violation means
/// that the key is taken.
pub(super) async fn insert(tx: &Tx, new: &NewOrder) -> Result<(), DbError> {
    let Attempt { order, payment } = &new.attempt;
    idempotency_key::Entity::insert(idempotency_key::ActiveModel {
        person_id: Set(order.person.uuid()),
        scope: Set(new.scope.to_owned()),
        key: Set(new.key.clone()),
        request_hash: Set(new.request_hash.to_vec()),
        resource_id: Set(order.id.uuid()),
        created_at: Set(order.created_at.micros()),
    })
    .exec_without_returning(tx.conn())
    .await?;
    orders::Entity::insert(order_row(order)).exec_without_returning(tx.conn()).await?;
    payment::Entity::insert(payment_row(order, payment)).exec_without_returning(tx.conn()).await?;
    Ok(())
}

fn order_row(order: &Order) -> orders::ActiveModel {
    orders::ActiveModel {
        id: Set(order.id.uuid()),
        school_id: Set(order.school.number()),
        person_id: Set(order.person.uuid()),
        purpose: Set(order.purpose.code().into()),
        amount_fen: Set(order.amount.get()),
        state: Set(order.state.code().into()),
        created_at: Set(order.created_at.micros()),
        expires_at: Set(order.expires_at.micros()),
        paid_at: Set(order.state.paid_at().map(Timestamp::micros)),
    }
}

fn payment_row(order: &Order, payment: &Payment) -> payment::ActiveModel {
    payment::ActiveModel {
        id: Set(payment.id.uuid()),
        order_id: Set(order.id.uuid()),
        school_id: Set(order.school.number()),
        provider: Set(payment.provider.code().into()),
        merchant: Set(payment.merchant.clone()),
        app_id: Set(payment.app_id.clone()),
        payer: Set(payment.payer.clone()),
        amount_fen: Set(payment.amount.get()),
        state: Set(payment.state.code().into()),
        transaction_id: Set(None),
        created_at: Set(payment.created_at.micros()),
        paid_at: Set(None),
    }
}

/// What a key of the person made: the hash of the request and the order.
pub(super) async fn by_key(
    db: &Db,
    person: PersonId,
    scope: &str,
    key: &str,
) -> Result<Option<(Vec<u8>, OrderId)>, DbError> {
    let id = (person.uuid(), scope.to_owned(), key.to_owned());
    let found = idempotency_key::Entity::find_by_id(id).one(db.conn()).await?;
    Ok(found.map(|row| (row.request_hash, OrderId::from_uuid(row.resource_id))))
}

/// An order of the person, with its newest payment.
pub(super) async fn of_person(
    db: &Db,
    person: PersonId,
    id: OrderId,
) -> Result<Option<Attempt>, DbError> {
    let found = orders::Entity::find_by_id(id.uuid())
        .filter(orders::Column::PersonId.eq(person.uuid()))
        .one(db.conn())
        .await?;
    let Some(row) = found else { return Ok(None) };
    let newest = payment::Entity::find()
        .filter(payment::Column::OrderId.eq(id.uuid()))
        .order_by_desc(payment::Column::Id)
        .one(db.conn())
        .await?;
    let newest = newest.ok_or(DbError::Inconsistent { table: "orders", what: "no payment" })?;
    Ok(Some(Attempt { order: order(&row)?, payment: payment_of(newest)? }))
}

/// How many orders of the person still wait for their payment.
pub(super) async fn count_open(db: &Db, person: PersonId) -> Result<u64, DbError> {
    let open = orders::Entity::find()
        .filter(orders::Column::PersonId.eq(person.uuid()))
        .filter(orders::Column::State.eq(OrderState::AwaitingPayment.code()));
    Ok(open.count(db.conn()).await?)
}

/// Locks payments and their orders, in the orders' order.
pub(super) async fn lock(
    tx: &Tx,
    payments: impl Iterator<Item = PaymentId>,
) -> Result<HashMap<PaymentId, Attempt>, DbError> {
    let rows = Rows::new(vec![("id", Column::Uuid(payments.map(PaymentId::uuid).collect()))]);
    let found = if tx.has_row_locks() {
        tx.select_rows(&format!("{ATTEMPT} FOR UPDATE OF o, p"), rows).await?
    } else {
        tx.select_rows(ATTEMPT, rows).await?
    };
    let mut attempts = HashMap::with_capacity(found.len());
    for row in &found {
        let attempt = attempt(row)?;
        attempts.insert(attempt.payment.id, attempt);
    }
    Ok(attempts)
}

fn attempt(row: &QueryResult) -> Result<Attempt, DbError> {
    let order = order(&orders::Model {
        id: row.try_get("", "o_id")?,
        school_id: row.try_get("", "o_school_id")?,
        person_id: row.try_get("", "o_person_id")?,
        purpose: row.try_get("", "o_purpose")?,
        amount_fen: row.try_get("", "o_amount_fen")?,
        state: row.try_get("", "o_state")?,
        created_at: row.try_get("", "o_created_at")?,
        expires_at: row.try_get("", "o_expires_at")?,
        paid_at: row.try_get("", "o_paid_at")?,
    })?;
    let payment = payment_of(sea_orm::FromQueryResult::from_query_result(row, "")?)?;
    Ok(Attempt { order, payment })
}

fn order(row: &orders::Model) -> Result<Order, DbError> {
    let broken = |what| DbError::Inconsistent { table: "orders", what };
    Ok(Order {
        id: OrderId::from_uuid(row.id),
        school: SchoolId::from_number(row.school_id),
        person: PersonId::from_uuid(row.person_id),
        purpose: Purpose::from_code(&row.purpose).ok_or(broken("unknown purpose"))?,
        amount: Fen::new(row.amount_fen).map_err(|_| broken("negative amount"))?,
        state: OrderState::from_columns(&row.state, row.paid_at.map(Timestamp::from_micros))
            .ok_or(broken("state and columns differ"))?,
        created_at: Timestamp::from_micros(row.created_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    })
}

fn payment_of(row: payment::Model) -> Result<Payment, DbError> {
    let broken = |what| DbError::Inconsistent { table: "payment", what };
    let paid_at = row.paid_at.map(Timestamp::from_micros);
    Ok(Payment {
        id: PaymentId::from_uuid(row.id),
        provider: Provider::from_code(&row.provider).ok_or(broken("unknown provider"))?,
        merchant: row.merchant,
        app_id: row.app_id,
        payer: row.payer,
        amount: Fen::new(row.amount_fen).map_err(|_| broken("negative amount"))?,
        state: PaymentState::from_columns(&row.state, row.transaction_id, paid_at)
            .ok_or(broken("state and columns differ"))?,
        created_at: Timestamp::from_micros(row.created_at),
    })
}

/// Saves moved attempts, each compared with the state it was read in, with the messages and cases
/// that go with them.
pub(super) async fn save(
    tx: &Tx,
    moved: &[(Attempt, Attempt)],
    messages: &[Message<'_>],
    cases: &[Case],
) -> Result<(), DbError> {
    let orders: Vec<_> = moved.iter().filter(|(was, is)| was.order != is.order).collect();
    let payments: Vec<_> = moved.iter().filter(|(was, is)| was.payment != is.payment).collect();
    let written = tx
        .write_all(vec![
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
            Write::Insert {
                table: "review_case",
                rows: case_rows(cases),
                suffix: "ON CONFLICT (school_id, kind, subject) DO NOTHING",
            },
        ])
        .await?;
    let expected = [orders.len(), payments.len()];
    let all = expected.iter().zip(&written).all(|(want, got)| usize::try_from(*got) == Ok(*want));
    if all { Ok(()) } else { Err(DbError::Raced { table: "orders" }) }
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

fn message_rows(messages: &[Message<'_>]) -> Rows {
    let text = |f: for<'a> fn(&'a Message<'a>) -> &'a str| {
        Column::Text(messages.iter().map(|m| f(m).to_owned()).collect())
    };
    Rows::new(vec![
        ("id", Column::Uuid(messages.iter().map(|m| uuid_at(m.received_at)).collect())),
        ("school_id", Column::I64(messages.iter().map(|m| m.school.number()).collect())),
        ("provider", text(|m| m.fact.provider.code())),
        ("notification_id", text(|m| m.notification_id)),
        ("out_trade_no", text(|m| &m.fact.out_trade_no)),
        ("transaction_id", text(|m| &m.fact.transaction_id)),
        ("verdict", text(|m| m.verdict)),
        ("body", Column::Bytes(messages.iter().map(|m| m.body.to_vec()).collect())),
        ("received_at", Column::I64(messages.iter().map(|m| m.received_at.micros()).collect())),
    ])
}

fn case_rows(cases: &[Case]) -> Rows {
    let text = |f: fn(&Case) -> &str| Column::Text(cases.iter().map(|c| f(c).to_owned()).collect());
    Rows::new(vec![
        ("id", Column::Uuid(cases.iter().map(|c| uuid_at(c.opened_at)).collect())),
        ("school_id", Column::I64(cases.iter().map(|c| c.school.number()).collect())),
        ("kind", text(|c| c.kind)),
        ("subject", text(|c| &c.subject)),
        ("detail", text(|c| &c.detail)),
        ("opened_at", Column::I64(cases.iter().map(|c| c.opened_at.micros()).collect())),
    ])
}
