//! Rows of orders, payments, providers' messages and idempotency keys.

pub(super) mod audit;
pub(super) mod authentic;
pub(super) mod due;
pub(super) mod hours;
pub(super) mod listing;
mod posted;
pub(super) mod refunds;
pub(super) mod refunds_audit;
pub(super) mod save;
pub(super) mod subjects;

pub(super) use posted::of_postings;

use super::{
    OrderDraft, PaymentDraft, RequestKey,
    fact::{PaidFact, Provider},
    order::{
        Attempt, MAX_PAYMENTS, Order, OrderId, OrderState, Payment, PaymentId, PaymentState,
        WholeOrder,
    },
    purpose::Purpose,
    refund::Refund,
};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Tx},
    ids::{PersonId, SchoolId},
    money::Fen,
};
use authentic::{ORDER, PAYMENT, check_order, check_payment, order_fields, payment_fields};
use entity::{idempotency_key, orders, payment};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait as _,
    IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect,
    sea_query::Expr,
};
use std::collections::HashMap;
use uuid::Uuid;

/// Inserts an order with its first payment, under its idempotency key. A unique violation means
/// that the key is taken.
pub(super) async fn insert(tx: &Tx, new: &OrderDraft) -> Result<(), DbError> {
    let Attempt { order, payment } = &new.attempt;
    let key = key_row(order.person, &new.request, order.id.uuid(), order.created_at);
    idempotency_key::Entity::insert(key).exec_without_returning(tx.conn()).await?;
    orders::Entity::insert(order_row(tx, order)).exec_without_returning(tx.conn()).await?;
    insert_payment(tx, order, payment, new.look_at).await
}

/// Inserts one more payment of a locked order, under its idempotency key. A unique violation means
/// that the key is taken.
pub(super) async fn insert_another(
    tx: &Tx,
    order: &Order,
    new: &PaymentDraft,
) -> Result<(), DbError> {
    let key = key_row(order.person, &new.request, new.payment.id.uuid(), new.payment.created_at);
    idempotency_key::Entity::insert(key).exec_without_returning(tx.conn()).await?;
    insert_payment(tx, order, &new.payment, new.look_at).await
}

