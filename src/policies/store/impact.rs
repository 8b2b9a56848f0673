//! What was paid and topped up, for what a change of the policy would have done to it.

use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{DbError, Tx},
        ids::SchoolId,
        money::Fen,
    },
    schools::policy::{Limits, MealWindow},
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

/// By the terminals of the school, whose charges of a day one index has, and then by the few people who
/// spent that much.
const PAID: &str = "SELECT c.person_id, c.day, c.at, c.amount_fen FROM \
    (SELECT m.person_id FROM (SELECT c.person_id, c.amount_fen, \
    (c.at / 60000000 + 480) % 1440 AS minute \
    FROM terminal t JOIN charge c ON c.terminal_id = t.id AND c.day = $2 \
    WHERE t.school_id = $1 AND c.reversed_at IS NULL) AS m \
    GROUP BY m.person_id HAVING {beyond}) AS o \
    JOIN charge c ON c.person_id = o.person_id AND c.day = $2 AND c.school_id = $1 \
    AND c.reversed_at IS NULL ORDER BY c.person_id, c.at LIMIT ";

const TOPPED_UP: &str = "SELECT COUNT(*) AS orders, COUNT(DISTINCT o.person_id) AS persons \
    FROM orders o WHERE o.school_id = $1 AND o.id >= $2 AND o.purpose = 'card_top_up' \
    AND o.paid_at IS NOT NULL AND o.amount_fen >= $3 AND o.amount_fen <= $4 \
    AND (o.amount_fen < $5 OR o.amount_fen > $6)";

async fn select(tx: &Tx, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, DbError> {
    let statement = Statement::from_sql_and_values(tx.backend(), sql, values);
    Ok(tx.conn().query_all_raw(statement).await?)
}

/// Ends a statement of this transaction that takes longer, which SQLite cannot; and keeps it to one
/// processor and to the index of each day, whose cost the planner overestimates.
pub(in crate::policies) async fn limit(tx: &Tx, millis: u32) -> Result<(), DbError> {
    if tx.has_row_locks() {
        let sql = format!(
            "SET LOCAL statement_timeout = {millis}; SET LOCAL jit = off; \
             SET LOCAL work_mem = '16MB'; SET LOCAL enable_seqscan = off; \
             SET LOCAL max_parallel_workers_per_gather = 0"
        );
        tx.conn().execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// The charges of a day of people who reached one of these limits on it, at most `most`, in the order of
/// people and of time.
pub(in crate::policies) async fn paid(
    tx: &Tx,
    (school, day): (SchoolId, Day),
    limits: &[Limits],
    most: usize,
) -> Result<Vec<Paid>, DbError> {
    let beyond: Vec<String> = limits.iter().flat_map(beyond).collect();
    let sql = PAID.replace("{beyond}", &beyond.join(" OR "));
    let values: Vec<Value> = vec![school.number().into(), day.number().into()];
    let paid = |row: &QueryResult| {
        let broken = |_| DbError::Inconsistent { table: "charge", what: "negative amount" };
        Ok(Paid {
            person: row.try_get("", "person_id")?,
            day: Day::from_number(row.try_get("", "day")?),
            at: Timestamp::from_micros(row.try_get("", "at")?),
            amount: Fen::new(row.try_get("", "amount_fen")?).map_err(broken)?,
        })
    };
    select(tx, &format!("{sql}{most}"), values).await?.iter().map(paid).collect()
}

/// What is true of somebody who spent more than a limit within a meal or a day.
fn beyond(limits: &Limits) -> Vec<String> {
    let within = |window: &MealWindow| {
        let (from, until) = window.minutes();
        format!("m.minute >= {from} AND m.minute < {until}")
    };
    let windows: Vec<String> = limits.meal_windows.iter().map(within).collect();
    let outside = format!("NOT ({})", windows.join(" OR "));
    let over = |when: &String, limit: Fen| {
        format!("SUM(CASE WHEN {when} THEN m.amount_fen END) > {}", limit.get())
    };
    let of_day = limits.day.map(|limit| format!("SUM(m.amount_fen) > {}", limit.get()));
    let of_meals = limits.meal.into_iter().flat_map(|limit| {
        windows.iter().chain([&outside]).map(move |when| over(when, limit)).collect::<Vec<_>>()
    });
    of_day.into_iter().chain(of_meals).collect()
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
