//! Which identity a platform's user is.

use super::authentic::{IDENTITY, identity_fields};
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
    },
    sessions::{IdentityId, PlatformUser},
};
use entity::identity;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, sea_query::Expr};
use uuid::Uuid;

/// Finds the identity of a user by either id, or creates it. An id that it lacked is added.
pub(super) async fn find_or_insert_identity(
    tx: &Tx,
    user: &PlatformUser,
    now: Timestamp,
) -> Result<IdentityId, DbError> {
    if let Some(known) = identity_of(tx, user).await? {
        signed_in_again(tx, &known, user, now).await?;
        return Ok(IdentityId::from_uuid(known.id));
    }
    let id = IdentityId::new(now).uuid();
    let mut row = identity::Model {
        id,
        platform: user.platform.code().into(),
        app_id: user.app_id.clone(),
        openid: user.ids.openid().map(str::to_owned),
        user_id: user.ids.user_id().map(str::to_owned),
        created_at: now.micros(),
        last_login_at: now.micros(),
        mac: None,
    };
    row.mac = Some(IDENTITY.mac(tx, id, &identity_fields(&row)));
    // Where another sign-in of the same user inserts it meanwhile, the transaction runs again.
    identity::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(IdentityId::from_uuid(id))
}

/// The identity with one of the user's ids; the one with the open id where they are of two.
async fn identity_of(tx: &Tx, user: &PlatformUser) -> Result<Option<identity::Model>, DbError> {
    let of = |column: identity::Column, id: &str| {
        identity::Entity::find()
            .filter(identity::Column::Platform.eq(user.platform.code()))
            .filter(identity::Column::AppId.eq(&user.app_id))
            .filter(column.eq(id))
    };
    if let Some(openid) = user.ids.openid()
        && let Some(known) = of(identity::Column::Openid, openid).one(tx.conn()).await?
    {
        return Ok(Some(known));
    }
    match user.ids.user_id() {
        Some(user_id) => Ok(of(identity::Column::UserId, user_id).one(tx.conn()).await?),
        None => Ok(None),
    }
}

/// Notes the sign-in, and adds an id that the identity lacked. One that another identity has stays
/// with it.
async fn signed_in_again(
    tx: &Tx,
    known: &identity::Model,
    user: &PlatformUser,
    now: Timestamp,
) -> Result<(), DbError> {
    let openid = user.ids.openid().filter(|_| known.openid.is_none());
    let user_id = user.ids.user_id().filter(|_| known.user_id.is_none());
    let seen = identity::Entity::update_many()
        .col_expr(identity::Column::LastLoginAt, Expr::value(now.micros()))
        .filter(identity::Column::Id.eq(known.id));
    if openid.is_none() && user_id.is_none() {
        seen.exec(tx.conn()).await?;
        return Ok(());
    }
    if let Some(user_id) = user_id
        && let Some(other) = other_with(tx, known, user_id).await?
    {
        tracing::warn!(identity = %known.id, %other, "two identities of one user");
        seen.exec(tx.conn()).await?;
        return Ok(());
    }
    let mut added = seen;
    if let Some(openid) = openid {
        added = added.col_expr(identity::Column::Openid, Expr::value(openid));
    }
    if let Some(user_id) = user_id {
        added = added.col_expr(identity::Column::UserId, Expr::value(user_id));
    }
    IDENTITY.changed(tx, &[known.id], async { Ok(added.exec(tx.conn()).await?) }).await?;
    Ok(())
}

/// Another identity of the same app that has this user id.
async fn other_with(
    tx: &Tx,
    known: &identity::Model,
    user_id: &str,
) -> Result<Option<Uuid>, DbError> {
    let other = identity::Entity::find()
        .filter(identity::Column::Platform.eq(&known.platform))
        .filter(identity::Column::AppId.eq(&known.app_id))
        .filter(identity::Column::UserId.eq(user_id))
        .one(tx.conn())
        .await?;
    Ok(other.map(|other| other.id))
}
