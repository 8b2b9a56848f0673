//! Compares payments with postings, for the audit.

use super::postings::RECEIVED;
use crate::base::db::{DbError, Tx};
use sea_orm::{ConnectionTrait, Statement};

/// A paid payment, and what the ledger says under its reference.
const UNPOSTED: &str = "SELECT p.provider || ':' || p.merchant || ':' || p.transaction_id AS subject \
    FROM payment p LEFT JOIN transfer t ON t.school_id = p.school_id AND t.kind = $1 \
      AND t.reference = p.provider || ':' || p.merchant || ':' || p.transaction_id \
      AND (SELECT SUM(l.amount_fen) FROM leg l WHERE l.transfer_id = t.id) = p.amount_fen \
    WHERE p.state = 'paid' AND t.id IS NULL ORDER BY p.id LIMIT 1000";

/// A received posting that neither a payment of its school nor a case for staff explains; the case
/// of a transaction that belongs to another payment posts nothing. The list of payments
/// is hashed once; joining on the joined text would compare each with each.
const UNEXPLAINED: &str = "SELECT t.reference AS subject FROM transfer t \
    WHERE t.kind = $1 AND (t.school_id, t.reference) NOT IN (SELECT p.school_id, \
      p.provider || ':' || p.merchant || ':' || p.transaction_id FROM payment p \
      WHERE p.state = 'paid') \
    AND NOT EXISTS (SELECT 1 FROM review_case c WHERE c.school_id = t.school_id \
      AND c.kind = 'payment' AND c.subject LIKE '%:' || t.reference \
      AND c.subject NOT LIKE 'transaction_taken:%') ORDER BY t.id LIMIT 1000";

/// Paid payments without their one posting.
pub(super) async fn unposted(tx: &Tx) -> Result<Vec<String>, DbError> {
    subjects(tx, UNPOSTED).await
}

/// Postings of received money without a payment or a case.
pub(super) async fn unexplained(tx: &Tx) -> Result<Vec<String>, DbError> {
    subjects(tx, UNEXPLAINED).await
}

async fn subjects(tx: &Tx, sql: &str) -> Result<Vec<String>, DbError> {
    let statement = Statement::from_sql_and_values(tx.backend(), sql, [RECEIVED.name().into()]);
    let found = tx.conn().query_all_raw(statement).await?;
    found.iter().map(|row| Ok(row.try_get("", "subject")?)).collect()
}
