//! Logins, as members of staff list them.

use super::account;
use crate::{
    base::{
        db::{Db, DbError, Keyset, Source},
        ids::SchoolId,
    },
    staff_accounts::{
        Account,
        listing::{StaffFilter, StaffPlace},
    },
};
use entity::staff_member;
use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryResult, QuerySelect, Value,
};
use std::collections::HashMap;
use uuid::Uuid;

/// The conditions of a filter, with their values.
fn conditions(filter: &StaffFilter) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = vec![filter.school.number().into()];
    let mut conditions = "s.school_id = $1".to_owned();
    let mut and = |condition: &str, value: Value| {
        values.push(value);
        conditions.push_str(&condition.replace('?', &format!("${}", values.len())));
    };
    if let Some(role) = filter.role {
        and(" AND ',' || s.roles || ',' LIKE ?", format!("%,{},%", role.code()).into());
    }
    if let Some(enabled) = filter.enabled {
        and(" AND s.enabled = ?", enabled.into());
    }
    (conditions, values)
}

/// See [`StaffFilter::page`].
pub(in crate::staff_accounts) async fn page(
    db: &Db,
    filter: &StaffFilter,
    page: Keyset<StaffPlace>,
) -> Result<Vec<Account>, DbError> {
    let (conditions, mut values) = conditions(filter);
    let (sign, order) = if page.descending { ("<", "DESC") } else { (">", "ASC") };
    let columns: &[&str] =
        if filter.by_sign_in { &["COALESCE(#.signed_in_at, 0)", "#.id"] } else { &["#.login"] };
    let of = |row: &str, end: &str| {
        let columns = columns.iter().map(|column| column.replace('#', row) + end);
        columns.collect::<Vec<_>>().join(", ")
    };
    let place = page.beyond.map_or_else(String::new, |StaffPlace { signed_in_at, id }| {
        values.push(id.uuid().into());
        let (here, id) = (of("s", ""), values.len());
        if filter.by_sign_in {
            // As it was when the page before was read.
            values.push(signed_in_at.into());
            return format!(" AND ({here}) {sign} (${}, ${id})", values.len());
        }
        // A login stays as it is.
        let there = of("l", "");
        format!(" AND ({here}) {sign} (SELECT {there} FROM staff_member l WHERE l.id = ${id} AND l.school_id = s.school_id)")
    });
    let sql = format!(
        "SELECT s.* FROM staff_member s WHERE {conditions}{place} ORDER BY {} LIMIT {}",
        of("s", &format!(" {order}")),
        page.most
    );
    let member = |row: &QueryResult| account(staff_member::Model::from_query_result(row, "")?);
    Source::Db(db).select(&sql, values).await?.iter().map(member).collect()
}

/// See [`StaffFilter::count`].
pub(in crate::staff_accounts) async fn count(
    db: &Db,
    filter: &StaffFilter,
    most: u32,
) -> Result<u64, DbError> {
    let (conditions, values) = conditions(filter);
    let sql = format!(
        "SELECT COUNT(*) AS listed FROM \
         (SELECT 1 AS one FROM staff_member s WHERE {conditions} LIMIT {most}) AS t"
    );
    let found = Source::Db(db).select(&sql, values).await?;
    let missing = DbError::Inconsistent { table: "staff_member", what: "no count" };
    let listed: i64 = found.first().ok_or(missing)?.try_get("", "listed")?;
    Ok(u64::try_from(listed).unwrap_or(0))
}

/// The logins of a school with these ids.
pub(in crate::staff_accounts) async fn names(
    db: &Db,
    school: SchoolId,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, String>, DbError> {
    let found: Vec<(Uuid, String)> = staff_member::Entity::find()
        .filter(staff_member::Column::SchoolId.eq(school.number()))
        .filter(staff_member::Column::Id.is_in(ids))
        .select_only()
        .column(staff_member::Column::Id)
        .column(staff_member::Column::Login)
        .into_tuple()
        .all(db.conn())
        .await?;
    Ok(found.into_iter().collect())
}
