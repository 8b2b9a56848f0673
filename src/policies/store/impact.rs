//! What was paid and topped up, for what a change of the policy would have done to it.

use crate::base::{
    clock::{Day, Timestamp},
    db::{DbError, Tx},
    ids::SchoolId,
    money::Fen,
};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use uuid::Uuid;

/// A charge that counts towards limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policies) struct Paid {
    pub(in crate::policies) person: Uuid,
    pub(in crate::policies) day: Day,
    pub(in crate::policies) at: Timestamp,
    pub(in crate::policies) amount: Fen,
}

/// By the terminals of the school, whose charges of some days one index has. Days on which nobody reached a
/// limit are left out.
const PAID: &str = "SELECT x.person_id, x.day, x.at, x.amount_fen FROM \
    (SELECT c.person_id, c.day, c.at, c.amount_fen, \
    SUM(c.amount_fen) OVER (PARTITION BY c.person_id, c.day) AS spent \
    FROM terminal t JOIN charge c ON c.terminal_id = t.id AND c.day >= $2 AND c.day <= $3 \
    WHERE t.school_id = $1 AND c.reversed_at IS NULL) AS x \
    WHERE x.spent > $4 ORDER BY x.person_id, x.day, x.at LIMIT ";

const TOPPED_UP: &str = "SELECT COUNT(*) AS orders, COUNT(DISTINCT o.person_id) AS persons \
    FROM orders o WHERE o.school_id = $1 AND o.id >= $2 AND o.purpose = 'card_top_up' \
    AND o.paid_at IS NOT NULL AND o.amount_fen >= $3 AND o.amount_fen <= $4 \
    AND (o.amount_fen < $5 OR o.amount_fen > $6)";

async fn select(tx: &Tx, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, DbError> {
    let statement = Statement::from_sql_and_values(tx.backend(), sql, values);
    Ok(tx.conn().query_all_raw(statement).await?)
}

/// Ends a statement of this transaction that takes longer. SQLite has no such limit.
pub(in crate::policies) async fn limit_time(tx: &Tx, millis: u32) -> Result<(), DbError> {
    if tx.has_row_locks() {
        let sql = format!("SET LOCAL statement_timeout = {millis}");
        tx.conn().execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// The charges of these days of people who spent more than `over` on one, at most `most`, in the order of
/// people and of time.
pub(in crate::policies) async fn paid(
    tx: &Tx,
    school: SchoolId,
    (first, last): (Day, Day),
    (over, most): (Fen, usize),
) -> Result<Vec<Paid>, DbError> {
    let values: Vec<Value> = vec![
        school.number().into(),
        first.number().into(),
        last.number().into(),
        over.get().into(),
    ];
    let paid = |row: &QueryResult| {
        let broken = |_| DbError::Inconsistent { table: "charge", what: "negative amount" };
        Ok(Paid {
            person: row.try_get("", "person_id")?,
            day: Day::from_number(row.try_get("", "day")?),
            at: Timestamp::from_micros(row.try_get("", "at")?),
            amount: Fen::new(row.try_get("", "amount_fen")?).map_err(broken)?,
        })
    };
    select(tx, &format!("{PAID}{most}"), values).await?.iter().map(paid).collect()
}

/// How many paid top-ups since then, and of how many people, were between the limits `was` and would not be
/// between `becomes`.
pub(in crate::policies) async fn topped_up(
    tx: &Tx,
    (school, since): (SchoolId, Timestamp),
    was: [Fen; 2],
    becomes: [Fen; 2],
) -> Result<(u64, u64), DbError> {
    // Ids begin with the time in milliseconds.
    let millis = u128::try_from(since.micros().div_euclid(1000)).unwrap_or(0);
    let mut values: Vec<Value> = vec![school.number().into(), Uuid::from_u128(millis << 80).into()];
    values.extend(was.iter().chain(&becomes).map(|fen| Value::from(fen.get())));
    let found = select(tx, TOPPED_UP, values).await?;
    let row = found.first().ok_or(DbError::Inconsistent { table: "orders", what: "no count" })?;
    let count = |name| -> Result<u64, DbError> {
        Ok(u64::try_from(row.try_get::<i64>("", name)?).unwrap_or(0))
    };
    Ok((count("orders")?, count("persons")?))
}
