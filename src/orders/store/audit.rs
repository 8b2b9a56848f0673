//! Compares orders with their payments.

use crate::base::db::{DbError, Tx};
use sea_orm::{ConnectionTrait, Statement};

/// Paid orders without a paid payment, and unpaid orders with one.
const UNPAID: &str = "SELECT CAST(o.id AS TEXT) AS subject FROM orders o \
    LEFT JOIN payment p ON p.order_id = o.id AND p.state = 'paid' \
    WHERE (o.state IN ('paid', 'fulfilled') AND p.id IS NULL) \
      OR (o.state IN ('awaiting_payment', 'closed') AND p.id IS NOT NULL) \
    ORDER BY o.id LIMIT 1000";

pub(in crate::orders) async fn unpaid(tx: &Tx) -> Result<Vec<String>, DbError> {
    let statement = Statement::from_string(tx.backend(), UNPAID);
    let found = tx.conn().query_all_raw(statement).await?;
    found.iter().map(|row| Ok(row.try_get("", "subject")?)).collect()
}
