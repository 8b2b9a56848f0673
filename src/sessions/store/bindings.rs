//! The bindings of a person.

use super::authentic::BINDING;
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Source, Tx},
        ids::PersonId,
    },
    sessions::{IdentityId, PersonBinding, Platform},
};
use entity::{binding, session};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryResult, Value, sea_query::Expr};
use uuid::Uuid;

/// The live bindings of a person, or one of them, the oldest first.
pub(in crate::sessions) async fn of_person(
    source: Source<'_>,
    person: PersonId,
    only: Option<Uuid>,
) -> Result<Vec<PersonBinding>, DbError> {
    let mut values: Vec<Value> = vec![person.uuid().into()];
    let and = only.map_or("", |id| {
        values.push(id.into());
        " AND id = $2"
    });
    let sql = format!(
        "SELECT id, identity_id, platform, bound_at FROM binding \
         WHERE person_id = $1 AND ended_at IS NULL{and} ORDER BY id"
    );
    source.select(&sql, values).await?.iter().map(bound).collect()
}

fn bound(row: &QueryResult) -> Result<PersonBinding, DbError> {
    let platform: String = row.try_get("", "platform")?;
    let unknown = DbError::Inconsistent { table: "binding", what: "unknown platform" };
    Ok(PersonBinding {
        id: row.try_get("", "id")?,
        platform: Platform::from_code(&platform).ok_or(unknown)?,
        bound_at: Timestamp::from_micros(row.try_get("", "bound_at")?),
        identity: IdentityId::from_uuid(row.try_get("", "identity_id")?),
    })
}

/// Ends a live binding, keeping its row; false if it has ended.
pub(in crate::sessions) async fn end(tx: &Tx, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
    let end = async {
        let ended = binding::Entity::update_many()
            .col_expr(binding::Column::EndedAt, Expr::value(now.micros()))
            .filter(binding::Column::Id.eq(id))
            .filter(binding::Column::EndedAt.is_null())
            .exec(tx.conn())
            .await?;
        Ok(ended.rows_affected == 1)
    };
    BINDING.changed(tx, &[id], end).await
}

/// Ends all sessions of an identity.
pub(in crate::sessions) async fn end_sessions(
    tx: &Tx,
    identity: IdentityId,
    now: Timestamp,
) -> Result<(), DbError> {
    session::Entity::update_many()
        .col_expr(session::Column::EndedAt, Expr::value(now.micros()))
        .filter(session::Column::IdentityId.eq(identity.uuid()))
        .filter(session::Column::EndedAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}