async fn insert_payment(
    tx: &Tx,
    order: &Order,
    payment: &Payment,
    look_at: Timestamp,
) -> Result<(), DbError> {
    let mut row = payment_row(order, payment, look_at);
    row.mac = Some(PAYMENT.mac(tx, row.id, &payment_fields(&row)));
    payment::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

fn key_row(
    person: PersonId,
    request: &RequestKey,
    created: Uuid,
    now: Timestamp,
) -> idempotency_key::ActiveModel {
    idempotency_key::ActiveModel {
        person_id: Set(person.uuid()),
        scope: Set(request.scope.clone()),
        key: Set(request.key.clone()),
        request_hash: Set(request.request_hash.to_vec()),
        resource_id: Set(created),
        created_at: Set(now.micros()),
    }
}

fn order_row(tx: &Tx, order: &Order) -> orders::ActiveModel {
    let mut row = orders::Model {
        id: order.id.uuid(),
        school_id: order.school.number(),
        person_id: order.person.uuid(),
        purpose: order.purpose.code().into(),
        amount_fen: order.amount.get(),
        state: order.state.code().into(),
        created_at: order.created_at.micros(),
        expires_at: order.expires_at.micros(),
        paid_at: order.state.paid_at().map(Timestamp::micros),
        mac: None,
    };
    row.mac = Some(ORDER.mac(tx, row.id, &order_fields(&row)));
    row.into_active_model()
}

fn payment_row(order: &Order, payment: &Payment, look_at: Timestamp) -> payment::Model {
    payment::Model {
        id: payment.id.uuid(),
        order_id: order.id.uuid(),
        school_id: order.school.number(),
        provider: payment.provider.code().into(),
        merchant: payment.merchant.clone(),
        app_id: payment.app_id.clone(),
        payer: payment.payer.clone(),
        payer_user_id: payment.payer_user_id.clone(),
        given_back_fen: None,
        amount_fen: payment.amount.get(),
        state: payment.state.code().into(),
        transaction_id: None,
        created_at: payment.created_at.micros(),
        paid_at: None,
        look_at: look_at.micros(),
        mac: None,
    }
}

/// The row that a key of the person created: the hash of the request and the id of the row.
pub(super) async fn by_key(
    db: &Db,
    person: PersonId,
    request: &RequestKey,
) -> Result<Option<(Vec<u8>, Uuid)>, DbError> {
    let id = (person.uuid(), request.scope.clone(), request.key.clone());
    let found = idempotency_key::Entity::find_by_id(id).one(db.conn()).await?;
    Ok(found.map(|row| (row.request_hash, row.resource_id)))
}

/// An order of the person, with its payments.
pub(super) async fn of_person(
    db: &Db,
    person: PersonId,
    id: OrderId,
) -> Result<Option<WholeOrder>, DbError> {
    let found = orders::Entity::find_by_id(id.uuid())
        .filter(orders::Column::PersonId.eq(person.uuid()))
        .one(db.conn())
        .await?;
    whole_of(db, found).await
}

/// An order of the school, with its payments.
pub(super) async fn of_school(
    db: &Db,
    school: SchoolId,
    id: OrderId,
) -> Result<Option<WholeOrder>, DbError> {
    let found = orders::Entity::find_by_id(id.uuid())
        .filter(orders::Column::SchoolId.eq(school.number()))
        .one(db.conn())
        .await?;
    whole_of(db, found).await
}

async fn whole_of(db: &Db, found: Option<orders::Model>) -> Result<Option<WholeOrder>, DbError> {
    let Some(row) = found else { return Ok(None) };
    let mut payments = payments_of(db.conn(), &[row.id]).await?;
    let mut refunds = refunds::of_orders(db.conn(), &[row.id]).await?;
    whole(&row, &mut payments, &mut refunds).map(Some)
}

/// Orders of the person with their payments, newest first, from below `before`.
pub(super) async fn page_of_person(
    db: &Db,
    person: PersonId,
    before: Option<OrderId>,
    limit: u64,
) -> Result<Vec<WholeOrder>, DbError> {
    let mut page = orders::Entity::find().filter(orders::Column::PersonId.eq(person.uuid()));
    if let Some(before) = before {
        page = page.filter(orders::Column::Id.lt(before.uuid()));
    }
    let page = page.order_by_desc(orders::Column::Id).limit(limit).all(db.conn()).await?;
    let ids: Vec<Uuid> = page.iter().map(|row| row.id).collect();
    let mut payments = payments_of(db.conn(), &ids).await?;
    let mut refunds = refunds::of_orders(db.conn(), &ids).await?;
    page.iter().map(|row| whole(row, &mut payments, &mut refunds)).collect()
}

/// The payments of these orders, oldest first within each order.
async fn payments_of(
    conn: &impl ConnectionTrait,
    orders: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Payment>>, DbError> {
    let mut payments: HashMap<Uuid, Vec<Payment>> = HashMap::new();
    if orders.is_empty() {
        return Ok(payments);
    }
    let rows = payment::Entity::find()
        .filter(payment::Column::OrderId.is_in(orders.iter().copied()))
        .order_by_asc(payment::Column::Id)
        .all(conn)
        .await?;
    for row in rows {
        payments.entry(row.order_id).or_default().push(payment_of(row)?);
    }
    Ok(payments)
}

fn whole(
    row: &orders::Model,
    payments: &mut HashMap<Uuid, Vec<Payment>>,
    refunds: &mut HashMap<Uuid, Vec<Refund>>,
) -> Result<WholeOrder, DbError> {
    let payments = payments.remove(&row.id);
    let payments = payments.ok_or(DbError::Inconsistent { table: "orders", what: "no payment" })?;
    let refunds = refunds.remove(&row.id).unwrap_or_default();
    Ok(WholeOrder { order: order(row)?, payments, refunds })
}

/// Counts the person's orders that await payment.
pub(super) async fn count_open(
    conn: &impl ConnectionTrait,
    person: PersonId,
) -> Result<u64, DbError> {
    let open = orders::Entity::find()
        .filter(orders::Column::PersonId.eq(person.uuid()))
        .filter(orders::Column::State.eq(OrderState::AwaitingPayment.code()));
    Ok(open.count(conn).await?)
}

/// Locks an order of the person; the flag tells whether it may have one more payment.
pub(super) async fn lock_order(
    tx: &Tx,
    person: PersonId,
    id: OrderId,
) -> Result<Option<(Order, bool)>, DbError> {
    let found = orders::Entity::find_by_id(id.uuid())
        .filter(orders::Column::PersonId.eq(person.uuid()))
        .lock_exclusive()
        .one(tx.conn())
        .await?;
    let Some(row) = found else { return Ok(None) };
    check_order(tx.macs(), &row)?;
    let tried = payment::Entity::find().filter(payment::Column::OrderId.eq(row.id));
    let tried = tried.count(tx.conn()).await?;
    Ok(Some((order(&row)?, usize::try_from(tried).is_ok_and(|tried| tried < MAX_PAYMENTS))))
}

/// Whether an order has other open payments than this one.
pub(super) async fn has_others_open(tx: &Tx, attempt: &Attempt) -> Result<bool, DbError> {
    let others = payment::Entity::find()
        .filter(payment::Column::OrderId.eq(attempt.order.id.uuid()))
        .filter(payment::Column::Id.ne(attempt.payment.id.uuid()))
        .filter(payment::Column::State.eq(PaymentState::Open.code()));
    Ok(others.count(tx.conn()).await? > 0)
}

/// Makes the open payments of orders due at `look_at`; returns how many there are.
pub(super) async fn make_due(
    tx: &Tx,
    orders: impl Iterator<Item = OrderId>,
    look_at: Timestamp,
) -> Result<u64, DbError> {
    let orders: Vec<_> = orders.map(OrderId::uuid).collect();
    if orders.is_empty() {
        return Ok(0);
    }
    let due = payment::Entity::update_many()
        .col_expr(payment::Column::LookAt, Expr::value(look_at.micros()))
        .filter(payment::Column::OrderId.is_in(orders))
        .filter(payment::Column::State.eq(PaymentState::Open.code()))
        .exec(tx.conn())
        .await?;
    Ok(due.rows_affected)
}

/// Expires an unpaid order at `now` and makes its open payments due at `look_at`. Returns false,
/// with nothing changed, if it had expired before.
pub(super) async fn expire(
    tx: &Tx,
    id: OrderId,
    now: Timestamp,
    look_at: Timestamp,
) -> Result<bool, DbError> {
    let ended = orders::Entity::update_many()
        .col_expr(orders::Column::ExpiresAt, Expr::value(now.micros()))
        .filter(orders::Column::Id.eq(id.uuid()))
        .filter(orders::Column::State.eq(OrderState::AwaitingPayment.code()))
        .filter(orders::Column::ExpiresAt.gt(now.micros()))
        .exec(tx.conn())
        .await?;
    if ended.rows_affected == 0 {
        return Ok(false);
    }
    make_due(tx, std::iter::once(id), look_at).await?;
    Ok(true)
}

/// An order and a payment that may be settled: one that is not authentic is refused.
fn attempt(tx: &Tx, row: &QueryResult) -> Result<Attempt, DbError> {
    let (order_row, payment_row) = rows_of(row)?;
    check_order(tx.macs(), &order_row)?;
    check_payment(tx.macs(), &payment_row)?;
    attempt_of(&order_row, payment_row)
}

/// Like [`attempt`], but `None` if it is not authentic.
fn authentic_attempt(tx: &Tx, row: &QueryResult) -> Result<Option<Attempt>, DbError> {
    let (order_row, payment_row) = rows_of(row)?;
    let order_fits = check_order(tx.macs(), &order_row).is_ok();
    if order_fits && check_payment(tx.macs(), &payment_row).is_ok() {
        attempt_of(&order_row, payment_row).map(Some)
    } else {
        Ok(None)
    }
}

/// Like [`attempt`], as it is stored: for audits, which check MACs elsewhere.
fn stored_attempt(row: &QueryResult) -> Result<Attempt, DbError> {
    let (order_row, payment_row) = rows_of(row)?;
    attempt_of(&order_row, payment_row)
}

fn attempt_of(order_row: &orders::Model, payment: payment::Model) -> Result<Attempt, DbError> {
    Ok(Attempt { order: order(order_row)?, payment: payment_of(payment)? })
}

fn rows_of(row: &QueryResult) -> Result<(orders::Model, payment::Model), DbError> {
    let order_row = orders::Model {
        id: row.try_get("", "o_id")?,
        school_id: row.try_get("", "o_school_id")?,
        person_id: row.try_get("", "o_person_id")?,
        purpose: row.try_get("", "o_purpose")?,
        amount_fen: row.try_get("", "o_amount_fen")?,
        state: row.try_get("", "o_state")?,
        created_at: row.try_get("", "o_created_at")?,
        expires_at: row.try_get("", "o_expires_at")?,
        paid_at: row.try_get("", "o_paid_at")?,
        mac: row.try_get("", "o_mac")?,
    };
    Ok((order_row, sea_orm::FromQueryResult::from_query_result(row, "")?))
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
        payer_user_id: row.payer_user_id,
        amount: Fen::new(row.amount_fen).map_err(|_| broken("negative amount"))?,
        state: PaymentState::from_columns(&row.state, row.transaction_id, paid_at)
            .ok_or(broken("state and columns differ"))?,
        created_at: Timestamp::from_micros(row.created_at),
    })
}

/// The indexes of the facts whose transaction belongs to another payment.
pub(super) async fn of_other_payments(tx: &Tx, facts: &[&PaidFact]) -> Result<Vec<usize>, DbError> {
    let same = |fact: &&PaidFact| {
        payment::Column::Provider
            .eq(fact.provider.code())
            .and(payment::Column::Merchant.eq(fact.merchant.as_str()))
            .and(payment::Column::TransactionId.eq(fact.transaction_id.as_str()))
    };
    let any = facts.iter().map(same).fold(Condition::any(), Condition::add);
    let paid = payment::Entity::find().filter(any).all(tx.conn()).await?;
    let belongs_to_other = |fact: &PaidFact| {
        paid.iter().any(|row| {
            row.provider == fact.provider.code()
                && row.merchant == fact.merchant
                && row.transaction_id.as_ref() == Some(&fact.transaction_id)
                && PaymentId::from_out_trade_no(&fact.out_trade_no).map(PaymentId::uuid)
                    != Some(row.id)
        })
    };
    let places = facts.iter().enumerate().filter(|(_, fact)| belongs_to_other(fact));
    Ok(places.map(|(place, _)| place).collect())
}
