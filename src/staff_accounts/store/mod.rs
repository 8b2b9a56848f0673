//! The tables of logins and sessions of staff.

pub(super) mod authentic;
pub(super) mod changes;
pub(super) mod listing;
pub(super) mod refusals;
pub(super) mod sessions;

use super::{Account, Factor, StaffId, WorkId, recovery::RecoveryHashes};
use crate::base::{
    clock::Timestamp,
    crypto::row_mac::RowMacs,
    db::{Db, DbError, Tx},
    ids::SchoolId,
};
use authentic::{MEMBER, member_fields};
use entity::staff_member;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

/// The most logins of a school that are listed.
const MOST_LISTED: u64 = 10_000;
/// How many logins are read at a time where all are.
const AT_ONCE: u64 = 500;

const BROKEN: DbError = DbError::Inconsistent { table: "staff_member", what: "an invalid name" };

fn checked(macs: &RowMacs, row: staff_member::Model) -> Result<Account, DbError> {
    MEMBER.check(macs, row.id, &member_fields(&row), row.mac.as_deref())?;
    account(row)
}

fn account(row: staff_member::Model) -> Result<Account, DbError> {
    Ok(Account {
        id: StaffId::from_uuid(row.id),
        school: SchoolId::from_number(row.school_id),
        login: row.login.parse().map_err(|_| BROKEN)?,
        staff_no: row.staff_no.parse().map_err(|_| BROKEN)?,
        roles: super::StaffRoles::parse(&row.roles).ok_or(BROKEN)?,
        password_hash: row.password_hash,
        factor: Factor {
            secret: row.factor_sealed,
            printed: row.factor_printed,
            slip_until: row.slip_until.map(Timestamp::from_micros),
            offered: row.offered_sealed,
            step: row.factor_step,
            recovery: RecoveryHashes::from_column(row.recovery_hashes.as_deref()).ok_or(BROKEN)?,
        },
        classes: super::StaffClasses::from_column(row.classes.as_deref()).ok_or(BROKEN)?,
        enabled: row.enabled,
        signed_in_at: row.signed_in_at.map(Timestamp::from_micros),
        work_id: row.work_id.map(|id| id.parse().map_err(|_| BROKEN)).transpose()?,
    })
}

/// The login of a school.
pub(super) async fn find(
    db: &Db,
    school: SchoolId,
    login: &str,
) -> Result<Option<Account>, DbError> {
    let found = staff_member::Entity::find()
        .filter(staff_member::Column::SchoolId.eq(school.number()))
        .filter(staff_member::Column::Login.eq(login));
    found.one(db.conn()).await?.map(|row| checked(db.macs(), row)).transpose()
}

/// The login of a school that is linked with this userid.
pub(super) async fn by_work_id(
    db: &Db,
    school: SchoolId,
    id: &WorkId,
) -> Result<Option<Account>, DbError> {
    let found = staff_member::Entity::find()
        .filter(staff_member::Column::SchoolId.eq(school.number()))
        .filter(staff_member::Column::WorkId.eq(id.as_str()));
    found.one(db.conn()).await?.map(|row| checked(db.macs(), row)).transpose()
}

/// The login with this id.
pub(super) async fn by_id(db: &Db, id: StaffId) -> Result<Option<Account>, DbError> {
    let found = staff_member::Entity::find_by_id(id.uuid());
    found.one(db.conn()).await?.map(|row| checked(db.macs(), row)).transpose()
}

/// Locks a login's row.
pub(super) async fn lock(tx: &Tx, id: StaffId) -> Result<Option<Account>, DbError> {
    let found = staff_member::Entity::find_by_id(id.uuid()).lock_exclusive();
    found.one(tx.conn()).await?.map(|row| checked(tx.macs(), row)).transpose()
}

/// Locks a login's row against changes.
pub(super) async fn hold(tx: &Tx, id: StaffId) -> Result<Option<Account>, DbError> {
    let found = staff_member::Entity::find_by_id(id.uuid()).lock_shared();
    found.one(tx.conn()).await?.map(|row| checked(tx.macs(), row)).transpose()
}

/// Locks the login of a school against changes.
pub(super) async fn hold_login(
    tx: &Tx,
    school: SchoolId,
    login: &str,
) -> Result<Option<Account>, DbError> {
    let found = staff_member::Entity::find()
        .filter(staff_member::Column::SchoolId.eq(school.number()))
        .filter(staff_member::Column::Login.eq(login))
        .lock_shared();
    found.one(tx.conn()).await?.map(|row| checked(tx.macs(), row)).transpose()
}

/// Locks the login of a school. It may be forged: what changes it leaves it forged.
pub(super) async fn lock_login(
    tx: &Tx,
    school: SchoolId,
    login: &str,
) -> Result<Option<Account>, DbError> {
    let found = staff_member::Entity::find()
        .filter(staff_member::Column::SchoolId.eq(school.number()))
        .filter(staff_member::Column::Login.eq(login))
        .lock_exclusive();
    found.one(tx.conn()).await?.map(account).transpose()
}

/// The logins of a school, by name.
pub(super) async fn list(db: &Db, school: SchoolId) -> Result<Vec<Account>, DbError> {
    let found = staff_member::Entity::find()
        .filter(staff_member::Column::SchoolId.eq(school.number()))
        .order_by_asc(staff_member::Column::Login)
        .limit(MOST_LISTED);
    found.all(db.conn()).await?.into_iter().map(account).collect()
}

/// Locks the logins after `after`, in the order of their ids.
pub(super) async fn lock_page(tx: &Tx, after: Option<StaffId>) -> Result<Vec<Account>, DbError> {
    let mut page = staff_member::Entity::find();
    if let Some(after) = after {
        page = page.filter(staff_member::Column::Id.gt(after.uuid()));
    }
    let page = page.order_by_asc(staff_member::Column::Id).limit(AT_ONCE).lock_exclusive();
    page.all(tx.conn()).await?.into_iter().map(account).collect()
}

