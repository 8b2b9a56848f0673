//! Rows of refunds.

use crate::{
    base::{
        clock::Timestamp,
        crypto::row_mac::{Field, RowMacs},
        db::{Authority, Column, Db, DbError, FieldKind, Rows, Tx, Write},
        ids::{PersonId, SchoolId, uuid_at},
        money::Fen,
    },
    orders::{
        fact::Provider,
        order::{OrderId, PaymentId},
        refund::{Refund, RefundId, RefundProgress, RefundReason, RefundSource},
        refunds::RefundAnswer,
    },
};
use entity::{payment, refund};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait as _, IntoActiveModel,
    QueryFilter, QueryOrder, sea_query::Expr,
};
use std::collections::HashMap;
use uuid::Uuid;

/// The state of a payment that paid, as it is stored.
const PAID: &str = "paid";

/// What goes back, to whom, and how far it is. Those that have ended are
/// covered too: a refund that was made to look failed would keep what it holds for ever.
pub(in crate::orders) const REFUND: Authority = Authority {
    table: "refund",
    columns: &[
        ("school_id", FieldKind::Big),
        ("person_id", FieldKind::Uuid),
        ("order_id", FieldKind::Uuid),
        ("payment_id", FieldKind::Uuid),
        ("provider", FieldKind::Text),
        ("merchant_number", FieldKind::Text),
        ("transaction_id", FieldKind::Text),
        ("refund_number", FieldKind::Text),
        ("amount_fen", FieldKind::Big),
        ("total_fen", FieldKind::Big),
        ("why", FieldKind::Text),
        ("source", FieldKind::Text),
        ("state", FieldKind::Text),
        ("approved_at", FieldKind::Big),
        ("returned_at", FieldKind::Big),
        ("approval_id", FieldKind::Uuid),
        ("ending_id", FieldKind::Uuid),
    ],
    added: 2,
    live: "true",
};

fn fields(row: &refund::Model) -> [Field; 17] {
    [
        row.school_id.into(),
        row.person_id.into(),
        row.order_id.into(),
        row.payment_id.into(),
        row.provider.as_str().into(),
        row.merchant_number.as_str().into(),
        row.transaction_id.as_str().into(),
        row.refund_number.as_str().into(),
        row.amount_fen.into(),
        row.total_fen.into(),
        row.why.as_str().into(),
        row.source.as_str().into(),
        row.state.as_str().into(),
        row.approved_at.into(),
        row.returned_at.into(),
        row.approval_id.into(),
        row.ending_id.into(),
    ]
}

pub(super) fn check(macs: &RowMacs, row: &refund::Model) -> Result<(), DbError> {
    REFUND.check(macs, row.id, &fields(row), row.mac.as_deref())
}

/// The row, with a MAC that fits it.
fn row_of(tx: &Tx, refund: &Refund) -> refund::Model {
    let mut row = refund::Model {
        id: refund.id.uuid(),
        school_id: refund.school.number(),
        person_id: refund.person.uuid(),
        order_id: refund.order.uuid(),
        payment_id: refund.payment.uuid(),
        provider: refund.provider.code().into(),
        merchant_number: refund.merchant.clone(),
        transaction_id: refund.transaction_id.clone(),
        refund_number: refund.number.clone(),
        amount_fen: refund.amount.get(),
        total_fen: refund.total.get(),
        why: refund.why.code().into(),
        source: refund.source.code().into(),
        state: refund.progress.code().into(),
        day: refund.created_at.day().number(),
        created_at: refund.created_at.micros(),
        approved_at: refund.approved_at.map(Timestamp::micros),
        sent_at: refund.sent_at.map(Timestamp::micros),
        returned_at: refund.returned_at.map(Timestamp::micros),
        ended_at: refund.progress.ended_at().map(Timestamp::micros),
        ended_by_provider: refund.ended_by_provider,
        provider_refund_id: refund.refund_id.clone(),
        approval_id: refund.approval,
        ending_id: refund.ending,
        mac: None,
    };
    row.mac = Some(REFUND.mac(tx, row.id, &fields(&row)));
    row
}

