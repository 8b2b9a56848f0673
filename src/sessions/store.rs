//! Rows of identities, sessions and bindings.

use super::{
    BoundTo, IdentityId, NewBinding, Platform, PlatformUser, RefreshHash, Refreshed,
    SESSION_LIFETIME, SessionId, SignedIn,
};
use crate::base::{
    clock::Timestamp,
    db::{Db, DbError, Tx},
    ids::{PersonId, SchoolId, uuid_at},
};
use entity::{binding, identity, session};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement,
    sea_query::{Expr, OnConflict},
};
use subtle::ConstantTimeEq;
use uuid::Uuid;

pub(super) async fn open(
    tx: &Tx,
    user: &PlatformUser,
    refresh: &RefreshHash,
    now: Timestamp,
) -> Result<SessionId, DbError> {
    let row = identity::ActiveModel {
        id: Set(IdentityId::new(now).uuid()),
        platform: Set(user.platform.code().into()),
        app_id: Set(user.app_id.clone()),
        openid: Set(user.openid.clone()),
        created_at: Set(now.micros()),
        last_login_at: Set(now.micros()),
    };
    let key = [identity::Column::Platform, identity::Column::AppId, identity::Column::Openid];
    let seen_again =
        OnConflict::columns(key).update_column(identity::Column::LastLoginAt).to_owned();
    identity::Entity::insert(row).on_conflict(seen_again).exec_without_returning(tx.conn()).await?;
    let known = identity::Entity::find()
        .filter(identity::Column::Platform.eq(user.platform.code()))
        .filter(identity::Column::AppId.eq(&user.app_id))
        .filter(identity::Column::Openid.eq(&user.openid))
        .one(tx.conn())
        .await?
        .ok_or(DbError::Inconsistent { table: "identity", what: "gone after its insert" })?;
    let id = SessionId::new(now);
    let row = session::ActiveModel {
        id: Set(id.uuid()),
        identity_id: Set(known.id),
        refresh_hash: Set(refresh.0.to_vec()),
        created_at: Set(now.micros()),
        expires_at: Set(now.plus(SESSION_LIFETIME).micros()),
        ended_at: Set(None),
    };
    session::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    Ok(id)
}

pub(super) async fn find(
    db: &Db,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<SignedIn>, DbError> {
    let sql = "SELECT s.identity_id, i.platform, i.app_id, i.openid, b.person_id, b.school_id \
               FROM session s JOIN identity i ON i.id = s.identity_id \
               LEFT JOIN binding b ON b.identity_id = i.id AND b.ended_at IS NULL \
               WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > $2";
    let values = [id.uuid().into(), now.micros().into()];
    let statement = Statement::from_sql_and_values(db.backend(), sql, values);
    let Some(row) = db.conn().query_one_raw(statement).await? else { return Ok(None) };
    let platform: String = row.try_get("", "platform")?;
    let person: Option<Uuid> = row.try_get("", "person_id")?;
    let school: Option<i64> = row.try_get("", "school_id")?;
    Ok(Some(SignedIn {
        session: id,
        identity: IdentityId::from_uuid(row.try_get("", "identity_id")?),
        user: PlatformUser {
            platform: Platform::from_code(&platform)
                .ok_or(DbError::Inconsistent { table: "identity", what: "unknown platform" })?,
            app_id: row.try_get("", "app_id")?,
            openid: row.try_get("", "openid")?,
        },
        bound_to: person.zip(school).map(|(person, school)| BoundTo {
            person: PersonId::from_uuid(person),
            school: SchoolId::from_number(school),
        }),
    }))
}

pub(super) async fn refresh(
    tx: &Tx,
    id: SessionId,
    presented: &RefreshHash,
    next: &RefreshHash,
    now: Timestamp,
) -> Result<Refreshed, DbError> {
    let found = session::Entity::find_by_id(id.uuid()).one(tx.conn()).await?;
    let live = |row: &session::Model| row.ended_at.is_none() && row.expires_at > now.micros();
    let Some(row) = found.filter(live) else { return Ok(Refreshed::Gone) };
    if !bool::from(row.refresh_hash.ct_eq(presented.0.as_slice())) {
        end(tx, id, now).await?;
        return Ok(Refreshed::Reused);
    }
    let moved = session::Entity::update_many()
        .col_expr(session::Column::RefreshHash, Expr::value(next.0.to_vec()))
        .col_expr(session::Column::ExpiresAt, Expr::value(now.plus(SESSION_LIFETIME).micros()))
        .filter(session::Column::Id.eq(id.uuid()))
        .filter(session::Column::RefreshHash.eq(presented.0.to_vec()))
        .filter(session::Column::EndedAt.is_null())
        .exec(tx.conn())
        .await?;
    if moved.rows_affected == 1 {
        Ok(Refreshed::Good)
    } else {
        Err(DbError::Raced { table: "session" })
    }
}

pub(super) async fn end(tx: &Tx, id: SessionId, now: Timestamp) -> Result<(), DbError> {
    session::Entity::update_many()
        .col_expr(session::Column::EndedAt, Expr::value(now.micros()))
        .filter(session::Column::Id.eq(id.uuid()))
        .filter(session::Column::EndedAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}

pub(super) async fn bind(tx: &Tx, new: &NewBinding, now: Timestamp) -> Result<(), DbError> {
    let row = binding::ActiveModel {
        id: Set(uuid_at(now)),
        identity_id: Set(new.identity.uuid()),
        person_id: Set(new.to.person.uuid()),
        school_id: Set(new.to.school.number()),
        platform: Set(new.platform.code().into()),
        consent_version: Set(new.consent_version.clone()),
        consent_items: Set(new.consent_items.clone()),
        bound_at: Set(now.micros()),
        ended_at: Set(None),
    };
    binding::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    Ok(())
}
