//! Queries of due work: payments to check, messages to ask the provider about, keys to delete.

use crate::{
    base::{
        clock::Timestamp,
        db::{Db, DbError, Source, Tx},
        ids::SchoolId,
    },
    orders::{
        due::{Inquiry, Lease, ProviderPulse},
        fact::Provider,
        order::{PaymentId, PaymentState},
    },
};
use entity::{notification, payment};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryResult, Statement, sea_query::Expr,
};
use uuid::Uuid;

/// Leases at most `$3` rows that are due at `$2` until `$1`. The outer query repeats the condition
/// to skip a row that another server claimed concurrently.
const CLAIM_PAYMENTS: &str = "UPDATE payment SET look_at = $1 \
    WHERE state = 'open' AND look_at <= $2 AND id {within} (SELECT id FROM payment \
    WHERE state = 'open' AND look_at <= $2 ORDER BY look_at LIMIT $3 {lock}{end} RETURNING id";

const CLAIM_INQUIRIES: &str = "UPDATE notification SET ask_at = $1 \
    WHERE ask_at > 0 AND ask_at <= $2 AND id {within} (SELECT id FROM notification \
    WHERE ask_at > 0 AND ask_at <= $2 ORDER BY ask_at LIMIT $3 {lock}{end} \
    RETURNING id, school_id, provider, out_trade_no, received_at, headers, body";

const DELETE_KEYS: &str = "DELETE FROM idempotency_key WHERE (person_id, scope, key) IN \
    (SELECT person_id, scope, key FROM idempotency_key WHERE created_at < $1 \
    ORDER BY created_at LIMIT $2)";

fn claim(tx: &Tx, sql: &str, lease: Lease) -> Statement {
    // On PostgreSQL, rows locked by another server are skipped. The array keeps the inner query
    // from running more than once, which would claim more rows than requested.
    let (within, lock, end) = if tx.has_row_locks() {
        ("= ANY(ARRAY", "FOR UPDATE SKIP LOCKED", "))")
    } else {
        ("IN", "", ")")
    };
    let sql = sql.replace("{within}", within).replace("{lock}", lock).replace("{end}", end);
    let values = [lease.until.micros().into(), lease.now.micros().into(), lease.most.into()];
    Statement::from_sql_and_values(tx.backend(), sql, values)
}

/// Claims due payments.
pub(in crate::orders) async fn claim_payments(
    tx: &Tx,
    lease: Lease,
) -> Result<Vec<PaymentId>, DbError> {
    let claim = claim(tx, CLAIM_PAYMENTS, lease);
    let claimed = tx.conn().query_all_raw(claim).await?;
    claimed.iter().map(|row| Ok(PaymentId::from_uuid(row.try_get("", "id")?))).collect()
}

/// Schedules the next check of an open payment if it is still under the same lease.
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

/// Claims messages that the provider has to be asked about. A message of a provider that only a
/// newer release knows is due again when its lease ends, for a server of that release.
pub(in crate::orders) async fn claim_inquiries(
    tx: &Tx,
    lease: Lease,
) -> Result<Vec<Inquiry>, DbError> {
    let claim = claim(tx, CLAIM_INQUIRIES, lease);
    let claimed = tx.conn().query_all_raw(claim).await?;
    let inquiry = |row: &sea_orm::QueryResult| {
        let (message, code): (Uuid, String) =
            (row.try_get("", "id")?, row.try_get("", "provider")?);
        let Some(provider) = Provider::from_code(&code) else {
            tracing::warn!(%message, provider = code, "a message is left to a newer release");
            return Ok(None);
        };
        Ok(Some(Inquiry {
            message,
            school: SchoolId::from_number(row.try_get("", "school_id")?),
            provider,
            out_trade_no: row.try_get("", "out_trade_no")?,
            received_at: Timestamp::from_micros(row.try_get("", "received_at")?),
            headers: row.try_get::<Option<String>>("", "headers")?.unwrap_or_default(),
            body: row.try_get("", "body")?,
        }))
    };
    claimed.iter().filter_map(|row| inquiry(row).transpose()).collect()
}

/// Schedules the next inquiry about a message; `None` ends the inquiries.
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

/// Deletes at most `most` keys older than the given time.
pub(in crate::orders) async fn delete_keys(
    tx: &Tx,
    older_than: Timestamp,
    most: i64,
) -> Result<u64, DbError> {
    let values = [older_than.micros().into(), most.into()];
    let statement = Statement::from_sql_and_values(tx.backend(), DELETE_KEYS, values);
    let deleted = tx.conn().execute_raw(statement).await?.rows_affected();
    Ok(deleted)
}

/// See [`ProviderPulse::of_school`].
pub(in crate::orders) async fn provider_pulses(
    db: &Db,
    school: SchoolId,
    now: Timestamp,
) -> Result<Vec<ProviderPulse>, DbError> {
    let one = |provider: Provider| {
        let code = provider.code();
        let overdue = format!(
            "FROM payment WHERE school_id = $1 AND provider = '{code}' AND state = 'open' \
             AND look_at <= $2"
        );
        format!(
            "SELECT '{code}' AS provider, (SELECT MAX(received_at) FROM notification \
             WHERE school_id = $1 AND provider = '{code}') AS heard_at, \
             (SELECT COUNT(*) {overdue}) AS overdue, \
             (SELECT MIN(look_at) {overdue}) AS overdue_since"
        )
    };
    let sql = Provider::ALL.map(one).join(" UNION ALL ");
    let values = vec![school.number().into(), now.micros().into()];
    let state = |row: &QueryResult| {
        let code: String = row.try_get("", "provider")?;
        let unknown = DbError::Inconsistent { table: "payment", what: "unknown provider" };
        let instant = |name| -> Result<Option<Timestamp>, DbError> {
            Ok(row.try_get::<Option<i64>>("", name)?.map(Timestamp::from_micros))
        };
        Ok(ProviderPulse {
            provider: Provider::from_code(&code).ok_or(unknown)?,
            heard_at: instant("heard_at")?,
            overdue: u64::try_from(row.try_get::<i64>("", "overdue")?).unwrap_or(0),
            overdue_since: instant("overdue_since")?,
        })
    };
    Source::Db(db).select(&sql, values).await?.iter().map(state).collect()
}
