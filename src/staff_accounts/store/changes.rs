//! Rows of what admins did to logins, or asked to do.

use super::super::{StaffId, StaffRoles};
use crate::base::{
    clock::Timestamp,
    crypto::row_mac::{Field, RowMacs},
    db::{Authority, Db, DbError, FieldKind, Tx},
};
use entity::staff_change;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

/// What is asked for, by whom, and whether it was done.
pub(in crate::staff_accounts) const CHANGE: Authority = Authority {
    table: "staff_change",
    columns: &[
        ("member_id", FieldKind::Uuid),
        ("act", FieldKind::Text),
        ("roles_before", FieldKind::Text),
        ("roles", FieldKind::Text),
        ("by_id", FieldKind::Uuid),
        ("by_no", FieldKind::Text),
        ("approval_id", FieldKind::Uuid),
        ("done_at", FieldKind::Big),
    ],
    live: "true",
    added: 0,
};

/// The most changes of a login in seven days that are looked at.
const MOST: u64 = 1000;

/// What is changed. The name in storage stays for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::staff_accounts) enum ChangeKind {
    /// The login was added.
    Added,
    /// It gets other roles.
    Roles,
    /// It gets another second factor.
    Factor,
    /// It was switched on again.
    Enabled,
    /// It was linked with a userid that signs it in.
    Linked,
}

/// A change of a login.
#[derive(Clone, Debug)]
pub(in crate::staff_accounts) struct Change {
    pub(in crate::staff_accounts) id: Uuid,
    pub(in crate::staff_accounts) member: StaffId,
    pub(in crate::staff_accounts) kind: ChangeKind,
    /// What the roles were when it was asked for.
    pub(in crate::staff_accounts) before: Option<StaffRoles>,
    pub(in crate::staff_accounts) roles: Option<StaffRoles>,
    pub(in crate::staff_accounts) by: StaffId,
    pub(in crate::staff_accounts) by_no: String,
    pub(in crate::staff_accounts) approval: Option<Uuid>,
    pub(in crate::staff_accounts) asked_at: Timestamp,
    pub(in crate::staff_accounts) done_at: Option<Timestamp>,
}

impl ChangeKind {
    const ALL: [Self; 5] = [Self::Added, Self::Roles, Self::Factor, Self::Enabled, Self::Linked];

    const fn code(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Roles => "roles",
            Self::Factor => "factor",
            Self::Enabled => "enabled",
            Self::Linked => "linked",
        }
    }
}

fn fields(row: &staff_change::Model) -> [Field; 8] {
    [
        row.member_id.into(),
        row.act.as_str().into(),
        row.roles_before.as_deref().into(),
        row.roles.as_deref().into(),
        row.by_id.into(),
        row.by_no.as_str().into(),
        row.approval_id.into(),
        row.done_at.into(),
    ]
}

fn checked(macs: &RowMacs, row: staff_change::Model) -> Result<Change, DbError> {
    CHANGE.check(macs, row.id, &fields(&row), row.mac.as_deref())?;
    let broken = |what| DbError::Inconsistent { table: "staff_change", what };
    let kind = ChangeKind::ALL.into_iter().find(|kind| kind.code() == row.act);
    let roles = |text: Option<String>| {
        text.map(|text| StaffRoles::parse(&text).ok_or(broken("unknown roles"))).transpose()
    };
    Ok(Change {
        id: row.id,
        member: StaffId::from_uuid(row.member_id),
        kind: kind.ok_or(broken("unknown act"))?,
        before: roles(row.roles_before)?,
        roles: roles(row.roles)?,
        by: StaffId::from_uuid(row.by_id),
        by_no: row.by_no,
        approval: row.approval_id,
        asked_at: Timestamp::from_micros(row.asked_at),
        done_at: row.done_at.map(Timestamp::from_micros),
    })
}

fn row_of(change: &Change) -> staff_change::Model {
    staff_change::Model {
        id: change.id,
        member_id: change.member.uuid(),
        act: change.kind.code().to_owned(),
        roles_before: change.before.as_ref().map(ToString::to_string),
        roles: change.roles.as_ref().map(ToString::to_string),
        by_id: change.by.uuid(),
        by_no: change.by_no.clone(),
        approval_id: change.approval,
        asked_at: change.asked_at.micros(),
        done_at: change.done_at.map(Timestamp::micros),
        mac: None,
    }
}

pub(in crate::staff_accounts) async fn insert(tx: &Tx, change: &Change) -> Result<(), DbError> {
    let mut row = row_of(change);
    row.mac = Some(CHANGE.mac(tx, row.id, &fields(&row)));
    staff_change::Entity::insert(row.into_active_model()).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// What a request asks for.
pub(in crate::staff_accounts) async fn of_approval(
    tx: &Tx,
    approval: Uuid,
) -> Result<Option<Change>, DbError> {
    let found = staff_change::Entity::find()
        .filter(staff_change::Column::ApprovalId.eq(approval))
        .lock_exclusive();
    found.one(tx.conn()).await?.map(|row| checked(tx.macs(), row)).transpose()
}

/// The same, to be read.
pub(in crate::staff_accounts) async fn asked(
    db: &Db,
    approval: Uuid,
) -> Result<Option<Change>, DbError> {
    let found = staff_change::Entity::find().filter(staff_change::Column::ApprovalId.eq(approval));
    found.one(db.conn()).await?.map(|row| checked(db.macs(), row)).transpose()
}

/// Notes that a change was done.
pub(in crate::staff_accounts) async fn finish(
    tx: &Tx,
    asked: Change,
    now: Timestamp,
) -> Result<(), DbError> {
    let row = row_of(&Change { done_at: Some(now), ..asked });
    let mac = CHANGE.mac(tx, row.id, &fields(&row));
    let set = staff_change::ActiveModel {
        done_at: Set(row.done_at),
        mac: Set(Some(mac)),
        ..Default::default()
    };
    let finished = staff_change::Entity::update_many()
        .set(set)
        .filter(staff_change::Column::Id.eq(row.id))
        .filter(staff_change::Column::DoneAt.is_null())
        .exec(tx.conn())
        .await?;
    match finished.rows_affected {
        1 => Ok(()),
        _ => Err(DbError::Raced { table: "staff_change" }),
    }
}

/// What was done to a login since `since`, newest first.
pub(in crate::staff_accounts) async fn done_since(
    tx: &Tx,
    member: StaffId,
    since: Timestamp,
) -> Result<Vec<Change>, DbError> {
    let found = staff_change::Entity::find()
        .filter(staff_change::Column::MemberId.eq(member.uuid()))
        .filter(staff_change::Column::DoneAt.gt(since.micros()))
        .order_by_desc(staff_change::Column::DoneAt)
        .limit(MOST);
    found.all(tx.conn()).await?.into_iter().map(|row| checked(tx.macs(), row)).collect()
}
