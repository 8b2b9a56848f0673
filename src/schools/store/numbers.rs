//! Student numbers of many people at once.

use crate::base::{
    db::{Column, DbError, Source},
    ids::{PersonId, SchoolId},
};
use sea_orm::QueryResult;

/// The people of a school with these numbers.
pub(in crate::schools) async fn by_numbers(
    source: Source<'_>,
    school: SchoolId,
    numbers: Vec<String>,
) -> Result<Vec<(PersonId, String)>, DbError> {
    // By the index of numbers: without statistics, that of the school reads all of its people.
    let sql = "SELECT id, student_no FROM person \
               WHERE student_no {keys1} AND school_id + 0 {keys2}";
    let keys = vec![Column::Text(numbers), Column::I64(vec![school.number()])];
    source.select_keys(sql, keys).await?.iter().map(numbered).collect()
}

/// The numbers of these people of a school.
pub(in crate::schools) async fn numbers_of(
    source: Source<'_>,
    school: SchoolId,
    persons: &[PersonId],
) -> Result<Vec<(PersonId, String)>, DbError> {
    let sql = "SELECT id, student_no FROM person WHERE id {keys1} AND school_id {keys2}";
    let persons = Column::Uuid(persons.iter().map(|person| person.uuid()).collect());
    let keys = vec![persons, Column::I64(vec![school.number()])];
    source.select_keys(sql, keys).await?.iter().map(numbered).collect()
}

/// Up to 500 people of a school after this number, in the order of their numbers.
pub(in crate::schools) async fn page_by_number(
    source: Source<'_>,
    school: SchoolId,
    after: &str,
) -> Result<Vec<(PersonId, String)>, DbError> {
    let sql = "SELECT id, student_no FROM person WHERE school_id = $1 AND student_no > $2 \
               ORDER BY student_no LIMIT 500";
    let values = vec![school.number().into(), after.into()];
    source.select(sql, values).await?.iter().map(numbered).collect()
}

fn numbered(row: &QueryResult) -> Result<(PersonId, String), DbError> {
    Ok((PersonId::from_uuid(row.try_get("", "id")?), row.try_get("", "student_no")?))
}
