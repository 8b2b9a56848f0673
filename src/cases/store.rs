//! Rows of cases.

use super::{
    Case, CaseEnd, CaseFacts, CaseFilter, CaseHolder, CaseId, CaseKind, CaseState, CaseWorker,
    FoundCase, kind::MONEY,
};
use crate::base::{
    clock::Timestamp,
    db::{Column, Db, DbError, Keyset, Rows, Source, Tx, Write},
    ids::{SchoolId, uuid_at},
    money::Fen,
};
use entity::review_case;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryResult, QuerySelect,
    Select, Value, sea_query::Expr,
};
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
        ("payment_id", Column::OptUuid(cases.iter().map(|c| c.facts.payment).collect())),
        ("refund_id", Column::OptUuid(cases.iter().map(|c| c.facts.refund).collect())),
        ("amount_fen", Column::I64(cases.iter().map(|c| c.facts.amount.get()).collect())),
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

/// What is open stays whose it is; what was closed begins anew.
pub(super) async fn reopen(tx: &Tx, case: &Case) -> Result<(), DbError> {
    use review_case::Column as Of;
    let kept = |column: &str| Expr::cust(format!("CASE WHEN closed_at IS NULL THEN {column} END"));
    let new =
        Condition::any().add(Of::ClosedAt.is_not_null()).add(Of::Detail.ne(case.detail.clone()));
    review_case::Entity::update_many()
        .col_expr(Of::TakenLogin, kept("taken_login"))
        .col_expr(Of::TakenNo, kept("taken_no"))
        .col_expr(Of::TakenAt, kept("taken_at"))
        .col_expr(Of::ActiveAt, kept("active_at"))
        .col_expr(Of::ClosedAt, Expr::value(Option::<i64>::None))
        .col_expr(Of::ClosedLogin, Expr::value(Option::<String>::None))
        .col_expr(Of::ClosedNo, Expr::value(Option::<String>::None))
        .col_expr(Of::Resolution, Expr::value(Option::<String>::None))
        .col_expr(Of::Detail, Expr::value(case.detail.clone()))
        .col_expr(Of::AmountFen, Expr::value(case.facts.amount.get()))
        .col_expr(Of::Version, Expr::cust("version + 1"))
        .filter(Of::SchoolId.eq(case.school.number()))
        .filter(Of::Kind.eq(case.kind))
        .filter(Of::Subject.eq(case.subject.clone()))
        .filter(new)
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
        .col_expr(review_case::Column::Version, Expr::cust("version + 1"))
        .filter(review_case::Column::SchoolId.eq(school.number()))
        .filter(review_case::Column::Kind.eq(kind))
        .filter(review_case::Column::Subject.is_in(subjects))
        .filter(review_case::Column::ClosedAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}

fn one_of(school: SchoolId, id: CaseId) -> Select<review_case::Entity> {
    review_case::Entity::find_by_id(id.uuid())
        .filter(review_case::Column::SchoolId.eq(school.number()))
}

pub(super) async fn lock(
    tx: &Tx,
    school: SchoolId,
    id: CaseId,
) -> Result<Option<FoundCase>, DbError> {
    let row = one_of(school, id).lock_exclusive().one(tx.conn()).await?;
    row.map(found).transpose()
}

pub(super) async fn find(
    db: &Db,
    school: SchoolId,
    id: CaseId,
) -> Result<Option<FoundCase>, DbError> {
    one_of(school, id).one(db.conn()).await?.map(found).transpose()
}

/// Writes who has a case that is locked, and how it ended.
pub(super) async fn save(tx: &Tx, was: &FoundCase, is: &FoundCase) -> Result<(), DbError> {
    let (holder, end) = (is.holder.as_ref(), is.end.as_ref());
    let ended_by = end.and_then(|end| end.by.as_ref());
    let set = review_case::ActiveModel {
        taken_login: Set(holder.map(|holder| holder.by.login.clone())),
        taken_no: Set(holder.map(|holder| holder.by.staff_no.clone())),
        taken_at: Set(holder.map(|holder| holder.since.micros())),
        active_at: Set(holder.map(|holder| holder.active_at.micros())),
        closed_at: Set(end.map(|end| end.at.micros())),
        closed_login: Set(ended_by.map(|by| by.login.clone())),
        closed_no: Set(ended_by.map(|by| by.staff_no.clone())),
        resolution: Set(end.map(|end| end.text.clone())),
        version: Set(is.version),
        ..Default::default()
    };
    let saved = review_case::Entity::update_many()
        .set(set)
        .filter(review_case::Column::Id.eq(was.id.uuid()))
        .filter(review_case::Column::Version.eq(was.version))
        .filter(review_case::Column::ClosedAt.is_null())
        .exec(tx.conn())
        .await?;
    match saved.rows_affected {
        1 => Ok(()),
        _ => Err(DbError::Raced { table: "review_case" }),
    }
}

pub(super) async fn touch(
    tx: &Tx,
    id: CaseId,
    by: &CaseWorker,
    now: Timestamp,
) -> Result<(), DbError> {
    review_case::Entity::update_many()
        .col_expr(review_case::Column::ActiveAt, Expr::value(now.micros()))
        .filter(review_case::Column::Id.eq(id.uuid()))
        .filter(review_case::Column::TakenNo.eq(by.staff_no.clone()))
        .filter(review_case::Column::ClosedAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}

fn found(row: review_case::Model) -> Result<FoundCase, DbError> {
    let at = |micros: Option<i64>| micros.map(Timestamp::from_micros);
    let worker = |login: Option<String>, staff_no: Option<String>| {
        Some(CaseWorker { login: login?, staff_no: staff_no? })
    };
    let holder = worker(row.taken_login, row.taken_no).zip(at(row.taken_at));
    let holder = holder.map(|(by, since)| CaseHolder {
        by,
        since,
        active_at: at(row.active_at).unwrap_or(since),
    });
    let end = at(row.closed_at).map(|at| CaseEnd {
        at,
        by: worker(row.closed_login, row.closed_no),
        text: row.resolution.unwrap_or_default(),
    });
    let broken = |_| DbError::Inconsistent { table: "review_case", what: "negative amount" };
    Ok(FoundCase {
        id: CaseId::from_uuid(row.id),
        school: SchoolId::from_number(row.school_id),
        kind: row.what.as_deref().and_then(CaseKind::from_code),
        is_money: row.kind == MONEY,
        subject: row.subject,
        detail: row.detail,
        facts: CaseFacts {
            payment: row.payment_id,
            refund: row.refund_id,
            amount: Fen::new(row.amount_fen).map_err(broken)?,
        },
        opened_at: Timestamp::from_micros(row.opened_at),
        holder,
        end,
        version: row.version,
    })
}

/// The conditions of a filter, and all values so far.
fn conditions(filter: &CaseFilter) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = vec![filter.school.number().into()];
    let mut place = |value: Value| {
        values.push(value);
        format!("${}", values.len())
    };
    let mut conditions = vec!["school_id = $1".to_owned()];
    conditions.push(
        match filter.state {
            CaseState::Open => "closed_at IS NULL",
            CaseState::Free => "closed_at IS NULL AND taken_no IS NULL",
            CaseState::Taken => "closed_at IS NULL AND taken_no IS NOT NULL",
            CaseState::Closed => "closed_at IS NOT NULL",
        }
        .to_owned(),
    );
    conditions.extend(filter.kind.map(|kind| format!("what = {}", place(kind.code().into()))));
    let held = filter.held_by.as_deref();
    conditions.extend(held.map(|by| format!("taken_no = {}", place(by.into()))));
    if !filter.with_money {
        // As the index says it.
        conditions.push(format!("kind <> '{MONEY}'"));
    }
    if let Some(about) = &filter.about {
        let places: Vec<String> = about.iter().map(|id| place((*id).into())).collect();
        let places = places.join(", ");
        conditions.push(format!("(payment_id IN ({places}) OR refund_id IN ({places}))"));
    }
    (conditions.join(" AND "), values)
}

fn is_about_nothing(filter: &CaseFilter) -> bool {
    filter.about.as_ref().is_some_and(Vec::is_empty)
}

const COLUMNS: &str = "id, school_id, person_id, kind, subject, detail, opened_at, closed_at, \
    payment_id, refund_id, amount_fen, taken_login, taken_no, taken_at, active_at, closed_login, \
    closed_no, resolution, version, what";

pub(super) async fn page(
    db: &Db,
    filter: &CaseFilter,
    page: Keyset,
) -> Result<Vec<FoundCase>, DbError> {
    if is_about_nothing(filter) {
        return Ok(Vec::new());
    }
    let (conditions, mut values) = conditions(filter);
    let page = page.sql("id", &mut values);
    let sql = format!("SELECT {COLUMNS} FROM review_case WHERE {conditions}{page}");
    let rows = Source::Db(db).select(&sql, values).await?;
    rows.iter().map(|row| found(model(row)?)).collect()
}

fn model(row: &QueryResult) -> Result<review_case::Model, DbError> {
    use sea_orm::FromQueryResult;
    Ok(review_case::Model::from_query_result(row, "")?)
}

pub(super) async fn count(
    db: &Db,
    filter: &CaseFilter,
    most: u32,
) -> Result<(u64, Option<Timestamp>), DbError> {
    if is_about_nothing(filter) {
        return Ok((0, None));
    }
    let (conditions, values) = conditions(filter);
    let sql = format!(
        "SELECT COUNT(*) AS cases, MIN(t.opened_at) AS oldest FROM (SELECT opened_at \
         FROM review_case WHERE {conditions} ORDER BY id LIMIT {most}) AS t"
    );
    let rows = Source::Db(db).select(&sql, values).await?;
    let row =
        rows.first().ok_or(DbError::Inconsistent { table: "review_case", what: "no count" })?;
    let cases = u64::try_from(row.try_get::<i64>("", "cases")?).unwrap_or(0);
    Ok((cases, row.try_get::<Option<i64>>("", "oldest")?.map(Timestamp::from_micros)))
}
