//! How it stands with the bills of a school.

use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{DbError, Source},
        ids::SchoolId,
    },
    orders::fact::Provider,
    reconciliation::{BillStanding, OpenDays, awaited::KEPT},
};
use sea_orm::QueryResult;

fn number(row: &QueryResult, name: &str) -> Result<u64, DbError> {
    Ok(u64::try_from(row.try_get::<Option<i64>>("", name)?.unwrap_or(0)).unwrap_or(0))
}

fn day(row: &QueryResult, name: &str) -> Result<Option<Day>, DbError> {
    Ok(row.try_get::<Option<i32>>("", name)?.map(Day::from_number))
}

/// The days of a school that somebody should look at. No more than `most` are counted.
pub(in crate::reconciliation) async fn open(
    source: Source<'_>,
    school: SchoolId,
    (yesterday, most): (Day, u32),
) -> Result<OpenDays, DbError> {
    let sql = format!(
        "SELECT SUM(CASE WHEN compared_at > 0 THEN 1 ELSE 0 END) AS differ, \
         MIN(CASE WHEN compared_at > 0 THEN day END) AS differ_from, \
         SUM(CASE WHEN compared_at = 0 THEN 1 ELSE 0 END) AS awaited, \
         MIN(CASE WHEN compared_at = 0 THEN day END) AS awaited_from, \
         SUM(CASE WHEN compared_at > 0 AND day = $2 THEN 1 ELSE 0 END) AS of_yesterday FROM \
         (SELECT day, compared_at FROM bill_day WHERE school_id = $1 AND state = 'open' \
         ORDER BY day DESC LIMIT {most}) AS t"
    );
    let values = vec![school.number().into(), yesterday.number().into()];
    let found = source.select(&sql, values).await?;
    let row = found.first().ok_or(DbError::Inconsistent { table: "bill_day", what: "no count" })?;
    Ok(OpenDays {
        differ: (number(row, "differ")?, day(row, "differ_from")?),
        awaited: (number(row, "awaited")?, day(row, "awaited_from")?),
        of_yesterday: number(row, "of_yesterday")?,
    })
}

/// How it stands with the bills of each provider of which there were any, where those up to `due` are due. What is
/// older than providers keep bills is no longer missing: nobody can fetch it. The list of days has it.
pub(in crate::reconciliation) async fn of_school(
    source: Source<'_>,
    school: SchoolId,
    due: Day,
) -> Result<Vec<BillStanding>, DbError> {
    let sql = "SELECT provider, MAX(CASE WHEN compared_at > 0 THEN day END) AS day, \
               MAX(compared_at) AS at, \
               SUM(CASE WHEN compared_at = 0 AND day <= $2 AND day > $3 THEN 1 ELSE 0 END) \
               AS missing \
               FROM bill_day WHERE school_id = $1 GROUP BY provider ORDER BY provider";
    let standing = |row: &QueryResult| {
        let provider: String = row.try_get("", "provider")?;
        let unknown = DbError::Inconsistent { table: "bill_day", what: "unknown provider" };
        let at = Timestamp::from_micros(row.try_get("", "at")?);
        Ok(BillStanding {
            provider: Provider::from_code(&provider).ok_or(unknown)?,
            last: day(row, "day")?.map(|day| (day, at)),
            missing: number(row, "missing")?,
        })
    };
    let (due, oldest) = (due.number(), due.number().saturating_sub(KEPT));
    let values = vec![school.number().into(), due.into(), oldest.into()];
    source.select(sql, values).await?.iter().map(standing).collect()
}
