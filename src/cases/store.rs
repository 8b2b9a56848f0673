//! Rows of cases.

use super::Case;
use crate::base::{
    clock::Timestamp,
    db::{Column, DbError, Rows, Tx, Write},
    ids::{SchoolId, uuid_at},
};
use entity::review_case;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use std::collections::HashSet;

/// New cases, to be written together with other rows. Those that are open already stay as they are.
pub fn write_of(cases: &[Case]) -> Write {
    let text = |f: fn(&Case) -> &str| Column::Text(cases.iter().map(|c| f(c).to_owned()).collect());
    let rows = Rows::new(vec![
        ("id", Column::Uuid(cases.iter().map(|c| uuid_at(c.opened_at)).collect())),
        ("school_id", Column::I64(cases.iter().map(|c| c.school.number()).collect())),
        ("kind", text(|c| c.kind)),
        ("subject", text(|c| &c.subject)),
        ("detail", text(|c| &c.detail)),
        ("opened_at", Column::I64(cases.iter().map(|c| c.opened_at.micros()).collect())),
    ]);
    Write::Insert {
        table: "review_case",
        rows,
        suffix: "ON CONFLICT (school_id, kind, subject) DO NOTHING",
    }
}

pub(super) async fn among(
    tx: &Tx,
    schools: &[SchoolId],
    kind: &str,
    subjects: Vec<String>,
) -> Result<HashSet<String>, DbError> {
    if subjects.is_empty() {
        return Ok(HashSet::new());
    }
    let found = review_case::Entity::find()
        .select_only()
        .column(review_case::Column::Subject)
        .filter(review_case::Column::SchoolId.is_in(schools.iter().map(|s| s.number())))
        .filter(review_case::Column::Kind.eq(kind))
        .filter(review_case::Column::Subject.is_in(subjects));
    Ok(found.into_tuple::<String>().all(tx.conn()).await?.into_iter().collect())
}

pub(super) async fn reopen(tx: &Tx, case: &Case) -> Result<(), DbError> {
    review_case::Entity::update_many()
        .col_expr(review_case::Column::ClosedAt, Expr::value(Option::<i64>::None))
        .col_expr(review_case::Column::Detail, Expr::value(case.detail.clone()))
        .filter(review_case::Column::SchoolId.eq(case.school.number()))
        .filter(review_case::Column::Kind.eq(case.kind))
        .filter(review_case::Column::Subject.eq(case.subject.clone()))
        .exec(tx.conn())
        .await?;
    Ok(())
}

pub(super) async fn close(
    tx: &Tx,
    (school, kind): (SchoolId, &str),
    subjects: Vec<String>,
    now: Timestamp,
) -> Result<(), DbError> {
    review_case::Entity::update_many()
        .col_expr(review_case::Column::ClosedAt, Expr::value(now.micros()))
        .filter(review_case::Column::SchoolId.eq(school.number()))
        .filter(review_case::Column::Kind.eq(kind))
        .filter(review_case::Column::Subject.is_in(subjects))
        .filter(review_case::Column::ClosedAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}
