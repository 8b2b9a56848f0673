//! Rows of rosters that were refused.

use super::{RUNNING, execute, step_of};
use crate::{
    base::{
        clock::Timestamp,
        db::{Column, Db, DbError, Rows, Source, Tx},
    },
    roster_imports::{RosterJob, RosterJobId},
    schools::roster::RefusedRow,
};
use sea_orm::QueryResult;

/// Keeps refused rows of the present step.
pub(super) async fn insert(tx: &Tx, job: &RosterJob, rows: &[RefusedRow]) -> Result<(), DbError> {
    let text = |f: fn(&RefusedRow) -> &str| {
        Column::Text(rows.iter().map(|row| f(row).to_owned()).collect())
    };
    let line = |row: &RefusedRow| i64::try_from(row.line).unwrap_or(i64::MAX);
    let rows = Rows::new(vec![
        ("job_id", Column::Uuid(vec![job.id.uuid(); rows.len()])),
        ("step", Column::I32(vec![step_of(job); rows.len()])),
        ("line", Column::I64(rows.iter().map(line).collect())),
        ("student_no", text(|row| &row.student_no)),
        ("reason", text(|row| &row.reason)),
    ]);
    tx.insert_rows("roster_refusal", rows, "").await
}

/// The refused rows of the latest step after a line, by line.
pub(in crate::roster_imports) async fn rows(
    db: &Db,
    job: &RosterJob,
    (after, most): (Option<u64>, u32),
) -> Result<Vec<RefusedRow>, DbError> {
    let sql = format!(
        "SELECT line, student_no, reason FROM roster_refusal \
         WHERE job_id = $1 AND step = $2 AND line > $3 ORDER BY line LIMIT {most}"
    );
    let after = i64::try_from(after.unwrap_or(0)).unwrap_or(i64::MAX);
    let values = vec![job.id.uuid().into(), step_of(job).into(), after.into()];
    let row = |row: &QueryResult| {
        Ok(RefusedRow {
            line: u64::try_from(row.try_get::<i64>("", "line")?).unwrap_or(0),
            student_no: row.try_get("", "student_no")?,
            reason: row.try_get("", "reason")?,
        })
    };
    Source::Db(db).select(&sql, values).await?.iter().map(row).collect()
}

/// A job whose refused rows are kept, that was uploaded before an instant and is not worked at.
pub(in crate::roster_imports) async fn old(
    db: &Db,
    before: Timestamp,
) -> Result<Option<RosterJobId>, DbError> {
    let sql = format!(
        "SELECT id FROM roster_job WHERE refusals_kept = 1 AND created_at < $1 AND NOT ({RUNNING}) \
         ORDER BY created_at LIMIT 1"
    );
    let found = Source::Db(db).select(&sql, vec![before.micros().into()]).await?;
    found.first().map(|row| Ok(RosterJobId::from_uuid(row.try_get("", "id")?))).transpose()
}

/// Deletes some of a job's refused rows; `true` if there may be more.
pub(in crate::roster_imports) async fn forget_some(
    tx: &Tx,
    id: RosterJobId,
    most: u64,
) -> Result<bool, DbError> {
    let sql = format!(
        "DELETE FROM roster_refusal WHERE job_id = $1 AND line <= (SELECT MAX(line) FROM \
         (SELECT line FROM roster_refusal WHERE job_id = $1 ORDER BY line LIMIT {most}) AS oldest)"
    );
    if execute(tx, &sql, vec![id.uuid().into()]).await? > 0 {
        return Ok(true);
    }
    let sql = "UPDATE roster_job SET refusals_kept = 0, examples = NULL WHERE id = $1";
    execute(tx, sql, vec![id.uuid().into()]).await?;
    Ok(false)
}
