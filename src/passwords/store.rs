//! The table of password attempts.

use super::tries::{Limit, Tries, Wait};
use crate::base::{
    clock::Timestamp,
    db::{Column, Db, DbError, Rows, Tx, TxError},
};
use entity::password_try;
use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{CaseStatement, Expr},
};
use std::collections::HashMap;

/// How many rows one clean-up step deletes.
const PRUNED_AT_ONCE: u64 = 500;

/// The keyed digest of the caller or the person whose attempts are counted.
pub(super) type SubjectDigest = [u8; 32];

/// An attempt that was counted for one subject.
#[derive(Debug)]
pub(super) struct Counted {
    subject: SubjectDigest,
    at: Timestamp,
    /// The time of the previous attempt.
    before: Timestamp,
}

/// Why an attempt was not counted, and must not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotCounted {
    #[error("too many attempts")]
    Wait(Wait),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl TxError for NotCounted {
    fn db(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Wait(_) => None,
        }
    }
}

/// Counts one attempt for every subject, or for none: if one must wait, all do.
pub(super) async fn count(
    tx: &Tx,
    limits: &[(SubjectDigest, Limit)],
    now: Timestamp,
) -> Result<Vec<Counted>, NotCounted> {
    let before = locked(tx, limits, now).await?;
    let counted: Vec<Result<Tries, Wait>> = limits
        .iter()
        .map(|(subject, limit)| limit.count(before.get(subject).copied(), now))
        .collect();
    let longest = counted.iter().filter_map(|tries| tries.err()).max_by_key(|Wait(time)| *time);
    if let Some(wait) = longest {
        return Err(NotCounted::Wait(wait));
    }
    let counted: Vec<Tries> = counted.into_iter().flatten().collect();
    let subjects = limits.iter().map(|(subject, _)| subject.to_vec()).collect();
    let set = "counted = r.counted, first_at = r.first_at, last_at = r.last_at";
    let written = tx.update_rows("password_try", rows(subjects, &counted), set).await?;
    // A row deleted by the clean-up in between would lose the count.
    if usize::try_from(written) == Ok(limits.len()) {
        let last_at = |subject| before.get(subject).map_or(now, |tries| tries.last_at);
        let counted = limits.iter().map(|(subject, _)| subject);
        Ok(counted
            .map(|subject| Counted { subject: *subject, at: now, before: last_at(subject) })
            .collect())
    } else {
        Err(DbError::Raced { table: "password_try" }.into())
    }
}

/// Locks and reads the rows of these subjects. Missing rows are inserted first, because only
/// existing rows can be locked.
async fn locked(
    tx: &Tx,
    limits: &[(SubjectDigest, Limit)],
    now: Timestamp,
) -> Result<HashMap<SubjectDigest, Tries>, DbError> {
    let mut subjects: Vec<Vec<u8>> = limits.iter().map(|(subject, _)| subject.to_vec()).collect();
    // A fixed lock order, to avoid deadlocks.
    subjects.sort_unstable();
    let none = Tries { counted: 0, first_at: now, last_at: now };
    let fresh = rows(subjects.clone(), &vec![none; subjects.len()]);
    tx.insert_rows("password_try", fresh, "ON CONFLICT (subject) DO NOTHING").await?;
    let mut query = password_try::Entity::find()
        .filter(password_try::Column::Subject.is_in(subjects))
        .order_by_asc(password_try::Column::Subject);
    if tx.has_row_locks() {
        query = query.lock_exclusive();
    }
    let found = query.all(tx.conn()).await?;
    found.into_iter().map(tries).collect()
}

fn tries(row: password_try::Model) -> Result<(SubjectDigest, Tries), DbError> {
    const DAMAGED: DbError = DbError::Inconsistent { table: "password_try", what: "not 32 bytes" };
    let subject = row.subject.try_into().map_err(|_| DAMAGED)?;
    let tries = Tries {
        counted: row.counted,
        first_at: Timestamp::from_micros(row.first_at),
        last_at: Timestamp::from_micros(row.last_at),
    };
    Ok((subject, tries))
}

