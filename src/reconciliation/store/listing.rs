//! Days of bills, as members of staff list them.

use super::days::{day_of, day_sql};
use crate::{
    base::db::{Db, DbError, Keyset, Source},
    reconciliation::{
        BillDay,
        listing::{BillDayFilter, BillDayState},
    },
};
use sea_orm::Value;

/// The conditions of a filter, with their values.
fn conditions(filter: &BillDayFilter) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = vec![filter.school.number().into()];
    let mut conditions = "d.school_id = $1".to_owned();
    let fields: [(&str, Option<Value>); 3] = [
        ("d.provider =", filter.provider.map(|provider| provider.code().into())),
        ("d.day >=", filter.from.map(|day| day.number().into())),
        ("d.day <=", filter.to.map(|day| day.number().into())),
    ];
    for (condition, value) in fields {
        if let Some(value) = value {
            values.push(value);
            let end = format!(" AND {condition} ${}", values.len());
            conditions.push_str(&end);
        }
    }
    conditions.push_str(match filter.state {
        Some(BillDayState::Closed) => " AND d.state = 'closed'",
        Some(BillDayState::Open) => " AND d.state = 'open' AND d.compared_at > 0",
        Some(BillDayState::Unbilled) => {
            " AND d.state = 'open' AND d.file_hash = '' AND d.compared_at > 0"
        }
        Some(BillDayState::Awaited) => " AND d.state = 'open' AND d.compared_at = 0",
        None => "",
    });
    (conditions, values)
}

/// See [`BillDayFilter::page`].
pub(in crate::reconciliation) async fn page(
    db: &Db,
    filter: &BillDayFilter,
    page: Keyset,
) -> Result<Vec<BillDay>, DbError> {
    let (conditions, mut values) = conditions(filter);
    let (sign, order) = if page.descending { ("<", "DESC") } else { (">", "ASC") };
    let place = page.beyond.map_or_else(String::new, |id| {
        values.push(id.into());
        format!(
            " AND (d.day, d.id) {sign} (SELECT l.day, l.id FROM bill_day l \
             WHERE l.id = ${} AND l.school_id = $1)",
            values.len()
        )
    });
    let sql = format!(
        "{} WHERE {conditions}{place} ORDER BY d.day {order}, d.id {order} LIMIT {}",
        day_sql(),
        page.most
    );
    Source::Db(db).select(&sql, values).await?.iter().map(day_of).collect()
}

/// See [`BillDayFilter::count`].
pub(in crate::reconciliation) async fn count(
    db: &Db,
    filter: &BillDayFilter,
    most: u32,
) -> Result<u64, DbError> {
    let (conditions, values) = conditions(filter);
    let sql = format!(
        "SELECT COUNT(*) AS listed FROM \
         (SELECT 1 AS one FROM bill_day d WHERE {conditions} LIMIT {most}) AS t"
    );
    let found = Source::Db(db).select(&sql, values).await?;
    let missing = DbError::Inconsistent { table: "bill_day", what: "no count" };
    let listed: i64 = found.first().ok_or(missing)?.try_get("", "listed")?;
    Ok(u64::try_from(listed).unwrap_or(0))
}
