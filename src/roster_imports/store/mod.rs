//! Rows of uploaded rosters.

pub(super) mod refusals;

use super::{RosterCounts, RosterJob, RosterJobId, RosterStarter, RosterState};
use crate::{
    base::{
        clock::Timestamp,
        crypto::{row_mac::Field, seal::Aad},
        db::{Authority, Db, DbError, FieldKind, Keyset, Source, Tx},
        ids::SchoolId,
    },
    schools::roster::RefusedRow,
    stored_files::FileId,
};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use uuid::Uuid;

/// Whose file it is, and on whose behalf it is imported.
pub(in crate::roster_imports) const JOB: Authority = Authority {
    table: "roster_job",
    columns: &[
        ("school_id", FieldKind::Big),
        ("file_id", FieldKind::Uuid),
        ("by_login", FieldKind::Text),
        ("by_no", FieldKind::Text),
        ("started_login", FieldKind::Text),
        ("started_no", FieldKind::Text),
        ("started_at", FieldKind::Big),
    ],
    added: 0,
    live: "state IN ('checking', 'checked', 'importing')",
};

const COLUMNS: &str = "id, school_id, by_login, by_no, file_id, file_name, file_bytes, created_at, \
    expires_at, state, fault, rows_total, rows_done, to_add, to_change, to_keep, to_refuse, added, \
    changed, unchanged, refused, checked_at, started_login, started_no, started_at, ended_at, \
    refusals_kept, examples, mac";
const RUNNING: &str = "state IN ('checking', 'importing')";

/// A job under a lease.
#[derive(Debug)]
pub(in crate::roster_imports) struct Leased {
    pub(in crate::roster_imports) job: RosterJob,
    /// Who works at it: one claim.
    pub(in crate::roster_imports) worker: Uuid,
    /// How often somebody began to since a part was done, this time included.
    pub(in crate::roster_imports) tries: i32,
}

/// What came of a part of a file.
#[derive(Debug)]
pub(in crate::roster_imports) struct Part<'a> {
    pub(in crate::roster_imports) counts: RosterCounts,
    pub(in crate::roster_imports) refused: &'a [RefusedRow],
    /// The examples of the check so far, sealed; `None` where there are no new ones.
    pub(in crate::roster_imports) examples: Option<Vec<u8>>,
    pub(in crate::roster_imports) leased_until: Timestamp,
}

/// The place of the examples of a job, for their sealing.
pub(in crate::roster_imports) const fn examples_place(id: RosterJobId) -> Aad {
    Aad { table: "roster_job", column: "examples", row: id.uuid() }
}

fn fields(job: &RosterJob) -> [Field; 7] {
    let started = job.started.as_ref();
    [
        job.school.number().into(),
        job.file.uuid().into(),
        job.uploaded.login.as_str().into(),
        job.uploaded.staff_no.as_str().into(),
        started.map(|by| by.login.as_str()).into(),
        started.map(|by| by.staff_no.as_str()).into(),
        started.map(|by| by.at.micros()).into(),
    ]
}

async fn execute(tx: &Tx, sql: &str, values: Vec<Value>) -> Result<u64, DbError> {
    let statement = Statement::from_sql_and_values(tx.backend(), sql, values);
    Ok(tx.conn().execute_raw(statement).await?.rows_affected())
}

/// A new job, whose check is due.
pub(in crate::roster_imports) async fn insert(tx: &Tx, job: &RosterJob) -> Result<(), DbError> {
    let sql = "INSERT INTO roster_job (id, school_id, by_login, by_no, file_id, file_name, \
               file_bytes, created_at, expires_at, state, mac) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'checking', $10)";
    let values = vec![
        job.id.uuid().into(),
        job.school.number().into(),
        job.uploaded.login.as_str().into(),
        job.uploaded.staff_no.as_str().into(),
        job.file.uuid().into(),
        job.file_name.as_str().into(),
        i64::try_from(job.file_bytes).unwrap_or(i64::MAX).into(),
        job.uploaded.at.micros().into(),
        job.expires_at.micros().into(),
        JOB.mac(tx, job.id.uuid(), &fields(job)).into(),
    ];
    execute(tx, sql, values).await.map(drop)
}