fn rows(subjects: Vec<Vec<u8>>, tries: &[Tries]) -> Rows {
    let numbers = |of: fn(&Tries) -> i64| Column::I64(tries.iter().map(of).collect());
    Rows::new(vec![
        ("subject", Column::Bytes(subjects)),
        ("counted", numbers(|tries| tries.counted)),
        ("first_at", numbers(|tries| tries.first_at.micros())),
        ("last_at", numbers(|tries| tries.last_at.micros())),
    ])
}

/// How many attempts of these subjects are remembered.
pub(super) async fn counted(
    tx: &Tx,
    limits: &[(SubjectDigest, Limit)],
    now: Timestamp,
) -> Result<i64, DbError> {
    let subjects = limits.iter().map(|(subject, _)| subject.to_vec());
    let found = password_try::Entity::find()
        .filter(password_try::Column::Subject.is_in(subjects))
        .all(tx.conn())
        .await?;
    let found: HashMap<_, _> = found.into_iter().map(tries).collect::<Result<_, _>>()?;
    let of = |(subject, limit): &(SubjectDigest, Limit)| {
        found.get(subject).filter(|tries| limit.remembers(tries, now))
    };
    Ok(limits.iter().filter_map(of).map(|tries| tries.counted).sum())
}

/// Takes back what [`count`] counted, after a correct password. Growing waits start again.
pub(super) async fn give_back(tx: &Tx, limits: &[(SubjectDigest, Limit)]) -> Result<(), DbError> {
    let mut limits = limits.to_vec();
    limits.sort_unstable_by_key(|(subject, _)| *subject);
    for (subject, limit) in limits {
        let counted = match limit {
            Limit::Growing => Expr::value(0),
            Limit::Daily(_) => Expr::col(password_try::Column::Counted).sub(1),
        };
        password_try::Entity::update_many()
            .col_expr(password_try::Column::Counted, counted)
            .filter(password_try::Column::Subject.eq(subject.to_vec()))
            .filter(password_try::Column::Counted.gt(0))
            .exec(tx.conn())
            .await?;
    }
    Ok(())
}

/// Undoes what [`count`] counted, if the password was not verified. Waits continue from the
/// previous attempt.
pub(super) async fn undo(tx: &Tx, counted: &[Counted]) -> Result<(), DbError> {
    let mut counted: Vec<&Counted> = counted.iter().collect();
    counted.sort_unstable_by_key(|counted| counted.subject);
    for Counted { subject, at, before } in counted {
        let last_at = Expr::col(password_try::Column::LastAt);
        // A later attempt, counted meanwhile, stays the last one.
        let last_at = CaseStatement::new()
            .case(last_at.clone().eq(at.micros()), before.micros())
            .finally(last_at);
        password_try::Entity::update_many()
            .col_expr(
                password_try::Column::Counted,
                Expr::col(password_try::Column::Counted).sub(1),
            )
            .col_expr(password_try::Column::LastAt, last_at.into())
            .filter(password_try::Column::Subject.eq(subject.to_vec()))
            .filter(password_try::Column::Counted.gt(0))
            .exec(tx.conn())
            .await?;
    }
    Ok(())
}

/// Deletes some of the rows whose last attempt was before `before`; returns how many.
pub(super) async fn prune(db: &Db, before: Timestamp) -> Result<u64, DbError> {
    let old: Vec<Vec<u8>> = password_try::Entity::find()
        .select_only()
        .column(password_try::Column::Subject)
        .filter(password_try::Column::LastAt.lt(before.micros()))
        .order_by_asc(password_try::Column::LastAt)
        .limit(PRUNED_AT_ONCE)
        .into_tuple()
        .all(db.conn())
        .await?;
    if old.is_empty() {
        return Ok(0);
    }
    db.in_tx(async |tx| {
        let gone = password_try::Entity::delete_many()
            .filter(password_try::Column::Subject.is_in(old.clone()))
            .filter(password_try::Column::LastAt.lt(before.micros()))
            .exec(tx.conn())
            .await?;
        Ok(gone.rows_affected)
    })
    .await
}
