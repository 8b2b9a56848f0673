//! Rows of sessions of staff.

use super::{
    authentic::{SESSION, session_fields},
    checked,
};
use crate::{
    base::{
        clock::Timestamp,
        db::{Db, DbError, Source, Tx},
        tokens::RefreshHash,
    },
    sessions::Refreshed,
    staff_accounts::{Account, StaffId, StaffMember, StaffSessionId},
};
use entity::{staff_member, staff_session};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// A session that is not refreshed for so long ends.
const IDLE: Duration = Duration::from_mins(30);
/// A session ends after so long, however often it is refreshed.
const LONGEST: Duration = Duration::from_hours(12);
/// A session of a browser is written at most so often for being used.
const KEPT_ALIVE_EVERY: Duration = Duration::from_mins(1);

/// When a session that is used now ends by itself.
fn expiry(created: Timestamp, now: Timestamp) -> Timestamp {
    now.plus(IDLE).min(created.plus(LONGEST))
}

/// Opens a session for a login that has just given its second factor.
pub(in crate::staff_accounts) async fn open(
    tx: &Tx,
    account: &Account,
    refresh: &RefreshHash,
    now: Timestamp,
) -> Result<StaffSessionId, DbError> {
    let id = StaffSessionId::new(now);
    let mut row = staff_session::Model {
        id: id.uuid(),
        member_id: account.id.uuid(),
        school_id: account.school.number(),
        refresh_hash: refresh.0.to_vec(),
        factor_at: now.micros(),
        created_at: now.micros(),
        expires_at: expiry(now, now).micros(),
        ended_at: None,
        mac: None,
    };
    row.mac = Some(SESSION.mac(tx, row.id, &session_fields(&row)));
    staff_session::Entity::insert(row.into_active_model())
        .exec_without_returning(tx.conn())
        .await?;
    Ok(id)
}

/// The live session with this id, of a login that is enabled.
pub(in crate::staff_accounts) async fn find(
    db: &Db,
    id: StaffSessionId,
    now: Timestamp,
) -> Result<Option<StaffMember>, DbError> {
    match live_row(db, id, now).await? {
        Some(row) => member_of(db, &row).await,
        None => Ok(None),
    }
}

/// The live session with this id and this secret, and whether it is due for [`keep_alive`].
pub(in crate::staff_accounts) async fn resume(
    db: &Db,
    id: StaffSessionId,
    presented: &RefreshHash,
    now: Timestamp,
) -> Result<Option<(StaffMember, bool)>, DbError> {
    let found = live_row(db, id, now).await?;
    let fits =
        |row: &staff_session::Model| bool::from(row.refresh_hash.ct_eq(presented.0.as_slice()));
    let Some(row) = found.filter(fits) else { return Ok(None) };
    let later = expiry(Timestamp::from_micros(row.created_at), now);
    let due = later > Timestamp::from_micros(row.expires_at).plus(KEPT_ALIVE_EVERY);
    Ok(member_of(db, &row).await?.map(|member| (member, due)))
}

/// The login of a session with this secret, whether it goes on or not.
pub(in crate::staff_accounts) async fn member_of_ended(
    db: &Db,
    id: StaffSessionId,
    presented: &RefreshHash,
) -> Result<Option<StaffId>, DbError> {
    let found = staff_session::Entity::find_by_id(id.uuid()).one(db.conn()).await?;
    let fits = |row: &staff_session::Model| {
        let authentic = SESSION.check(db.macs(), row.id, &session_fields(row), row.mac.as_deref());
        authentic.is_ok() && bool::from(row.refresh_hash.ct_eq(presented.0.as_slice()))
    };
    Ok(found.filter(fits).map(|row| StaffId::from_uuid(row.member_id)))
}

/// Notes that a session was used.
pub(in crate::staff_accounts) async fn keep_alive(
    tx: &Tx,
    id: StaffSessionId,
    now: Timestamp,
) -> Result<(), DbError> {
    let Some(row) = lock(tx, id, now).await? else { return Ok(()) };
    let expires_at = expiry(Timestamp::from_micros(row.created_at), now).micros();
    save(tx, row, expires_at).await
}