/// The job of a school that is being worked at.
pub(in crate::roster_imports) async fn running(
    source: Source<'_>,
    school: SchoolId,
) -> Result<Option<RosterJobId>, DbError> {
    let sql = format!("SELECT id FROM roster_job WHERE school_id = $1 AND {RUNNING}");
    let found = source.select(&sql, vec![school.number().into()]).await?;
    found.first().map(|row| Ok(RosterJobId::from_uuid(row.try_get("", "id")?))).transpose()
}

pub(in crate::roster_imports) async fn page(
    db: &Db,
    (school, now): (SchoolId, Timestamp),
    state: Option<RosterState>,
    page: Keyset,
) -> Result<Vec<RosterJob>, DbError> {
    let mut values = vec![school.number().into()];
    let mut which = String::new();
    if let Some(state) = state {
        values.push(state.code().into());
        which.push_str(" AND state = $2");
        if state == RosterState::Checked {
            values.push(now.micros().into());
            which.push_str(" AND expires_at > $3");
        }
    }
    let place = page.sql("id", &mut values);
    let sql = format!("SELECT {COLUMNS} FROM roster_job WHERE school_id = $1{which}{place}");
    Source::Db(db).select(&sql, values).await?.iter().map(job_of).collect()
}

/// Rosters that were checked and may still be imported; no more than `most` are looked at.
pub(in crate::roster_imports) async fn waiting(
    db: &Db,
    (school, now): (SchoolId, Timestamp),
    most: u32,
) -> Result<(u64, Option<Timestamp>), DbError> {
    let sql = format!(
        "SELECT COUNT(*) AS rosters, MIN(t.checked_at) AS oldest FROM (SELECT checked_at \
         FROM roster_job WHERE school_id = $1 AND state = 'checked' AND expires_at > $2 \
         LIMIT {most}) AS t"
    );
    let found =
        Source::Db(db).select(&sql, vec![school.number().into(), now.micros().into()]).await?;
    let row =
        found.first().ok_or(DbError::Inconsistent { table: "roster_job", what: "no count" })?;
    let rosters = u64::try_from(row.try_get::<i64>("", "rosters")?).unwrap_or(0);
    Ok((rosters, row.try_get::<Option<i64>>("", "oldest")?.map(Timestamp::from_micros)))
}

pub(in crate::roster_imports) async fn find(
    source: Source<'_>,
    school: SchoolId,
    id: RosterJobId,
) -> Result<Option<RosterJob>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM roster_job WHERE id = $1 AND school_id = $2");
    let found = source.select(&sql, vec![id.uuid().into(), school.number().into()]).await?;
    found.first().map(job_of).transpose()
}

/// Locks a job of a school, and reads it.
pub(in crate::roster_imports) async fn hold(
    tx: &Tx,
    school: SchoolId,
    id: RosterJobId,
) -> Result<Option<RosterJob>, DbError> {
    let lock = if tx.has_row_locks() { " FOR UPDATE" } else { "" };
    let sql = format!("SELECT {COLUMNS} FROM roster_job WHERE id = $1 AND school_id = $2{lock}");
    let values = vec![id.uuid().into(), school.number().into()];
    Source::Tx(tx).select(&sql, values).await?.first().map(job_of).transpose()
}

/// Makes the import of a checked job due.
pub(in crate::roster_imports) async fn start(
    tx: &Tx,
    job: &RosterJob,
    (login, staff_no): (&str, &str),
    now: Timestamp,
) -> Result<(), DbError> {
    let sql = "UPDATE roster_job SET state = 'importing', started_login = $2, started_no = $3, \
               started_at = $4, rows_done = 0, worker = NULL, leased_until = 0, tries = 0 \
               WHERE id = $1 AND state = 'checked'";
    let values = || {
        let (login, staff_no) = (login.into(), staff_no.into());
        vec![job.id.uuid().into(), login, staff_no, now.micros().into()]
    };
    let update = async {
        let updated = execute(tx, sql, values()).await?;
        if updated == 1 { Ok(()) } else { Err(DbError::Raced { table: "roster_job" }) }
    };
    JOB.changed(tx, &[job.id.uuid()], update).await
}

