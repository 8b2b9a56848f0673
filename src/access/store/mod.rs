//! The tables of rights, allocations and the log.

pub(super) mod authentic;
pub(super) mod ending;
pub(super) mod log;
pub(super) mod readers;
pub(super) mod rights;

use super::listing::DoorFilter;
use crate::base::{
    db::{DbError, Source},
    ids::{SchoolId, first_uuid_at},
};
use sea_orm::Value;
use std::time::Duration;

const A_DAY: Duration = Duration::from_hours(24);

/// Continues `… WHERE {table}.school_id = $1` with the conditions of a filter; with all values.
fn conditions(table: &str, school: SchoolId, filter: &DoorFilter) -> (String, Vec<Value>) {
    let (mut conditions, mut values) = (String::new(), vec![school.number().into()]);
    let mut and = |condition: &str, value: Value| {
        values.push(value);
        let end = format!(" AND {table}.{condition} ${}", values.len());
        conditions.push_str(&end);
    };
    if let Some(person) = filter.person {
        and("person_id =", person.uuid().into());
    }
    if let Some(group) = &filter.group {
        and("door_group =", group.to_string().into());
    }
    if let Some(source) = filter.narrow.source {
        and("source =", source.code().into());
    }
    if let Some((ended, now)) = filter.narrow.ended {
        and(if ended { "until_at <=" } else { "until_at >" }, now.micros().into());
    }
    if let Some(day) = filter.narrow.day {
        // An entry's id is made within a day of it: the index of ids leads to it.
        let [before, after] = [day.start().minus(A_DAY), day.next().start().plus(A_DAY)];
        and("id >=", first_uuid_at(before).into());
        and("id <", first_uuid_at(after).into());
        and("at >=", day.start().micros().into());
        and("at <", day.next().start().micros().into());
    }
    if let Some(decision) = filter.narrow.decision {
        and("decision =", decision.code().into());
    }
    (conditions, values)
}

/// The number of rows of `SELECT 1 AS one …`, which ends with its limit.
async fn counted(source: Source<'_>, sql: &str, values: Vec<Value>) -> Result<u64, DbError> {
    let sql = format!("SELECT COUNT(*) AS listed FROM ({sql}) AS t");
    let found = source.select(&sql, values).await?;
    let listed = found.first().map_or(Ok(0), |row| row.try_get::<i64>("", "listed"))?;
    Ok(u64::try_from(listed).unwrap_or(0))
}
