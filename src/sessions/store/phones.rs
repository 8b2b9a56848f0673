//! The table of the phones of identities.

use crate::{
    base::{
        clock::Timestamp,
        db::{Db, DbError, Tx},
    },
    sessions::{IdentityId, phones::NewPhone},
};
use entity::identity_phone;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

/// How many rows one step of resealing reads and writes.
const AT_ONCE: u64 = 500;

/// A row, sealed.
pub(in crate::sessions) struct PhoneRow {
    pub(in crate::sessions) sealed: Vec<u8>,
    pub(in crate::sessions) consent_version: String,
    pub(in crate::sessions) consented_at: Timestamp,
}

pub(in crate::sessions) async fn set(
    tx: &Tx,
    new: &NewPhone<'_>,
    sealed: &[u8],
    now: Timestamp,
) -> Result<(), DbError> {
    let row = identity_phone::ActiveModel {
        identity_id: Set(new.student.identity.uuid()),
        phone_sealed: Set(sealed.to_vec()),
        proof_digest: Set(new.proof.to_vec()),
        consent_version: Set(new.consent_version.to_owned()),
        consented_at: Set(now.micros()),
    };
    let replaced = OnConflict::column(identity_phone::Column::IdentityId)
        .update_columns([
            identity_phone::Column::PhoneSealed,
            identity_phone::Column::ProofDigest,
            identity_phone::Column::ConsentVersion,
            identity_phone::Column::ConsentedAt,
        ])
        .to_owned();
    let insert = identity_phone::Entity::insert(row).on_conflict(replaced);
    insert.exec_without_returning(tx.conn()).await?;
    Ok(())
}

pub(in crate::sessions) async fn find(
    db: &Db,
    identity: IdentityId,
) -> Result<Option<PhoneRow>, DbError> {
    let row = identity_phone::Entity::find_by_id(identity.uuid()).one(db.conn()).await?;
    Ok(row.map(|row| PhoneRow {
        sealed: row.phone_sealed,
        consent_version: row.consent_version,
        consented_at: Timestamp::from_micros(row.consented_at),
    }))
}

pub(in crate::sessions) async fn remove(tx: &Tx, identity: IdentityId) -> Result<bool, DbError> {
    let removed = identity_phone::Entity::delete_by_id(identity.uuid()).exec(tx.conn()).await?;
    Ok(removed.rows_affected == 1)
}

/// Locks and reads the rows after `after`, in the order of their ids.
pub(in crate::sessions) async fn lock_page(
    tx: &Tx,
    after: Option<IdentityId>,
) -> Result<Vec<(IdentityId, Vec<u8>)>, DbError> {
    let mut page = identity_phone::Entity::find();
    if let Some(after) = after {
        page = page.filter(identity_phone::Column::IdentityId.gt(after.uuid()));
    }
    let page = page.order_by_asc(identity_phone::Column::IdentityId).limit(AT_ONCE);
    let rows = page.lock_exclusive().all(tx.conn()).await?.into_iter();
    Ok(rows.map(|row| (IdentityId::from_uuid(row.identity_id), row.phone_sealed)).collect())
}

pub(in crate::sessions) async fn reseal(
    tx: &Tx,
    identity: IdentityId,
    sealed: &[u8],
) -> Result<(), DbError> {
    let row = identity_phone::ActiveModel {
        identity_id: Unchanged(identity.uuid()),
        phone_sealed: Set(sealed.to_vec()),
        ..Default::default()
    };
    identity_phone::Entity::update(row).exec(tx.conn()).await?;
    Ok(())
}