async fn live_row(
    db: &Db,
    id: StaffSessionId,
    now: Timestamp,
) -> Result<Option<staff_session::Model>, DbError> {
    let found = staff_session::Entity::find_by_id(id.uuid()).one(db.conn()).await?;
    let live = |row: &staff_session::Model| {
        let authentic = SESSION.check(db.macs(), row.id, &session_fields(row), row.mac.as_deref());
        row.ended_at.is_none() && row.expires_at > now.micros() && authentic.is_ok()
    };
    Ok(found.filter(live))
}

/// The member of staff of a session, where the login is enabled.
async fn member_of(db: &Db, row: &staff_session::Model) -> Result<Option<StaffMember>, DbError> {
    let member = staff_member::Entity::find_by_id(row.member_id).one(db.conn()).await?;
    let account = member.map(|row| checked(db.macs(), row)).transpose()?;
    Ok(account.filter(|account| account.enabled).map(|account| StaffMember {
        session: StaffSessionId::from_uuid(row.id),
        id: account.id,
        school: account.school,
        login: account.login,
        staff_no: account.staff_no,
        roles: account.roles,
        classes: account.classes,
        factor_at: Timestamp::from_micros(row.factor_at),
    }))
}

/// Locks a live session whose MAC fits it.
async fn lock(
    tx: &Tx,
    id: StaffSessionId,
    now: Timestamp,
) -> Result<Option<staff_session::Model>, DbError> {
    let found =
        staff_session::Entity::find_by_id(id.uuid()).lock_exclusive().one(tx.conn()).await?;
    Ok(found.filter(|row| {
        let authentic = SESSION.check(tx.macs(), row.id, &session_fields(row), row.mac.as_deref());
        row.ended_at.is_none() && row.expires_at > now.micros() && authentic.is_ok()
    }))
}

/// Replaces a refresh secret by the next one. One that was used before ends the session.
pub(in crate::staff_accounts) async fn refresh(
    tx: &Tx,
    id: StaffSessionId,
    presented: &RefreshHash,
    next: &RefreshHash,
    now: Timestamp,
) -> Result<Refreshed, DbError> {
    let Some(mut row) = lock(tx, id, now).await? else { return Ok(Refreshed::Gone) };
    if !bool::from(row.refresh_hash.ct_eq(presented.0.as_slice())) {
        end(tx, id, now).await?;
        return Ok(Refreshed::Reused);
    }
    row.refresh_hash = next.0.to_vec();
    let expires_at = expiry(Timestamp::from_micros(row.created_at), now).micros();
    save(tx, row, expires_at).await?;
    Ok(Refreshed::Good)
}

/// Like [`refresh`], but ends the session.
pub(in crate::staff_accounts) async fn sign_out(
    tx: &Tx,
    id: StaffSessionId,
    presented: &RefreshHash,
    now: Timestamp,
) -> Result<Refreshed, DbError> {
    let refreshed = refresh(tx, id, presented, presented, now).await?;
    if refreshed == Refreshed::Good {
        end(tx, id, now).await?;
    }
    Ok(refreshed)
}

/// Notes that the second factor was given; false if the session is no longer live.
pub(in crate::staff_accounts) async fn renew_factor(
    tx: &Tx,
    id: StaffSessionId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let Some(mut row) = lock(tx, id, now).await? else { return Ok(false) };
    row.factor_at = now.micros();
    let expires_at = row.expires_at;
    save(tx, row, expires_at).await?;
    Ok(true)
}

/// Writes a locked session.
async fn save(tx: &Tx, row: staff_session::Model, expires_at: i64) -> Result<(), DbError> {
    let mac = SESSION.mac(tx, row.id, &session_fields(&row));
    let set = staff_session::ActiveModel {
        refresh_hash: Set(row.refresh_hash),
        factor_at: Set(row.factor_at),
        expires_at: Set(expires_at),
        mac: Set(Some(mac)),
        ..Default::default()
    };
    let saved = staff_session::Entity::update_many()
        .set(set)
        .filter(staff_session::Column::Id.eq(row.id))
        .filter(staff_session::Column::EndedAt.is_null())
        .exec(tx.conn())
        .await?;
    match saved.rows_affected {
        1 => Ok(()),
        _ => Err(DbError::Raced { table: "staff_session" }),
    }
}

