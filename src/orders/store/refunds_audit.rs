//! Reads of refunds for the audit.

use super::refunds::refund_of;
use crate::{
    base::{
        clock::Timestamp,
        db::{Column, DbError, Source, Tx},
        ids::SchoolId,
    },
    orders::{
        refund::{Refund, RefundId},
        refunds::audit::{KeptRefund, RefundCounts},
    },
};
use entity::refund;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect};
use uuid::Uuid;

const COUNTS: &str = "SELECT school_id, \
    SUM(CASE WHEN approved_at IS NOT NULL AND source = 'e_account' THEN 1 ELSE 0 END) AS held, \
    SUM(CASE WHEN state = 'done' THEN 1 ELSE 0 END) AS done, \
    SUM(CASE WHEN returned_at IS NOT NULL AND source = 'e_account' THEN 1 ELSE 0 END) AS returned, \
    SUM(CASE WHEN returned_at IS NOT NULL AND source = 'suspense' THEN 1 ELSE 0 END) AS credited \
    FROM refund GROUP BY school_id";

const OVERDRAWN: &str = "SELECT r.id FROM refund r JOIN payment p ON p.id = r.payment_id \
    WHERE r.state = 'done' AND p.amount_fen < (SELECT SUM(s.amount_fen) FROM refund s \
    WHERE s.payment_id = r.payment_id AND s.transaction_id = r.transaction_id \
    AND s.state = 'done') ORDER BY r.id LIMIT 1000";

const KEPT: &str = "SELECT refund_number, outcome, asked, out_trade_no, transaction_id, headers, body, \
    received_at FROM refund_answer WHERE refund_number {keys1}";

/// As they are stored: MACs are checked elsewhere.
pub(in crate::orders) async fn by_ids(tx: &Tx, ids: Vec<Uuid>) -> Result<Vec<Refund>, DbError> {
    stored(tx, refund::Entity::find().filter(refund::Column::Id.is_in(ids))).await
}

pub(in crate::orders) async fn by_numbers(
    tx: &Tx,
    numbers: Vec<String>,
) -> Result<Vec<Refund>, DbError> {
    stored(tx, refund::Entity::find().filter(refund::Column::RefundNumber.is_in(numbers))).await
}

pub(in crate::orders) async fn after(
    tx: &Tx,
    after: Option<RefundId>,
) -> Result<Vec<Refund>, DbError> {
    let after = after.map_or(Uuid::nil(), RefundId::uuid);
    let page = refund::Entity::find()
        .filter(refund::Column::Id.gt(after))
        .order_by_asc(refund::Column::Id)
        .limit(1000);
    stored(tx, page).await
}

async fn stored(tx: &Tx, query: sea_orm::Select<refund::Entity>) -> Result<Vec<Refund>, DbError> {
    query.all(tx.conn()).await?.into_iter().map(refund_of).collect()
}

pub(in crate::orders) async fn counts(tx: &Tx) -> Result<Vec<(SchoolId, RefundCounts)>, DbError> {
    tx.allow_scans(true).await?;
    let found = Source::Tx(tx).select(COUNTS, Vec::new()).await?;
    tx.allow_scans(false).await?;
    let count = |row: &QueryResult, name: &str| -> Result<u64, DbError> {
        Ok(u64::try_from(row.try_get::<i64>("", name)?).unwrap_or(0))
    };
    let counts = |row: &QueryResult| {
        let counts = RefundCounts {
            held: count(row, "held")?,
            done: count(row, "done")?,
            returned: count(row, "returned")?,
            credited: count(row, "credited")?,
        };
        Ok((SchoolId::from_number(row.try_get("", "school_id")?), counts))
    };
    found.iter().map(counts).collect()
}

pub(in crate::orders) async fn kept(
    tx: &Tx,
    numbers: Vec<String>,
) -> Result<Vec<KeptRefund>, DbError> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let kept = |row: &QueryResult| {
        Ok(KeptRefund {
            number: row.try_get("", "refund_number")?,
            outcome: row.try_get("", "outcome")?,
            asked: row.try_get::<i32>("", "asked")? != 0,
            out_trade_no: row.try_get("", "out_trade_no")?,
            transaction_id: row.try_get("", "transaction_id")?,
            headers: row.try_get("", "headers")?,
            body: row.try_get("", "body")?,
            received_at: Timestamp::from_micros(row.try_get("", "received_at")?),
        })
    };
    tx.select_keys(KEPT, vec![Column::Text(numbers)]).await?.iter().map(kept).collect()
}

pub(in crate::orders) async fn overdrawn(tx: &Tx) -> Result<Vec<RefundId>, DbError> {
    tx.allow_scans(true).await?;
    let found = Source::Tx(tx).select(OVERDRAWN, Vec::new()).await?;
    tx.allow_scans(false).await?;
    found.iter().map(|row| Ok(RefundId::from_uuid(row.try_get("", "id")?))).collect()
}
