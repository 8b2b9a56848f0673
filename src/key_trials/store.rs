//! The table of tries: of each provider of a school the last one.

use super::{KeyTrialResult, TrialFinding, Tried};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Source, Tx},
    ids::SchoolId,
};
use sea_orm::QueryResult;
use std::time::Duration;

/// A start that is further ahead than this was written under a clock that has been set right since.
const OTHER_CLOCK: Duration = Duration::from_mins(1);

/// Begins a try unless one began less than `pause` ago. `false` where it is too soon.
pub(super) async fn begin(
    tx: &Tx,
    (school, section): (SchoolId, &str),
    pause: Duration,
    now: Timestamp,
) -> Result<bool, DbError> {
    let sql = "INSERT INTO key_trial (school_id, provider, started_at) VALUES ($1, $2, $3) \
               ON CONFLICT (school_id, provider) DO UPDATE SET started_at = excluded.started_at \
               WHERE key_trial.started_at <= $4 OR key_trial.started_at > $5 RETURNING started_at";
    let (before, after) = (now.minus(pause), now.plus(OTHER_CLOCK));
    let values = vec![
        school.number().into(),
        section.into(),
        now.micros().into(),
        before.micros().into(),
        after.micros().into(),
    ];
    Ok(!Source::Tx(tx).select(sql, values).await?.is_empty())
}

/// Keeps what the try that began then found, unless another one began since.
pub(super) async fn keep(
    tx: &Tx,
    (school, section): (SchoolId, &str),
    (tried, by): (&Tried, &str),
    (began, now): (Timestamp, Timestamp),
) -> Result<(), DbError> {
    let sql = "UPDATE key_trial SET finding = $4, detail = $5, clock_ahead_seconds = $6, \
               finished_at = $7, tried_by = $8 \
               WHERE school_id = $1 AND provider = $2 AND started_at = $3 RETURNING started_at";
    let values = vec![
        school.number().into(),
        section.into(),
        began.micros().into(),
        tried.finding.code().into(),
        tried.detail.as_str().into(),
        tried.clock_ahead_seconds.into(),
        now.micros().into(),
        by.into(),
    ];
    Source::Tx(tx).select(sql, values).await?;
    Ok(())
}

/// What the last tries of a school found, by section.
pub(super) async fn of_school(
    db: &Db,
    school: SchoolId,
) -> Result<Vec<(String, KeyTrialResult)>, DbError> {
    let sql = "SELECT provider, finding, detail, clock_ahead_seconds, finished_at, tried_by \
               FROM key_trial WHERE school_id = $1 AND finding IS NOT NULL";
    let found = Source::Db(db).select(sql, vec![school.number().into()]).await?;
    found.iter().map(result).collect()
}

fn result(row: &QueryResult) -> Result<(String, KeyTrialResult), DbError> {
    let broken = DbError::Inconsistent { table: "key_trial", what: "an unknown finding" };
    let finding: String = row.try_get("", "finding")?;
    let tried = Tried {
        finding: TrialFinding::from_code(&finding).ok_or(broken)?,
        detail: row.try_get("", "detail")?,
        clock_ahead_seconds: row.try_get("", "clock_ahead_seconds")?,
    };
    let at = Timestamp::from_micros(row.try_get("", "finished_at")?);
    Ok((
        row.try_get("", "provider")?,
        KeyTrialResult { tried, at, by: row.try_get("", "tried_by")? },
    ))
}
