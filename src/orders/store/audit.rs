//! Reads for the audit: by key, and page by page.

use super::{attempt, save::ATTEMPT_FROM};
use crate::{
    base::{
        clock::Timestamp,
        db::{Column, DbError, Rows, Source, Tx},
        ids::SchoolId,
    },
    orders::{
        audit::TransactionKey,
        order::{Attempt, OrderId, PaymentId},
    },
};
use sea_orm::QueryResult;
use uuid::Uuid;

/// Rows read at a time.
const PAGE: usize = 4000;
/// The most orders that are named.
const NAMED: usize = 1000;

/// A page of orders that break the law that an order is paid exactly if one of its payments is, with
/// the last order of the page whether it breaks it or not.
const UNPAID: &str = "SELECT o.id, (o.state IN ('paid', 'fulfilled') \
    AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.order_id = o.id AND p.state = 'paid')) \
    OR (o.state IN ('awaiting_payment', 'closed') \
    AND EXISTS (SELECT 1 FROM payment p WHERE p.order_id = o.id AND p.state = 'paid')) AS broken \
    FROM orders o WHERE o.id > $1 ORDER BY o.id LIMIT 4000";

pub(in crate::orders) async fn unpaid(
    tx: &Tx,
    since: Option<Timestamp>,
) -> Result<Vec<OrderId>, DbError> {
    let mut after = since.map_or(Uuid::nil(), earliest_id);
    let mut found = Vec::new();
    loop {
        let page = Source::Tx(tx).select(UNPAID, vec![after.into()]).await?;
        for row in &page {
            after = row.try_get("", "id")?;
            if row.try_get::<bool>("", "broken")? && found.len() < NAMED {
                found.push(OrderId::from_uuid(after));
            }
        }
        if page.len() < PAGE {
            return Ok(found);
        }
    }
}

/// The least id of rows created at this time.
fn earliest_id(at: Timestamp) -> Uuid {
    let millis = u128::try_from(at.micros() / 1000).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

pub(in crate::orders) async fn paid_with(
    tx: &Tx,
    transactions: Vec<TransactionKey>,
) -> Result<Vec<Attempt>, DbError> {
    let of = |f: fn(&TransactionKey) -> &String| {
        Column::Text(transactions.iter().map(|key| f(key).clone()).collect())
    };
    let rows = Rows::new(vec![
        ("provider", of(|(provider, ..)| provider)),
        ("merchant", of(|(_, merchant, _)| merchant)),
        ("transaction_id", of(|(.., transaction)| transaction)),
    ]);
    let sql = "SELECT p.order_id FROM {rows} JOIN payment p ON p.provider = r.provider \
               AND p.merchant = r.merchant AND p.transaction_id = r.transaction_id";
    let found = tx.select_rows(sql, rows).await?;
    let id = |row: &QueryResult| Ok(row.try_get::<Uuid>("", "order_id")?);
    let mut orders = found.iter().map(id).collect::<Result<Vec<_>, DbError>>()?;
    orders.sort_unstable();
    orders.dedup();
    let sql = format!("{ATTEMPT_FROM} WHERE p.order_id {{keys1}} AND p.state = 'paid'");
    tx.select_keys(&sql, vec![Column::Uuid(orders)]).await?.iter().map(attempt).collect()
}

pub(in crate::orders) async fn count_paid(tx: &Tx) -> Result<Vec<(SchoolId, u64)>, DbError> {
    tx.allow_scans(true).await?;
    let sql = "SELECT school_id, COUNT(*) AS paid FROM payment WHERE state = 'paid' \
               GROUP BY school_id";
    let found = Source::Tx(tx).select(sql, Vec::new()).await?;
    tx.allow_scans(false).await?;
    let count = |row: &QueryResult| {
        let paid = u64::try_from(row.try_get::<i64>("", "paid")?).unwrap_or(0);
        Ok((SchoolId::from_number(row.try_get("", "school_id")?), paid))
    };
    found.iter().map(count).collect()
}

pub(in crate::orders) async fn paid_after(
    tx: &Tx,
    after: Option<PaymentId>,
) -> Result<Vec<Attempt>, DbError> {
    let after = after.map_or(Uuid::nil(), PaymentId::uuid);
    let sql =
        format!("{ATTEMPT_FROM} WHERE p.id > $1 AND p.state = 'paid' ORDER BY p.id LIMIT {PAGE}");
    Source::Tx(tx).select(&sql, vec![after.into()]).await?.iter().map(attempt).collect()
}
