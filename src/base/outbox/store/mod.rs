//! Rows of the outbox.

pub(super) mod refused;

use super::{Backlog, Job, NewJob};
use crate::base::{
    clock::Timestamp,
    db::{Column, Db, DbError, Rows, Source, Tx, Write},
    ids::{SchoolId, uuid_at},
};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

/// Leases at most `$3` jobs of a kind that are due at `$2` until `$1`. The outer query repeats the condition to
/// skip a job that another server claimed concurrently.
const CLAIM: &str = "UPDATE outbox SET due_at = $1, leased_until = $1, tries = tries + 1 \
    WHERE state = 'waiting' AND due_at <= $2 AND id {within} (SELECT id FROM outbox \
    WHERE state = 'waiting' AND kind = $4 AND due_at <= $2 ORDER BY due_at LIMIT $3 {lock}{end} \
    RETURNING id, school_id, kind, subject, tries";

/// New jobs, to be written together with other rows. Those that are there already stay as they are.
pub fn write_of(jobs: &[NewJob]) -> Write {
    let text =
        |f: fn(&NewJob) -> &str| Column::Text(jobs.iter().map(|job| f(job).to_owned()).collect());
    let rows = Rows::new(vec![
        ("id", Column::Uuid(jobs.iter().map(|job| uuid_at(job.due_at)).collect())),
        ("school_id", Column::I64(jobs.iter().map(|job| job.school.number()).collect())),
        ("kind", text(|job| job.kind)),
        ("subject", text(|job| &job.subject)),
        ("day", Column::I32(jobs.iter().map(|job| job.due_at.day().number()).collect())),
        ("created_at", Column::I64(jobs.iter().map(|job| job.due_at.micros()).collect())),
        ("due_at", Column::I64(jobs.iter().map(|job| job.due_at.micros()).collect())),
        ("leased_until", Column::I64(vec![0; jobs.len()])),
        ("tries", Column::I32(vec![0; jobs.len()])),
        ("state", text(|_| State::Waiting.code())),
    ]);
    Write::Insert { table: "outbox", rows, suffix: "ON CONFLICT (kind, subject) DO NOTHING" }
}

/// What waits of a school, by kind: one query.
pub async fn backlog(db: &Db, school: SchoolId) -> Result<Vec<Backlog>, DbError> {
    let sql = "SELECT kind, COUNT(*) AS waiting, MIN(created_at) AS oldest, MAX(tries) AS tries \
               FROM outbox WHERE state = 'waiting' AND school_id = $1 GROUP BY kind ORDER BY kind";
    let found = Source::Db(db).select(sql, vec![school.number().into()]).await?;
    let backlog = |row: &QueryResult| {
        Ok(Backlog {
            kind: row.try_get("", "kind")?,
            waiting: u64::try_from(row.try_get::<i64>("", "waiting")?).unwrap_or(0),
            oldest: Timestamp::from_micros(row.try_get("", "oldest")?),
            tries: row.try_get("", "tries")?,
        })
    };
    found.iter().map(backlog).collect()
}

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Done,
    Refused,
}

impl State {
    const fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// What a job becomes.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) job: Job,
    pub(super) state: State,
    /// When it is due again.
    pub(super) due_at: Timestamp,
    pub(super) tries: i32,
}

/// True if a job of one of these kinds is due: an idle server only reads.
pub(super) async fn is_any_due(
    db: &Db,
    kinds: impl Iterator<Item = &'static str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let mut values: Vec<Value> = vec![now.micros().into()];
    values.extend(kinds.map(Value::from));
    let places: Vec<_> = (2..=values.len()).map(|n| format!("${n}")).collect();
    let sql = format!(
        "SELECT 1 FROM outbox WHERE state = 'waiting' AND due_at <= $1 AND kind IN ({}) LIMIT 1",
        places.join(", ")
    );
    Ok(!Source::Db(db).select(&sql, values).await?.is_empty())
}

/// Claims due jobs of a kind, the longest overdue first.
pub(super) async fn claim(
    tx: &Tx,
    now: Timestamp,
    until: Timestamp,
    (kind, most): (&str, i64),
) -> Result<Vec<Job>, DbError> {
    // On PostgreSQL, rows locked by another server are skipped. The array keeps the inner query
    // from running more than once, which would claim more rows than requested.
    let (within, lock, end) = if tx.has_row_locks() {
        ("= ANY(ARRAY", "FOR UPDATE SKIP LOCKED", "))")
    } else {
        ("IN", "", ")")
    };
    let sql = CLAIM.replace("{within}", within).replace("{lock}", lock).replace("{end}", end);
    let values = [until.micros().into(), now.micros().into(), most.into(), kind.into()];
    let statement = Statement::from_sql_and_values(tx.backend(), sql, values);
    let job = |row: &QueryResult| {
        Ok(Job {
            id: row.try_get("", "id")?,
            school: SchoolId::from_number(row.try_get("", "school_id")?),
            kind: row.try_get("", "kind")?,
            subject: row.try_get("", "subject")?,
            tries: row.try_get("", "tries")?,
            leased_until: until,
        })
    };
    tx.conn().query_all_raw(statement).await?.iter().map(job).collect()
}

/// Records outcomes of jobs that are still under the lease of their try; returns how many were.
pub(super) async fn record(tx: &Tx, ended: &[Recorded]) -> Result<i64, DbError> {
    let rows = Rows::new(vec![
        ("id", Column::Uuid(ended.iter().map(|ended| ended.job.id).collect())),
        ("lease", Column::I64(ended.iter().map(|e| e.job.leased_until.micros()).collect())),
        ("now", Column::Text(ended.iter().map(|ended| ended.state.code().into()).collect())),
        ("due_at", Column::I64(ended.iter().map(|ended| ended.due_at.micros()).collect())),
        ("tries", Column::I32(ended.iter().map(|ended| ended.tries).collect())),
    ]);
    tx.write_some(Write::Update {
        table: "outbox",
        rows,
        set: "state = r.now, due_at = r.due_at, tries = r.tries, leased_until = 0",
        guard: "outbox.state = 'waiting' AND outbox.leased_until = r.lease",
    })
    .await
}

/// How many jobs wait, and since when the oldest does.
pub(super) async fn waiting(db: &Db) -> Result<(i64, Option<Timestamp>), DbError> {
    let sql = "SELECT COUNT(*) AS jobs, MIN(created_at) AS oldest FROM outbox \
               WHERE state = 'waiting'";
    let found = Source::Db(db).select(sql, Vec::new()).await?;
    let row = found.first().ok_or(DbError::Inconsistent { table: "outbox", what: "no count" })?;
    let oldest: Option<i64> = row.try_get("", "oldest")?;
    Ok((row.try_get("", "jobs")?, oldest.map(Timestamp::from_micros)))
}
