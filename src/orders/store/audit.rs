//! Reads for the audit: by key, and page by page.

use super::{save::ATTEMPT_FROM, stored_attempt};
use crate::{
    base::{
        clock::Timestamp,
        db::{Column, DbError, Rows, Source, Tx},
        ids::{SchoolId, first_uuid_at},
    },
    orders::{
        audit::{Kept, TransactionKey},
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
    let mut after = since.map_or(Uuid::nil(), first_uuid_at);
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

pub(in crate::orders) async fn paid_with(
    tx: &Tx,
    transactions: Vec<TransactionKey>,
) -> Result<Vec<Attempt>, DbError> {
    let rows = keys(&transactions);
    let sql = "SELECT p.order_id FROM {rows} JOIN payment p ON p.provider = r.provider \
               AND p.merchant = r.merchant_number AND p.transaction_id = r.transaction_id";
    let found = tx.select_rows(sql, rows).await?;
    let id = |row: &QueryResult| Ok(row.try_get::<Uuid>("", "order_id")?);
    let mut orders = found.iter().map(id).collect::<Result<Vec<_>, DbError>>()?;
    orders.sort_unstable();
    orders.dedup();
    let sql = format!("{ATTEMPT_FROM} WHERE p.order_id {{keys1}} AND p.state = 'paid'");
    tx.select_keys(&sql, vec![Column::Uuid(orders)]).await?.iter().map(stored_attempt).collect()
}

fn keys(transactions: &[TransactionKey]) -> Rows {
    let of = |f: fn(&TransactionKey) -> &String| {
        Column::Text(transactions.iter().map(|key| f(key).clone()).collect())
    };
    Rows::new(vec![
        ("provider", of(|(provider, ..)| provider)),
        ("merchant_number", of(|(_, merchant, _)| merchant)),
        ("transaction_id", of(|(.., transaction)| transaction)),
    ])
}

/// Messages first, then answers; both by the index of their transactions.
const KEPT: [&str; 2] = [
    "SELECT n.transaction_id, n.headers, n.body, n.received_at, NULL AS asked FROM {rows} \
     JOIN notification n ON n.provider = r.provider AND n.transaction_id = r.transaction_id",
    "SELECT a.transaction_id, a.headers, a.body, a.received_at, NULLIF(a.out_trade_no, '') AS asked \
     FROM {rows} JOIN provider_answer a ON a.provider = r.provider AND a.merchant_number = r.merchant_number \
     AND a.transaction_id = r.transaction_id",
];

pub(in crate::orders) async fn kept(
    tx: &Tx,
    transactions: Vec<TransactionKey>,
) -> Result<Vec<Kept>, DbError> {
    let mut kept = Vec::new();
    for sql in KEPT {
        let found = tx.select_rows(sql, keys(&transactions)).await?;
        for row in &found {
            kept.push(Kept {
                transaction_id: row.try_get("", "transaction_id")?,
                headers: row.try_get("", "headers")?,
                body: row.try_get("", "body")?,
                received_at: Timestamp::from_micros(row.try_get("", "received_at")?),
                asked: row.try_get("", "asked")?,
            });
        }
    }
    Ok(kept)
}

pub(in crate::orders) async fn kept_since(tx: &Tx) -> Result<Timestamp, DbError> {
    let found = Source::Tx(tx).select("SELECT at FROM evidence_start", Vec::new()).await?;
    let row =
        found.first().ok_or(DbError::Inconsistent { table: "evidence_start", what: "empty" })?;
    Ok(Timestamp::from_micros(row.try_get("", "at")?))
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
    Source::Tx(tx).select(&sql, vec![after.into()]).await?.iter().map(stored_attempt).collect()
}
