//! The rows of jobs.

use super::{JobRun, Standing};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Source, Tx},
};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

/// What another server knows of earlier turns stays.
const WRITE: &str = "INSERT INTO job_run (name, done_at, failed_at, failure, failing_since) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO UPDATE SET \
    done_at = COALESCE(excluded.done_at, job_run.done_at), \
    failed_at = COALESCE(excluded.failed_at, job_run.failed_at), \
    failure = COALESCE(excluded.failure, job_run.failure), \
    failing_since = excluded.failing_since";

pub(super) async fn write(tx: &Tx, name: &str, standing: &Standing) -> Result<(), DbError> {
    let micros = |at: Option<Timestamp>| at.map(Timestamp::micros);
    let values: [Value; 5] = [
        name.into(),
        micros(standing.done_at).into(),
        micros(standing.failed.map(|(at, _)| at)).into(),
        standing.failed.map(|(_, kind)| kind.to_owned()).into(),
        micros(standing.failing_since).into(),
    ];
    let statement = Statement::from_sql_and_values(tx.backend(), WRITE, values);
    tx.conn().execute_raw(statement).await?;
    Ok(())
}

pub(super) async fn all(db: &Db, since: Timestamp) -> Result<Vec<JobRun>, DbError> {
    let sql = "SELECT name, done_at, failed_at, failure, failing_since FROM job_run \
               WHERE done_at >= $1 OR failed_at >= $1 ORDER BY name";
    let run = |row: &QueryResult| {
        let at = |name| -> Result<Option<Timestamp>, DbError> {
            Ok(row.try_get::<Option<i64>>("", name)?.map(Timestamp::from_micros))
        };
        Ok(JobRun {
            name: row.try_get("", "name")?,
            done_at: at("done_at")?,
            failed: at("failed_at")?.zip(row.try_get::<Option<String>>("", "failure")?),
            failing_since: at("failing_since")?,
        })
    };
    Source::Db(db).select(sql, vec![since.micros().into()]).await?.iter().map(run).collect()
}
