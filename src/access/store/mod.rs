//! The tables of rights, allocations and the log.

pub(super) mod authentic;
pub(super) mod ending;
pub(super) mod log;
pub(super) mod readers;
pub(super) mod rights;

use super::desk::{DoorFilter, DoorPage};
use crate::base::ids::SchoolId;
use sea_orm::Value;

/// Continues `… WHERE {table}.school_id = $1` to a page of a list, newest first; with all values.
fn newest_first(
    table: &str,
    school: SchoolId,
    filter: &DoorFilter,
    page: DoorPage,
) -> (String, Vec<Value>) {
    let (mut conditions, mut values) = (Vec::new(), vec![school.number().into()]);
    let filters = [
        ("person_id =", filter.person.map(|person| person.uuid().into())),
        ("door_group =", filter.group.as_ref().map(|group| group.to_string().into())),
        ("id <", page.cursor.map(Value::from)),
    ];
    for (condition, value) in filters {
        if let Some(value) = value {
            values.push(value);
            conditions.push(format!(" AND {table}.{condition} ${}", values.len()));
        }
    }
    let conditions = conditions.concat();
    (format!("{conditions} ORDER BY {table}.id DESC LIMIT {}", page.most), values)
}
