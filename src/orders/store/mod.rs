//! Rows of orders, payments, messages, idempotency keys and cases.

pub(super) mod due;
mod posted;
pub(super) mod save;

pub(super) use posted::of_postings;

use super::{
    Keyed, NewOrder, NewPayment,
    gateway::Provider,
    order::{
        Attempt, MAX_PAYMENTS, Order, OrderId, OrderState, Payment, PaymentId, PaymentState,
        Purpose, WholeOrder,
    },
};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Tx},
    ids::{PersonId, SchoolId},
    money::Fen,
};
use entity::{idempotency_key, orders, payment, review_case};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QueryResult, QuerySelect, sea_query::Expr,
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Inserts an order with its first payment, under its idempotency key. A unique violation means
/// that the key is taken.
pub(super) async fn insert(tx: &Tx, new: &NewOrder) -> Result<(), DbError> {
    let Attempt { order, payment } = &new.attempt;
    let key = key_row(order.person, &new.keyed, order.id.uuid(), order.created_at);
    idempotency_key::Entity::insert(key).exec_without_returning(tx.conn()).await?;
    orders::Entity::insert(order_row(order)).exec_without_returning(tx.conn()).await?;
    insert_payment(tx, order, payment, new.look_at).await
}

/// Inserts one more payment of a locked order, under its idempotency key. A unique violation means
/// that the key is taken.
pub(super) async fn insert_another(
    tx: &Tx,
    order: &Order,
    new: &NewPayment,
) -> Result<(), DbError> {
    let key = key_row(order.person, &new.keyed, new.payment.id.uuid(), new.payment.created_at);
    idempotency_key::Entity::insert(key).exec_without_returning(tx.conn()).await?;
    insert_payment(tx, order, &new.payment, new.look_at).await
}

async fn insert_payment(
    tx: &Tx,
    order: &Order,
    payment: &Payment,
    look_at: Timestamp,
) -> Result<(), DbError> {
    let row =
        payment::ActiveModel { look_at: Set(look_at.micros()), ..payment_row(order, payment) };
    payment::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    Ok(())
}

fn key_row(
    person: PersonId,
    keyed: &Keyed,
    made: Uuid,
    now: Timestamp,
) -> idempotency_key::ActiveModel {
    idempotency_key::ActiveModel {
        person_id: Set(person.uuid()),
        scope: Set(keyed.scope.clone()),
        key: Set(keyed.key.clone()),
        request_hash: Set(keyed.request_hash.to_vec()),
        resource_id: Set(made),
        created_at: Set(now.micros()),
    }
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
        ..Default::default()
    }
}

/// What a key of the person made: the hash of the request and the id of what was made.
pub(super) async fn by_key(
    db: &Db,
    person: PersonId,
    keyed: &Keyed,
) -> Result<Option<(Vec<u8>, Uuid)>, DbError> {
    let id = (person.uuid(), keyed.scope.clone(), keyed.key.clone());
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
    let Some(row) = found else { return Ok(None) };
    let mut payments = payments_of(db.conn(), &[row.id]).await?;
    whole(&row, &mut payments).map(Some)
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
    page.iter().map(|row| whole(row, &mut payments)).collect()
}

/// The payments of those orders, each order's oldest first.
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
) -> Result<WholeOrder, DbError> {
    let payments = payments.remove(&row.id);
    let payments = payments.ok_or(DbError::Inconsistent { table: "orders", what: "no payment" })?;
    Ok(WholeOrder { order: order(row)?, payments })
}

/// How many orders of the person still wait for their payment.
pub(super) async fn count_open(
    conn: &impl ConnectionTrait,
    person: PersonId,
) -> Result<u64, DbError> {
    let open = orders::Entity::find()
        .filter(orders::Column::PersonId.eq(person.uuid()))
        .filter(orders::Column::State.eq(OrderState::AwaitingPayment.code()));
    Ok(open.count(conn).await?)
}

/// Those of the subjects that have a case of that kind in one of the schools. No query without a
/// subject.
pub(super) async fn cases_among(
    tx: &Tx,
    schools: &[SchoolId],
    kind: &str,
    subjects: Vec<String>,
) -> Result<HashSet<String>, DbError> {
    if subjects.is_empty() {
        return Ok(HashSet::new());
    }
    let found = review_case::Entity::find()
        .select_only()
        .column(review_case::Column::Subject)
        .filter(review_case::Column::SchoolId.is_in(schools.iter().map(|s| s.number())))
        .filter(review_case::Column::Kind.eq(kind))
        .filter(review_case::Column::Subject.is_in(subjects));
    Ok(found.into_tuple::<String>().all(tx.conn()).await?.into_iter().collect())
}

/// Locks an order of the person; with it, whether it may be tried once more.
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

/// Has the open payments of orders looked at by `look_at`; answers how many there are.
pub(super) async fn hurry(
    tx: &Tx,
    orders: impl Iterator<Item = OrderId>,
    look_at: Timestamp,
) -> Result<u64, DbError> {
    let orders: Vec<_> = orders.map(OrderId::uuid).collect();
    if orders.is_empty() {
        return Ok(0);
    }
    let hurried = payment::Entity::update_many()
        .col_expr(payment::Column::LookAt, Expr::value(look_at.micros()))
        .filter(payment::Column::OrderId.is_in(orders))
        .filter(payment::Column::State.eq(PaymentState::Open.code()))
        .exec(tx.conn())
        .await?;
    Ok(hurried.rows_affected)
}

/// Ends the time of an unpaid order at `now`, and has its open payments looked at by `look_at`.
/// False where it had ended before: then nothing changes.
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
    hurry(tx, std::iter::once(id), look_at).await?;
    Ok(true)
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