pub(super) async fn insert(tx: &Tx, new: &Account, now: Timestamp) -> Result<(), DbError> {
    let Factor { secret, printed, slip_until, offered, step, recovery } = new.factor.clone();
    let mut row = staff_member::Model {
        id: new.id.uuid(),
        school_id: new.school.number(),
        login: new.login.to_string(),
        staff_no: new.staff_no.to_string(),
        roles: new.roles.to_string(),
        password_hash: new.password_hash.clone(),
        factor_sealed: secret,
        factor_printed: printed,
        offered_sealed: offered,
        factor_step: step,
        enabled: new.enabled,
        created_at: now.micros(),
        updated_at: now.micros(),
        signed_in_at: None,
        mac: None,
        recovery_hashes: recovery.to_column(),
        work_id: new.work_id.as_ref().map(ToString::to_string),
        classes: new.classes.to_column(),
        slip_until: slip_until.map(Timestamp::micros),
    };
    row.mac = Some(MEMBER.mac(tx, row.id, &member_fields(&row)));
    staff_member::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Replaces the second factor `before` of a locked login.
pub(super) async fn set_factor(
    tx: &Tx,
    id: StaffId,
    before: &Factor,
    factor: Factor,
    now: Timestamp,
) -> Result<(), DbError> {
    let Factor { secret, printed, slip_until, offered, step, recovery } = factor;
    let set = staff_member::ActiveModel {
        factor_sealed: Set(secret),
        factor_printed: Set(printed),
        slip_until: Set(slip_until.map(Timestamp::micros)),
        offered_sealed: Set(offered),
        factor_step: Set(step),
        recovery_hashes: Set(recovery.to_column()),
        updated_at: Set(now.micros()),
        ..Default::default()
    };
    let before = before.step;
    change(tx, id, async {
        let changed = staff_member::Entity::update_many()
            .set(set)
            .filter(staff_member::Column::Id.eq(id.uuid()))
            .filter(staff_member::Column::FactorStep.eq(before))
            .exec(tx.conn())
            .await?;
        match changed.rows_affected {
            1 => Ok(()),
            _ => Err(DbError::Raced { table: "staff_member" }),
        }
    })
    .await
}

/// Replaces the password of a locked login.
pub(super) async fn set_password(
    tx: &Tx,
    id: StaffId,
    hash: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let password_hash = Set(hash.to_owned());
    update(tx, id, staff_member::ActiveModel { password_hash, ..Default::default() }, now).await
}

/// Replaces the roles of a locked login.
pub(super) async fn set_roles(
    tx: &Tx,
    id: StaffId,
    roles: &super::StaffRoles,
    now: Timestamp,
) -> Result<(), DbError> {
    let roles = Set(roles.to_string());
    update(tx, id, staff_member::ActiveModel { roles, ..Default::default() }, now).await
}

/// Whether a login of the school is linked with this userid.
pub(super) async fn is_linked(tx: &Tx, school: SchoolId, id: &WorkId) -> Result<bool, DbError> {
    let found = staff_member::Entity::find()
        .filter(staff_member::Column::SchoolId.eq(school.number()))
        .filter(staff_member::Column::WorkId.eq(id.as_str()));
    Ok(found.one(tx.conn()).await?.is_some())
}

/// Links a locked login with a userid, or with none.
pub(super) async fn set_work_id(
    tx: &Tx,
    id: StaffId,
    work_id: Option<&WorkId>,
    now: Timestamp,
) -> Result<(), DbError> {
    let work_id = Set(work_id.map(ToString::to_string));
    update(tx, id, staff_member::ActiveModel { work_id, ..Default::default() }, now).await
}

/// Replaces the classes of a locked login.
pub(super) async fn set_classes(
    tx: &Tx,
    id: StaffId,
    classes: &super::StaffClasses,
    now: Timestamp,
) -> Result<(), DbError> {
    let classes = Set(classes.to_column());
    update(tx, id, staff_member::ActiveModel { classes, ..Default::default() }, now).await
}

/// Switches a locked login off or on.
pub(super) async fn switch(
    tx: &Tx,
    id: StaffId,
    enabled: bool,
    now: Timestamp,
) -> Result<(), DbError> {
    let enabled = Set(enabled);
    update(tx, id, staff_member::ActiveModel { enabled, ..Default::default() }, now).await
}

async fn update(
    tx: &Tx,
    id: StaffId,
    set: staff_member::ActiveModel,
    now: Timestamp,
) -> Result<(), DbError> {
    let (id, updated_at) = (id.uuid(), Set(now.micros()));
    let set = staff_member::ActiveModel { id: Unchanged(id), updated_at, ..set };
    // Boxed: it would be most of its callers' futures.
    Box::pin(change(tx, StaffId::from_uuid(id), async {
        staff_member::Entity::update(set).exec(tx.conn()).await?;
        Ok(())
    }))
    .await
}

/// Notes when somebody last signed in, which no MAC covers.
pub(super) async fn signed_in(tx: &Tx, id: StaffId, now: Timestamp) -> Result<(), DbError> {
    let set = staff_member::ActiveModel {
        id: Unchanged(id.uuid()),
        signed_in_at: Set(Some(now.micros())),
        ..Default::default()
    };
    staff_member::Entity::update(set).exec(tx.conn()).await?;
    Ok(())
}

async fn change(
    tx: &Tx,
    id: StaffId,
    update: impl Future<Output = Result<(), DbError>>,
) -> Result<(), DbError> {
    MEMBER.changed(tx, &[id.uuid()], update).await
}
