//! What requests for refunds are about.

use super::refunds::{check, refund_of};
use crate::{
    base::db::{Column, Db, DbError, Found, Question, Source},
    orders::{
        order::{OrderId, PaymentId},
        refund::{Refund, RefundId},
    },
};
use entity::refund;
use std::collections::HashMap;
use uuid::Uuid;

/// How far these refunds are, and the orders of these payments: one statement.
pub(in crate::orders) async fn refunds_and_orders(
    db: &Db,
    refunds: &[RefundId],
    payments: &[PaymentId],
) -> Result<(Vec<Refund>, HashMap<PaymentId, OrderId>), DbError> {
    let refunds = refunds.iter().map(|id| id.uuid()).collect();
    let payments = payments.iter().map(|id| id.uuid()).collect();
    let questions = [question(refunds), orders_of(payments)];
    let [refunds, orders] = Source::Db(db).ask(questions).await?;
    let refund = |found: &Found| {
        let row = row(found)?;
        check(db.macs(), &row)?;
        refund_of(row)
    };
    let order = |found: &Found| {
        Ok((PaymentId::from_uuid(found.get(0)?), OrderId::from_uuid(found.get(1)?)))
    };
    let refunds: Result<Vec<Refund>, DbError> = refunds.iter().map(refund).collect();
    let orders: Result<HashMap<PaymentId, OrderId>, DbError> = orders.iter().map(order).collect();
    Ok((refunds?, orders?))
}

fn orders_of(payments: Vec<Uuid>) -> Question {
    Question {
        columns: &[("p.id", "uuid"), ("p.order_id", "uuid")],
        from: "payment p WHERE p.id {keys1}",
        keys: vec![Column::Uuid(payments)],
    }
}

fn question(refunds: Vec<Uuid>) -> Question {
    Question {
        columns: &[
            ("r.id", "uuid"),
            ("r.school_id", "bigint"),
            ("r.person_id", "uuid"),
            ("r.order_id", "uuid"),
            ("r.payment_id", "uuid"),
            ("r.provider", "text"),
            ("r.merchant_number", "text"),
            ("r.transaction_id", "text"),
            ("r.refund_number", "text"),
            ("r.amount_fen", "bigint"),
            ("r.total_fen", "bigint"),
            ("r.why", "text"),
            ("r.source", "text"),
            ("r.state", "text"),
            ("r.day", "integer"),
            ("r.created_at", "bigint"),
            ("r.approved_at", "bigint"),
            ("r.sent_at", "bigint"),
            ("r.returned_at", "bigint"),
            ("r.ended_at", "bigint"),
            ("r.ended_by_provider", "boolean"),
            ("r.provider_refund_id", "text"),
            ("r.approval_id", "uuid"),
            ("r.ending_id", "uuid"),
            ("r.mac", "bytea"),
        ],
        from: "refund r WHERE r.id {keys1}",
        keys: vec![Column::Uuid(refunds)],
    }
}

/// The row, by the places of its columns.
fn row(found: &Found) -> Result<refund::Model, DbError> {
    Ok(refund::Model {
        id: found.get(0)?,
        school_id: found.get(1)?,
        person_id: found.get(2)?,
        order_id: found.get(3)?,
        payment_id: found.get(4)?,
        provider: found.get(5)?,
        merchant_number: found.get(6)?,
        transaction_id: found.get(7)?,
        refund_number: found.get(8)?,
        amount_fen: found.get(9)?,
        total_fen: found.get(10)?,
        why: found.get(11)?,
        source: found.get(12)?,
        state: found.get(13)?,
        day: found.get(14)?,
        created_at: found.get(15)?,
        approved_at: found.get(16)?,
        sent_at: found.get(17)?,
        returned_at: found.get(18)?,
        ended_at: found.get(19)?,
        ended_by_provider: found.get(20)?,
        provider_refund_id: found.get(21)?,
        approval_id: found.get(22)?,
        ending_id: found.get(23)?,
        mac: found.get(24)?,
    })
}
