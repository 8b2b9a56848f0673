//! The tables of identities, sessions, bindings and notices.

pub(super) mod authentic;
pub(super) mod bindings;
mod identities;
pub(super) mod phones;

use super::{
    BoundTo, IdentityId, NewBinding, NoticeId, NoticeKind, Platform, PlatformUser, Refreshed,
    SESSION_LIFETIME, SessionId, SignedIn, Student, UserIds, notices::NoticeOrigin,
};
use crate::base::{
    clock::Timestamp,
    db::{Column, Db, DbError, Source, Tx},
    ids::{PersonId, SchoolId, uuid_at},
    tokens::RefreshHash,
};
use authentic::{BINDING, SESSION, binding_fields, check, is_authentic};
use entity::{binding, notice, session};
use identities::find_or_insert_identity;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryResult, QuerySelect, QueryTrait, Statement, sea_query::Expr,
};
use subtle::ConstantTimeEq;
use uuid::Uuid;

pub(super) async fn open(
    tx: &Tx,
    user: &PlatformUser,
    refresh: &RefreshHash,
    now: Timestamp,
) -> Result<SessionId, DbError> {
    let identity = find_or_insert_identity(tx, user, now).await?;
    insert_session(tx, identity, refresh, now).await
}

async fn insert_session(
    tx: &Tx,
    identity: IdentityId,
    refresh: &RefreshHash,
    now: Timestamp,
) -> Result<SessionId, DbError> {
    let id = SessionId::new(now);
    let row = session::ActiveModel {
        id: Set(id.uuid()),
        identity_id: Set(identity.uuid()),
        refresh_hash: Set(refresh.0.to_vec()),
        created_at: Set(now.micros()),
        expires_at: Set(now.plus(SESSION_LIFETIME).micros()),
        ended_at: Set(None),
        mac: Set(Some(session_mac(tx, id, identity.uuid(), refresh))),
    };
    session::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    Ok(id)
}

fn session_mac(tx: &Tx, id: SessionId, identity: Uuid, refresh: &RefreshHash) -> Vec<u8> {
    SESSION.mac(tx, id.uuid(), &[identity.into(), refresh.0.to_vec().into()])
}