/// True if a job is due: an idle server only reads.
pub(in crate::roster_imports) async fn is_any_due(
    db: &Db,
    now: Timestamp,
) -> Result<bool, DbError> {
    let sql = format!("SELECT 1 FROM roster_job WHERE {RUNNING} AND leased_until <= $1 LIMIT 1");
    Ok(!Source::Db(db).select(&sql, vec![now.micros().into()]).await?.is_empty())
}

/// Claims the job that is due the longest, until `until`.
pub(in crate::roster_imports) async fn claim(
    tx: &Tx,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Leased>, DbError> {
    let worker = Uuid::new_v4();
    // See the outbox.
    let (within, lock, end) = if tx.has_row_locks() {
        ("= ANY(ARRAY", "FOR UPDATE SKIP LOCKED", "))")
    } else {
        ("IN ", "", ")")
    };
    let sql = format!(
        "UPDATE roster_job SET leased_until = $1, worker = $3, tries = tries + 1 \
         WHERE {RUNNING} AND leased_until <= $2 AND id {within}(SELECT id FROM roster_job \
         WHERE {RUNNING} AND leased_until <= $2 ORDER BY leased_until, id LIMIT 1 {lock}{end} \
         RETURNING {COLUMNS}, tries"
    );
    let values = vec![until.micros().into(), now.micros().into(), worker.into()];
    let found = Source::Tx(tx).select(&sql, values).await?;
    let leased = |row: &QueryResult| {
        Ok(Leased { job: job_of(row)?, worker, tries: row.try_get("", "tries")? })
    };
    found.first().map(leased).transpose()
}

/// Refuses a job whose row was altered: whoever it names did not start it. The MAC covers who did and not the
/// state, so that an import without a starter is an altered row as well.
pub(in crate::roster_imports) async fn check(db: &Db, job: &RosterJob) -> Result<(), DbError> {
    if (job.state == RosterState::Importing) != job.started.is_some() {
        let what = "a step that nobody started";
        return Err(DbError::Inconsistent { table: "roster_job", what });
    }
    let sql = "SELECT mac FROM roster_job WHERE id = $1";
    let found = Source::Db(db).select(sql, vec![job.id.uuid().into()]).await?;
    let mac: Option<Vec<u8>> = match found.first() {
        Some(row) => row.try_get("", "mac")?,
        None => None,
    };
    JOB.check(db.macs(), job.id.uuid(), &fields(job), mac.as_deref())
}

/// Stores how many rows a file has; `false` if somebody else works at it now.
pub(in crate::roster_imports) async fn surveyed(
    tx: &Tx,
    leased: &Leased,
    rows: u64,
) -> Result<bool, DbError> {
    let sql = "UPDATE roster_job SET rows_total = $3 WHERE id = $1 AND worker = $2 AND state = $4";
    let values = vec![
        leased.job.id.uuid().into(),
        leased.worker.into(),
        i64::try_from(rows).unwrap_or(i64::MAX).into(),
        leased.job.state.code().into(),
    ];
    Ok(execute(tx, sql, values).await? == 1)
}

/// Keeps what came of a part; `false` if somebody else works at it now.
pub(in crate::roster_imports) async fn keep(
    tx: &Tx,
    leased: &Leased,
    part: &Part<'_>,
) -> Result<bool, DbError> {
    let RosterCounts { added, changed, unchanged, refused } = part.counts;
    let of_step = if leased.job.state == RosterState::Importing {
        "added = added + $4, changed = changed + $5, unchanged = unchanged + $6, \
         refused = refused + $7"
    } else {
        "to_add = to_add + $4, to_change = to_change + $5, to_keep = to_keep + $6, \
         to_refuse = to_refuse + $7"
    };
    let sql = format!(
        "UPDATE roster_job SET {of_step}, rows_done = rows_done + $8, leased_until = $9, tries = 0, \
         examples = COALESCE($10, examples) WHERE id = $1 AND worker = $2 AND state = $3"
    );
    let number = |rows: u64| Value::from(i64::try_from(rows).unwrap_or(i64::MAX));
    let values = vec![
        leased.job.id.uuid().into(),
        leased.worker.into(),
        leased.job.state.code().into(),
        number(added),
        number(changed),
        number(unchanged),
        number(refused),
        number(added + changed + unchanged + refused),
        part.leased_until.micros().into(),
        part.examples.clone().into(),
    ];
    if execute(tx, &sql, values).await? != 1 {
        return Ok(false);
    }
    if !part.refused.is_empty() {
        refusals::insert(tx, &leased.job, part.refused).await?;
    }
    Ok(true)
}

/// Ends the present step, as done, or as failed for a reason; `false` if somebody else works at it now.
pub(in crate::roster_imports) async fn end(
    tx: &Tx,
    leased: &Leased,
    fault: Option<&str>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let (next, column) = match (fault, leased.job.state) {
        (Some(_), _) => (RosterState::Failed, "ended_at"),
        (None, RosterState::Importing) => (RosterState::Done, "ended_at"),
        (None, _) => (RosterState::Checked, "checked_at"),
    };
    let sql = format!(
        "UPDATE roster_job SET state = $4, fault = $5, {column} = $6, worker = NULL, \
         leased_until = 0 WHERE id = $1 AND worker = $2 AND state = $3"
    );
    let values = vec![
        leased.job.id.uuid().into(),
        leased.worker.into(),
        leased.job.state.code().into(),
        next.code().into(),
        fault.into(),
        now.micros().into(),
    ];
    Ok(execute(tx, &sql, values).await? == 1)
}

const fn step_of(job: &RosterJob) -> i32 {
    if job.started.is_some() { 1 } else { 0 }
}

fn job_of(row: &QueryResult) -> Result<RosterJob, DbError> {
    let number = |name: &str| -> Result<u64, DbError> {
        Ok(u64::try_from(row.try_get::<i64>("", name)?).unwrap_or(0))
    };
    let instant = |name: &str| -> Result<Option<Timestamp>, DbError> {
        Ok(row.try_get::<Option<i64>>("", name)?.map(Timestamp::from_micros))
    };
    let counts = |names: [&str; 4]| -> Result<RosterCounts, DbError> {
        let [added, changed, unchanged, refused] = names.map(number);
        Ok(RosterCounts {
            added: added?,
            changed: changed?,
            unchanged: unchanged?,
            refused: refused?,
        })
    };
    let unknown = |what| DbError::Inconsistent { table: "roster_job", what };
    let state: String = row.try_get("", "state")?;
    Ok(RosterJob {
        id: RosterJobId::from_uuid(row.try_get("", "id")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        uploaded: RosterStarter {
            login: row.try_get("", "by_login")?,
            staff_no: row.try_get("", "by_no")?,
            at: Timestamp::from_micros(row.try_get("", "created_at")?),
        },
        file_name: row.try_get("", "file_name")?,
        file_bytes: number("file_bytes")?,
        expires_at: Timestamp::from_micros(row.try_get("", "expires_at")?),
        state: RosterState::from_code(&state).ok_or(unknown("unknown state"))?,
        fault: row.try_get("", "fault")?,
        rows_total: number("rows_total")?,
        rows_done: number("rows_done")?,
        checked: counts(["to_add", "to_change", "to_keep", "to_refuse"])?,
        imported: counts(["added", "changed", "unchanged", "refused"])?,
        checked_at: instant("checked_at")?,
        started: starter(row, instant("started_at")?)?,
        ended_at: instant("ended_at")?,
        has_refusals: row.try_get::<i32>("", "refusals_kept")? == 1,
        file: FileId::from_uuid(row.try_get("", "file_id")?),
        examples: row.try_get("", "examples")?,
    })
}

fn starter(row: &QueryResult, at: Option<Timestamp>) -> Result<Option<RosterStarter>, DbError> {
    let login: Option<String> = row.try_get("", "started_login")?;
    let staff_no: Option<String> = row.try_get("", "started_no")?;
    Ok(login.zip(staff_no).zip(at).map(|((login, staff_no), at)| RosterStarter {
        login,
        staff_no,
        at,
    }))
}
