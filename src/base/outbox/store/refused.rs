//! Rows of jobs that were refused.

use super::super::{Job, RefusedGroup, RefusedJob};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Keyset, Source, Tx},
    ids::SchoolId,
};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use uuid::Uuid;

/// `$n, $n+1 …` for these kinds, which are added to the values.
fn places(kinds: &[&str], values: &mut Vec<Value>) -> String {
    let places = kinds.iter().map(|kind| {
        values.push((*kind).into());
        format!("${}", values.len())
    });
    places.collect::<Vec<_>>().join(", ")
}

/// The refused jobs of a school of one kind and reason.
const OF_GROUP: &str = "o.school_id = $1 AND o.state = 'refused' AND o.kind = $2 \
    AND COALESCE(o.reason, '') = $3";

pub(in crate::base::outbox) async fn groups(
    db: &Db,
    school: SchoolId,
    kinds: &[&str],
) -> Result<Vec<RefusedGroup>, DbError> {
    let mut values: Vec<Value> = vec![school.number().into()];
    let kinds = places(kinds, &mut values);
    let most = RefusedGroup::MOST;
    let sql = format!(
        "SELECT n.kind, COALESCE(n.reason, '') AS reason, COUNT(*) AS jobs, MAX(n.due_at) AS last \
         FROM (SELECT o.kind, o.reason, o.due_at FROM outbox o WHERE o.school_id = $1 \
         AND o.state = 'refused' AND o.kind IN ({kinds}) ORDER BY o.id DESC LIMIT {most}) AS n \
         GROUP BY n.kind, COALESCE(n.reason, '') ORDER BY last DESC"
    );
    let group = |row: &QueryResult| {
        Ok(RefusedGroup {
            kind: row.try_get("", "kind")?,
            reason: row.try_get("", "reason")?,
            jobs: u64::try_from(row.try_get::<i64>("", "jobs")?).unwrap_or(0),
            last: Timestamp::from_micros(row.try_get("", "last")?),
        })
    };
    Source::Db(db).select(&sql, values).await?.iter().map(group).collect()
}

pub(in crate::base::outbox) async fn page(
    db: &Db,
    school: SchoolId,
    (kind, reason): (&str, &str),
    page: Keyset,
) -> Result<Vec<RefusedJob>, DbError> {
    let mut values: Vec<Value> = vec![school.number().into(), kind.into(), reason.into()];
    let place = page.sql("o.id", &mut values);
    let sql = format!(
        "SELECT o.id, o.kind, o.subject, o.due_at, o.tries FROM outbox o WHERE {OF_GROUP}{place}"
    );
    let job = |row: &QueryResult| {
        Ok(RefusedJob {
            id: row.try_get("", "id")?,
            kind: row.try_get("", "kind")?,
            subject: row.try_get("", "subject")?,
            refused_at: Timestamp::from_micros(row.try_get("", "due_at")?),
            tries: row.try_get("", "tries")?,
        })
    };
    Source::Db(db).select(&sql, values).await?.iter().map(job).collect()
}

pub(in crate::base::outbox) async fn count(
    db: &Db,
    school: SchoolId,
    (kind, reason): (&str, &str),
    most: u32,
) -> Result<u64, DbError> {
    let values: Vec<Value> = vec![school.number().into(), kind.into(), reason.into()];
    let sql = format!(
        "SELECT COUNT(*) AS jobs FROM \
         (SELECT 1 AS one FROM outbox o WHERE {OF_GROUP} LIMIT {most}) AS t"
    );
    let found = Source::Db(db).select(&sql, values).await?;
    let jobs = found.first().map_or(Ok(0), |row| row.try_get::<i64>("", "jobs"))?;
    Ok(u64::try_from(jobs).unwrap_or(0))
}

/// Times are told in whole seconds, which `seen` may be.
pub(in crate::base::outbox) async fn again(
    tx: &Tx,
    school: SchoolId,
    (id, seen): (Uuid, Timestamp),
    (kinds, now): (&[&str], Timestamp),
) -> Result<Option<String>, DbError> {
    let mut values: Vec<Value> =
        vec![now.micros().into(), id.into(), school.number().into(), seen.micros().into()];
    let kinds = places(kinds, &mut values);
    let sql = format!(
        "UPDATE outbox SET state = 'waiting', due_at = $1, leased_until = 0, reason = NULL \
         WHERE id = $2 AND school_id = $3 AND state = 'refused' \
         AND (due_at = $4 OR ($4 % 1000000 = 0 AND due_at / 1000000 = $4 / 1000000)) \
         AND kind IN ({kinds}) RETURNING kind"
    );
    let statement = Statement::from_sql_and_values(tx.backend(), sql, values);
    let found = tx.conn().query_all_raw(statement).await?;
    found.first().map(|row| Ok(row.try_get("", "kind")?)).transpose()
}

pub(in crate::base::outbox) async fn note(tx: &Tx, job: &Job, reason: &str) -> Result<(), DbError> {
    let values: Vec<Value> = vec![reason.into(), job.id.into(), job.leased_until.micros().into()];
    let sql = "UPDATE outbox SET reason = $1 WHERE id = $2 AND state = 'waiting' \
               AND leased_until = $3";
    let statement = Statement::from_sql_and_values(tx.backend(), sql, values);
    tx.conn().execute_raw(statement).await?;
    Ok(())
}