/// Inserts a refund, unless it is there. True if it was inserted now.
pub(in crate::orders) async fn insert(tx: &Tx, new: &Refund) -> Result<bool, DbError> {
    if refund::Entity::find_by_id(new.id.uuid()).one(tx.conn()).await?.is_some() {
        return Ok(false);
    }
    let row = row_of(tx, new).into_active_model();
    refund::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    Ok(true)
}

/// Saves the new state by compare-and-set on the one that was read.
pub(in crate::orders) async fn save(tx: &Tx, was: &Refund, is: &Refund) -> Result<(), DbError> {
    let row = row_of(tx, is);
    let id = row.id;
    let mut changed = row.into_active_model().reset_all();
    changed.id = sea_orm::ActiveValue::NotSet;
    let saved = refund::Entity::update_many()
        .set(changed)
        .filter(refund::Column::Id.eq(id))
        .filter(refund::Column::State.eq(was.progress.code()))
        .exec(tx.conn())
        .await?;
    if saved.rows_affected == 1 { Ok(()) } else { Err(DbError::Raced { table: "refund" }) }
}

/// The refunds of a payment, which the caller has locked; oldest first.
pub(in crate::orders) async fn of_payment(
    tx: &Tx,
    payment: PaymentId,
) -> Result<Vec<Refund>, DbError> {
    let rows = refund::Entity::find()
        .filter(refund::Column::PaymentId.eq(payment.uuid()))
        .order_by_asc(refund::Column::CreatedAt)
        .order_by_asc(refund::Column::Id)
        .all(tx.conn())
        .await?;
    let authentic = |row: refund::Model| {
        check(tx.macs(), &row)?;
        refund_of(row)
    };
    rows.into_iter().map(authentic).collect()
}

/// What the provider last said was given back of a payment in all.
pub(in crate::orders) async fn given_back(
    tx: &Tx,
    payment: PaymentId,
) -> Result<Option<Fen>, DbError> {
    let row = payment::Entity::find_by_id(payment.uuid()).one(tx.conn()).await?;
    let broken = |_| DbError::Inconsistent { table: "payment", what: "negative amount" };
    row.and_then(|row| row.given_back_fen).map(Fen::new).transpose().map_err(broken)
}