pub(super) async fn find(
    db: &Db,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<SignedIn>, DbError> {
    let sql = "SELECT s.identity_id, i.platform, i.app_id, i.openid, i.user_id, b.person_id, b.school_id, \
               s.refresh_hash, s.mac, i.mac AS identity_mac, b.id AS binding_id, \
               b.platform AS bound_on, b.mac AS binding_mac, \
               CAST(CASE WHEN p.password_hash IS NULL THEN 0 \
               WHEN p.password_slip_until IS NOT NULL THEN 2 ELSE 1 END AS BIGINT) AS own \
               FROM session s JOIN identity i ON i.id = s.identity_id \
               LEFT JOIN binding b ON b.identity_id = i.id AND b.ended_at IS NULL \
               LEFT JOIN person p ON p.id = b.person_id \
               WHERE s.id = $1 AND s.ended_at IS NULL AND s.expires_at > $2";
    let values = [id.uuid().into(), now.micros().into()];
    let statement = Statement::from_sql_and_values(db.backend(), sql, values);
    let Some(row) = db.conn().query_one_raw(statement).await? else { return Ok(None) };
    if !is_authentic(db.macs(), id.uuid(), &row)? {
        return Ok(None);
    }
    check(db.macs(), &row)?;
    let own_password: i64 = row.try_get("", "own")?;
    let person: Option<Uuid> = row.try_get("", "person_id")?;
    let school: Option<i64> = row.try_get("", "school_id")?;
    Ok(Some(SignedIn {
        session: id,
        identity: IdentityId::from_uuid(row.try_get("", "identity_id")?),
        user: user_of(&row)?,
        bound_to: person.zip(school).map(|(person, school)| BoundTo {
            person: PersonId::from_uuid(person),
            school: SchoolId::from_number(school),
        }),
        own_password: own_password == 1,
        password_of_slip: own_password == 2,
    }))
}

/// The user of a row of `identity`.
fn user_of(row: &QueryResult) -> Result<PlatformUser, DbError> {
    let broken = |what| DbError::Inconsistent { table: "identity", what };
    let platform: String = row.try_get("", "platform")?;
    let ids = UserIds::new(row.try_get("", "openid")?, row.try_get("", "user_id")?);
    Ok(PlatformUser {
        platform: Platform::from_code(&platform).ok_or(broken("unknown platform"))?,
        app_id: row.try_get("", "app_id")?,
        ids: ids.ok_or(broken("a user without an id"))?,
    })
}

/// The user as whom a person is bound on a platform.
pub(super) async fn user_on(
    db: &Db,
    person: PersonId,
    platform: Platform,
) -> Result<Option<PlatformUser>, DbError> {
    let sql = "SELECT b.identity_id, i.platform, i.app_id, i.openid, i.user_id, \
               i.mac AS identity_mac, b.id AS binding_id, b.person_id, b.school_id, \
               b.platform AS bound_on, b.mac AS binding_mac \
               FROM binding b JOIN identity i ON i.id = b.identity_id \
               WHERE b.person_id = $1 AND b.platform = $2 AND b.ended_at IS NULL";
    let values = [person.uuid().into(), platform.code().into()];
    let statement = Statement::from_sql_and_values(db.backend(), sql, values);
    let Some(row) = db.conn().query_one_raw(statement).await? else { return Ok(None) };
    check(db.macs(), &row)?;
    Ok(Some(user_of(&row)?))
}

pub(super) async fn bound_to(
    db: &Db,
    ids: &[SessionId],
    now: Timestamp,
) -> Result<Vec<(SessionId, PersonId)>, DbError> {
    let ids = Column::Uuid(ids.iter().map(|id| id.uuid()).collect());
    // One index lookup per session, whatever the planner's estimates.
    let sql = "SELECT s.id, s.expires_at, (SELECT b.person_id FROM binding b \
               WHERE b.identity_id = s.identity_id AND b.ended_at IS NULL) AS person_id \
               FROM session s WHERE s.id {keys1} AND s.ended_at IS NULL";
    let found = Source::Db(db).select_keys(sql, vec![ids]).await?;
    let mut bound = Vec::with_capacity(found.len());
    for row in &found {
        let (expires_at, person): (i64, Option<Uuid>) =
            (row.try_get("", "expires_at")?, row.try_get("", "person_id")?);
        let live = person.filter(|_| expires_at > now.micros()).map(PersonId::from_uuid);
        let session = SessionId::from_uuid(row.try_get("", "id")?);
        bound.extend(live.map(|person| (session, person)));
    }
    Ok(bound)
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
    let fields = [row.identity_id.into(), row.refresh_hash.as_slice().into()];
    if SESSION.check(tx.macs(), row.id, &fields, row.mac.as_deref()).is_err() {
        return Ok(Refreshed::Gone);
    }
    if !bool::from(row.refresh_hash.ct_eq(presented.0.as_slice())) {
        end(tx, id, now).await?;
        return Ok(Refreshed::Reused);
    }
    let moved = session::Entity::update_many()
        .col_expr(session::Column::RefreshHash, Expr::value(next.0.to_vec()))
        .col_expr(session::Column::Mac, Expr::value(session_mac(tx, id, row.identity_id, next)))
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

/// Like [`refresh`], but ends the session.
pub(super) async fn sign_out(
    tx: &Tx,
    id: SessionId,
    presented: &RefreshHash,
    now: Timestamp,
) -> Result<Refreshed, DbError> {
    let refreshed = refresh(tx, id, presented, presented, now).await?;
    if refreshed == Refreshed::Good {
        end(tx, id, now).await?;
    }
    Ok(refreshed)
}

async fn end(tx: &Tx, id: SessionId, now: Timestamp) -> Result<(), DbError> {
    session::Entity::update_many()
        .col_expr(session::Column::EndedAt, Expr::value(now.micros()))
        .filter(session::Column::Id.eq(id.uuid()))
        .filter(session::Column::EndedAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Opens a session of the web portal for a person who has proved their identity. The portal's
/// identity of a person is keyed by the person and permanently bound to it. It needs no consent,
/// since it can only read.
pub async fn open_portal(
    tx: &Tx,
    to: BoundTo,
    refresh: &RefreshHash,
    now: Timestamp,
) -> Result<SessionId, DbError> {
    let user = PlatformUser {
        platform: Platform::Portal,
        app_id: to.school.number().to_string(),
        ids: UserIds::OpenId(to.person.to_string()),
    };
    let identity = find_or_insert_identity(tx, &user, now).await?;
    let bound = binding::Entity::find()
        .filter(binding::Column::IdentityId.eq(identity.uuid()))
        .filter(binding::Column::EndedAt.is_null())
        .count(tx.conn())
        .await?;
    if bound == 0 {
        let (consent_version, consent_items) = (String::new(), String::new());
        let platform = Platform::Portal;
        bind(tx, &NewBinding { identity, platform, to, consent_version, consent_items }, now)
            .await?;
    }
    insert_session(tx, identity, refresh, now).await
}

/// Ends all portal sessions of a person.
pub(super) async fn end_portal(tx: &Tx, person: PersonId, now: Timestamp) -> Result<(), DbError> {
    let portal = binding::Entity::find()
        .select_only()
        .column(binding::Column::IdentityId)
        .filter(binding::Column::PersonId.eq(person.uuid()))
        .filter(binding::Column::Platform.eq(Platform::Portal.code()))
        .filter(binding::Column::EndedAt.is_null())
        .into_query();
    session::Entity::update_many()
        .col_expr(session::Column::EndedAt, Expr::value(now.micros()))
        .filter(session::Column::IdentityId.in_subquery(portal))
        .filter(session::Column::EndedAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Ends the live binding of an identity, keeping its row; false if there is none.
pub async fn unbind(tx: &Tx, student: &Student, now: Timestamp) -> Result<bool, DbError> {
    let live: Vec<Uuid> = binding::Entity::find()
        .select_only()
        .column(binding::Column::Id)
        .filter(binding::Column::IdentityId.eq(student.identity.uuid()))
        .filter(binding::Column::PersonId.eq(student.person.uuid()))
        .filter(binding::Column::EndedAt.is_null())
        .into_tuple()
        .all(tx.conn())
        .await?;
    let end = async {
        let ended = binding::Entity::update_many()
            .col_expr(binding::Column::EndedAt, Expr::value(now.micros()))
            .filter(binding::Column::Id.is_in(live.iter().copied()))
            .filter(binding::Column::EndedAt.is_null())
            .exec(tx.conn())
            .await?;
        Ok(ended.rows_affected == 1)
    };
    BINDING.changed(tx, &live, end).await
}

/// Locks the live binding of an identity, so that it cannot end before the transaction does; false
/// if there is none.
pub async fn hold_binding(tx: &Tx, student: &Student) -> Result<bool, DbError> {
    let held = binding::Entity::find()
        .filter(binding::Column::IdentityId.eq(student.identity.uuid()))
        .filter(binding::Column::PersonId.eq(student.person.uuid()))
        .filter(binding::Column::EndedAt.is_null())
        .lock_shared()
        .one(tx.conn())
        .await?;
    let Some(row) = held else { return Ok(false) };
    BINDING.check(tx.macs(), row.id, &binding_fields(&row), row.mac.as_deref())?;
    Ok(true)
}

pub(super) async fn bind(tx: &Tx, new: &NewBinding, now: Timestamp) -> Result<(), DbError> {
    let mut row = binding::Model {
        id: uuid_at(now),
        identity_id: new.identity.uuid(),
        person_id: new.to.person.uuid(),
        school_id: new.to.school.number(),
        platform: new.platform.code().into(),
        consent_version: new.consent_version.clone(),
        consent_items: new.consent_items.clone(),
        bound_at: now.micros(),
        ended_at: None,
        mac: None,
    };
    row.mac = Some(BINDING.mac(tx, row.id, &binding_fields(&row)));
    binding::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// The other identities bound to a person: at most one per platform.
pub(super) async fn other_identities(
    tx: &Tx,
    person: PersonId,
    but: IdentityId,
) -> Result<Vec<Uuid>, DbError> {
    Ok(binding::Entity::find()
        .select_only()
        .column(binding::Column::IdentityId)
        .filter(binding::Column::PersonId.eq(person.uuid()))
        .filter(binding::Column::EndedAt.is_null())
        .filter(binding::Column::IdentityId.ne(but.uuid()))
        .into_tuple()
        .all(tx.conn())
        .await?)
}

pub(super) async fn delete_notices(tx: &Tx, of: &[Uuid], before: Timestamp) -> Result<(), DbError> {
    if of.is_empty() {
        return Ok(());
    }
    notice::Entity::delete_many()
        .filter(notice::Column::IdentityId.is_in(of.iter().copied()))
        .filter(notice::Column::At.lt(before.micros()))
        .exec(tx.conn())
        .await?;
    Ok(())
}

pub(super) async fn insert_notices(
    tx: &Tx,
    to: &[Uuid],
    origin: NoticeOrigin,
    kind: NoticeKind,
    now: Timestamp,
) -> Result<(), DbError> {
    let rows = to.iter().map(|identity| notice::ActiveModel {
        id: Set(NoticeId::new(now).uuid()),
        identity_id: Set(*identity),
        person_id: Set(origin.of.person.uuid()),
        school_id: Set(origin.of.school.number()),
        kind: Set(kind.code().into()),
        platform: Set(origin.platform.code().into()),
        at: Set(now.micros()),
    });
    if !to.is_empty() {
        notice::Entity::insert_many(rows).exec_without_returning(tx.conn()).await?;
    }
    Ok(())
}

/// Sessions that were ended, or ended by themselves, before `$1`: at most `$2` of them.
const DELETE_ENDED: [&str; 2] = [
    "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE ended_at < $1 \
     ORDER BY ended_at LIMIT $2) RETURNING id",
    "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at < $1 \
     ORDER BY expires_at LIMIT $2) RETURNING id",
];

/// Deletes at most twice `most` sessions that ended before `before`; returns how many.
pub(super) async fn delete_ended(db: &Db, before: Timestamp, most: i64) -> Result<usize, DbError> {
    db.in_tx(async |tx| {
        let mut deleted = 0;
        for sql in DELETE_ENDED {
            let values = vec![before.micros().into(), most.into()];
            deleted += Source::Tx(tx).select(sql, values).await?.len();
        }
        Ok(deleted)
    })
    .await
}
