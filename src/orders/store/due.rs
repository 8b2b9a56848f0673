//! What is due: payments to look at, messages to ask about, keys to forget.

use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
        ids::SchoolId,
    },
    orders::{
        due::Question,
        order::{PaymentId, PaymentState},
    },
};
use entity::{notification, payment};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement, sea_query::Expr};
use uuid::Uuid;

/// Moves what is due on to `$1`, at most `$3` of it. The guard is repeated outside: a row that
/// another server took meanwhile no longer passes it.
const CLAIM_PAYMENTS: &str = "UPDATE payment SET look_at = $1 \
    WHERE state = 'open' AND look_at <= $2 AND id {within} (SELECT id FROM payment \
    WHERE state = 'open' AND look_at <= $2 ORDER BY look_at LIMIT $3 {lock}{end} RETURNING id";

const CLAIM_QUESTIONS: &str = "UPDATE notification SET ask_at = $1 \
    WHERE ask_at > 0 AND ask_at <= $2 AND id {within} (SELECT id FROM notification \
    WHERE ask_at > 0 AND ask_at <= $2 ORDER BY ask_at LIMIT $3 {lock}{end} \
    RETURNING id, school_id, out_trade_no, received_at";

const FORGET_KEYS: &str = "DELETE FROM idempotency_key WHERE (person_id, scope, key) IN \
    (SELECT person_id, scope, key FROM idempotency_key WHERE created_at < $1 \
    ORDER BY created_at LIMIT $2)";

fn claim(tx: &Tx, sql: &str, now: Timestamp, lease: Timestamp, most: i64) -> Statement {
    // On PostgreSQL whoever comes second passes over what the first one holds, and the array keeps
    // the inner query from being run more than once, which would take more than was asked for.
    let (within, lock, end) = if tx.has_row_locks() {
        ("= ANY(ARRAY", "FOR UPDATE SKIP LOCKED", "))")
    } else {
        ("IN", "", ")")
    };
    let sql = sql.replace("{within}", within).replace("{lock}", lock).replace("{end}", end);
    let values = [lease.micros().into(), now.micros().into(), most.into()];
    Statement::from_sql_and_values(tx.backend(), sql, values)
}

/// Takes payments that are due.
pub(in crate::orders) async fn claim_payments(
    tx: &Tx,
    now: Timestamp,
    lease: Timestamp,
    most: i64,
) -> Result<Vec<PaymentId>, DbError> {
    let claim = claim(tx, CLAIM_PAYMENTS, now, lease, most);
    let claimed = tx.conn().query_all_raw(claim).await?;
    claimed.iter().map(|row| Ok(PaymentId::from_uuid(row.try_get("", "id")?))).collect()
}

/// Has an open payment looked at again, if the lease is still the one that it was taken under.
pub(in crate::orders) async fn look_again(
    tx: &Tx,
    id: PaymentId,
    lease: Timestamp,
    next: Timestamp,
) -> Result<(), DbError> {
    payment::Entity::update_many()
        .col_expr(payment::Column::LookAt, Expr::value(next.micros()))
        .filter(payment::Column::Id.eq(id.uuid()))
        .filter(payment::Column::State.eq(PaymentState::Open.code()))
        .filter(payment::Column::LookAt.eq(lease.micros()))
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Takes messages that the provider is to be asked about.
pub(in crate::orders) async fn claim_questions(
    tx: &Tx,
    now: Timestamp,
    lease: Timestamp,
    most: i64,
) -> Result<Vec<Question>, DbError> {
    let claim = claim(tx, CLAIM_QUESTIONS, now, lease, most);
    let claimed = tx.conn().query_all_raw(claim).await?;
    let question = |row: &sea_orm::QueryResult| {
        Ok(Question {
            message: row.try_get("", "id")?,
            school: SchoolId::from_number(row.try_get("", "school_id")?),
            out_trade_no: row.try_get("", "out_trade_no")?,
            received_at: Timestamp::from_micros(row.try_get("", "received_at")?),
        })
    };
    claimed.iter().map(question).collect()
}

/// Has a message asked about again at `next`, or never where that is `None`.
pub(in crate::orders) async fn ask_again(
    tx: &Tx,
    message: Uuid,
    next: Option<Timestamp>,
) -> Result<(), DbError> {
    notification::Entity::update_many()
        .col_expr(notification::Column::AskAt, Expr::value(next.map_or(0, Timestamp::micros)))
        .filter(notification::Column::Id.eq(message))
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Deletes at most so many keys that are older.
pub(in crate::orders) async fn forget_keys(
    tx: &Tx,
    older_than: Timestamp,
    most: i64,
) -> Result<u64, DbError> {
    let values = [older_than.micros().into(), most.into()];
    let statement = Statement::from_sql_and_values(tx.backend(), FORGET_KEYS, values);
    let deleted = tx.conn().execute_raw(statement).await?.rows_affected();
    Ok(deleted)
}