/// Keeps what the provider says was given back of a locked payment in all, unless it said more before.
pub(in crate::orders) async fn set_given_back(
    tx: &Tx,
    payment: PaymentId,
    total: Fen,
) -> Result<(), DbError> {
    let less = payment::Column::GivenBackFen.is_null();
    payment::Entity::update_many()
        .col_expr(payment::Column::GivenBackFen, Expr::value(total.get()))
        .filter(payment::Column::Id.eq(payment.uuid()))
        .filter(less.or(payment::Column::GivenBackFen.lt(total.get())))
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// The payments that paid an order, oldest first.
pub(in crate::orders) async fn paid_payments(
    tx: &Tx,
    order: OrderId,
) -> Result<Vec<PaymentId>, DbError> {
    let paid = payment::Entity::find()
        .filter(payment::Column::OrderId.eq(order.uuid()))
        .filter(payment::Column::State.eq(PAID))
        .order_by_asc(payment::Column::PaidAt);
    Ok(paid.all(tx.conn()).await?.into_iter().map(|row| PaymentId::from_uuid(row.id)).collect())
}

/// The payment of a refund.
pub(in crate::orders) async fn payment_of(
    tx: &Tx,
    id: RefundId,
) -> Result<Option<PaymentId>, DbError> {
    let found = refund::Entity::find_by_id(id.uuid()).one(tx.conn()).await?;
    Ok(found.map(|row| PaymentId::from_uuid(row.payment_id)))
}

/// The refunds of orders, oldest first.
pub(in crate::orders) async fn of_orders(
    conn: &impl ConnectionTrait,
    orders: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Refund>>, DbError> {
    let mut refunds: HashMap<Uuid, Vec<Refund>> = HashMap::new();
    if orders.is_empty() {
        return Ok(refunds);
    }
    let rows = refund::Entity::find()
        .filter(refund::Column::OrderId.is_in(orders.iter().copied()))
        .order_by_asc(refund::Column::CreatedAt)
        .order_by_asc(refund::Column::Id)
        .all(conn)
        .await?;
    for row in rows {
        refunds.entry(row.order_id).or_default().push(refund_of(row)?);
    }
    Ok(refunds)
}

/// The refunds of orders as they stand now, oldest first.
pub(in crate::orders) async fn of_orders_now(
    db: &Db,
    orders: &[OrderId],
) -> Result<HashMap<OrderId, Vec<Refund>>, DbError> {
    let ids: Vec<Uuid> = orders.iter().map(|order| order.uuid()).collect();
    let found = of_orders(db.conn(), &ids).await?;
    Ok(found.into_iter().map(|(id, refunds)| (OrderId::from_uuid(id), refunds)).collect())
}

/// The refunds of an order, as this transaction sees them.
pub(in crate::orders) async fn of_order(tx: &Tx, order: OrderId) -> Result<Vec<Refund>, DbError> {
    let mut found = of_orders(tx.conn(), &[order.uuid()]).await?;
    Ok(found.remove(&order.uuid()).unwrap_or_default())
}

/// The refunds of a person with these numbers; no query without numbers.
pub(in crate::orders) async fn of_person(
    db: &Db,
    person: PersonId,
    numbers: Vec<String>,
) -> Result<Vec<Refund>, DbError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let rows = refund::Entity::find()
        .filter(refund::Column::PersonId.eq(person.uuid()))
        .filter(refund::Column::RefundNumber.is_in(numbers))
        .all(db.conn())
        .await?;
    rows.into_iter().map(refund_of).collect()
}

pub(super) fn refund_of(row: refund::Model) -> Result<Refund, DbError> {
    let broken = |what| DbError::Inconsistent { table: "refund", what };
    let fen = |amount| Fen::new(amount).map_err(|_| broken("negative amount"));
    let at = |micros: Option<i64>| micros.map(Timestamp::from_micros);
    Ok(Refund {
        id: RefundId::from_uuid(row.id),
        school: SchoolId::from_number(row.school_id),
        person: PersonId::from_uuid(row.person_id),
        order: OrderId::from_uuid(row.order_id),
        payment: PaymentId::from_uuid(row.payment_id),
        provider: Provider::from_code(&row.provider).ok_or(broken("unknown provider"))?,
        merchant: row.merchant_number,
        transaction_id: row.transaction_id,
        number: row.refund_number,
        amount: fen(row.amount_fen)?,
        total: fen(row.total_fen)?,
        why: RefundReason::from_code(&row.why).ok_or(broken("unknown reason"))?,
        source: RefundSource::from_code(&row.source).ok_or(broken("unknown source"))?,
        progress: RefundProgress::from_columns(&row.state, at(row.ended_at))
            .ok_or(broken("state and columns differ"))?,
        created_at: Timestamp::from_micros(row.created_at),
        approved_at: at(row.approved_at),
        sent_at: at(row.sent_at),
        returned_at: at(row.returned_at),
        ended_by_provider: row.ended_by_provider,
        refund_id: row.provider_refund_id,
        approval: row.approval_id,
        ending: row.ending_id,
    })
}

/// Keeps what ended a refund. The first of each outcome stays.
pub(in crate::orders) async fn keep(tx: &Tx, kept: &RefundAnswer<'_>) -> Result<(), DbError> {
    let fact = kept.fact;
    let text = |text: &str| Column::Text(vec![text.to_owned()]);
    let rows = Rows::new(vec![
        ("id", Column::Uuid(vec![uuid_at(kept.received_at)])),
        ("school_id", Column::I64(vec![kept.school.number()])),
        ("provider", text(fact.provider.code())),
        ("merchant_number", text(&fact.merchant)),
        ("refund_number", text(&fact.out_refund_no)),
        ("outcome", text(kept.outcome)),
        ("asked", Column::I32(vec![i32::from(kept.asked)])),
        ("out_trade_no", text(&fact.out_trade_no)),
        ("transaction_id", text(&fact.transaction_id)),
        ("headers", text(&kept.headers)),
        ("body", Column::Bytes(vec![kept.body.to_vec()])),
        ("received_at", Column::I64(vec![kept.received_at.micros()])),
    ]);
    let suffix = "ON CONFLICT (provider, merchant_number, transaction_id, refund_number, outcome) \
                  DO NOTHING";
    tx.write_all(vec![Write::Insert { table: "refund_answer", rows, suffix }]).await
}