async fn end(tx: &Tx, id: StaffSessionId, now: Timestamp) -> Result<(), DbError> {
    staff_session::Entity::update_many()
        .col_expr(staff_session::Column::EndedAt, Expr::value(now.micros()))
        .filter(staff_session::Column::Id.eq(id.uuid()))
        .filter(staff_session::Column::EndedAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// The live sessions of a login, newest first: when each was opened, and when it ends by itself. A row that
/// was altered is no session.
pub(in crate::staff_accounts) async fn live_of(
    db: &Db,
    of: StaffId,
    now: Timestamp,
    most: u64,
) -> Result<Vec<(StaffSessionId, Timestamp, Timestamp)>, DbError> {
    let found = staff_session::Entity::find()
        .filter(staff_session::Column::MemberId.eq(of.uuid()))
        .filter(staff_session::Column::EndedAt.is_null())
        .filter(staff_session::Column::ExpiresAt.gt(now.micros()))
        .order_by_desc(staff_session::Column::Id)
        .limit(most);
    let found = found.all(db.conn()).await?.into_iter().filter(|row| {
        SESSION.check(db.macs(), row.id, &session_fields(row), row.mac.as_deref()).is_ok()
    });
    let at = Timestamp::from_micros;
    let live = |row: staff_session::Model| {
        (StaffSessionId::from_uuid(row.id), at(row.created_at), at(row.expires_at))
    };
    Ok(found.map(live).collect())
}

/// Ends a live session of a login; false if it is none.
pub(in crate::staff_accounts) async fn end_own(
    tx: &Tx,
    of: StaffId,
    id: StaffSessionId,
    now: Timestamp,
) -> Result<bool, DbError> {
    let Some(_) = lock(tx, id, now).await?.filter(|row| row.member_id == of.uuid()) else {
        return Ok(false);
    };
    end(tx, id, now).await?;
    Ok(true)
}

/// Ends the other sessions of a login.
pub(in crate::staff_accounts) async fn end_others(
    tx: &Tx,
    of: StaffId,
    this: StaffSessionId,
    now: Timestamp,
) -> Result<(), DbError> {
    staff_session::Entity::update_many()
        .col_expr(staff_session::Column::EndedAt, Expr::value(now.micros()))
        .filter(staff_session::Column::MemberId.eq(of.uuid()))
        .filter(staff_session::Column::Id.ne(this.uuid()))
        .filter(staff_session::Column::EndedAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Ends all sessions of a login.
pub(in crate::staff_accounts) async fn end_all(
    tx: &Tx,
    of: StaffId,
    now: Timestamp,
) -> Result<(), DbError> {
    staff_session::Entity::update_many()
        .col_expr(staff_session::Column::EndedAt, Expr::value(now.micros()))
        .filter(staff_session::Column::MemberId.eq(of.uuid()))
        .filter(staff_session::Column::EndedAt.is_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Sessions that were ended, or ended by themselves, before `$1`: at most `$2` of them.
const DELETE_ENDED: [&str; 2] = [
    "DELETE FROM staff_session WHERE id IN (SELECT id FROM staff_session WHERE ended_at < $1 \
     ORDER BY ended_at LIMIT $2) RETURNING id",
    "DELETE FROM staff_session WHERE id IN (SELECT id FROM staff_session WHERE expires_at < $1 \
     ORDER BY expires_at LIMIT $2) RETURNING id",
];

/// Deletes at most twice `most` sessions that ended before `before`; returns how many.
pub(in crate::staff_accounts) async fn delete_ended(
    db: &Db,
    before: Timestamp,
    most: i64,
) -> Result<usize, DbError> {
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
