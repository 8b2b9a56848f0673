//! Rows of locks. Their MACs cover what decides who may open them.

use crate::{
    base::{
        clock::Timestamp,
        crypto::row_mac::Field,
        db::{Authority, Column, DbError, FieldKind, Rows, Source, Tx, Write},
        ids::SchoolId,
    },
    keyring::{DoorId, DoorLock, lock::LockId},
    terminals::DoorGroup,
};
use sea_orm::QueryResult;
use std::{collections::HashMap, str::FromStr};

/// Which lock belongs to which doors.
pub(in crate::keyring) const LOCK: Authority = Authority {
    table: "door_lock",
    columns: &[
        ("school_id", FieldKind::Big),
        ("lock_id", FieldKind::Text),
        ("door_group", FieldKind::Text),
    ],
    added: 0,
    live: "true",
};

const COLUMNS: &str = "id, school_id, lock_id, door_group, name, place, mac";

/// The school's lock with this id.
pub(in crate::keyring) async fn lock(
    source: Source<'_>,
    school: SchoolId,
    id: DoorId,
) -> Result<Option<DoorLock>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM door_lock WHERE id = $1 AND school_id = $2");
    let found = source.select(&sql, vec![id.uuid().into(), school.number().into()]).await?;
    found.first().map(|row| authentic(source, row)).transpose()
}

/// The school's locks of these groups, by name; at most `most`.
pub(in crate::keyring) async fn of_groups(
    source: Source<'_>,
    school: SchoolId,
    groups: Vec<String>,
    most: usize,
) -> Result<Vec<DoorLock>, DbError> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM door_lock WHERE school_id {{keys1}} AND door_group {{keys2}} \
         ORDER BY place, name, id LIMIT {most}"
    );
    let keys = vec![Column::I64(vec![school.number()]), Column::Text(groups)];
    let found = source.select_keys(&sql, keys).await?;
    found.iter().map(|row| authentic(source, row)).collect()
}

/// The locks with these ids of adapters, by them, held until the transaction ends. An altered row is
/// given as it stands, with `false`.
pub(in crate::keyring) async fn by_lock_ids(
    tx: &Tx,
    school: SchoolId,
    ids: Vec<String>,
) -> Result<HashMap<String, (DoorLock, bool)>, DbError> {
    let lock = if tx.has_row_locks() { "FOR UPDATE" } else { "" };
    let sql = format!(
        "SELECT {COLUMNS} FROM door_lock WHERE school_id {{keys1}} AND lock_id {{keys2}} \
         ORDER BY id {lock}"
    );
    let keys = vec![Column::I64(vec![school.number()]), Column::Text(ids)];
    let found = tx.select_keys(&sql, keys).await?;
    let known = |row: &QueryResult| {
        let door = door_of(row)?;
        let mac: Option<Vec<u8>> = row.try_get("", "mac")?;
        let fits = LOCK.check(tx.macs(), door.id.uuid(), &fields(&door), mac.as_deref()).is_ok();
        Ok((door.lock.to_string(), (door, fits)))
    };
    found.iter().map(known).collect()
}

/// New rows.
pub(in crate::keyring) async fn insert(
    tx: &Tx,
    doors: &[DoorLock],
    now: Timestamp,
) -> Result<(), DbError> {
    let text =
        |f: &dyn Fn(&DoorLock) -> &str| Column::Text(doors.iter().map(|d| f(d).into()).collect());
    let mac = |door: &DoorLock| LOCK.mac(tx, door.id.uuid(), &fields(door));
    let rows = Rows::new(vec![
        ("id", Column::Uuid(doors.iter().map(|door| door.id.uuid()).collect())),
        ("school_id", Column::I64(doors.iter().map(|door| door.school.number()).collect())),
        ("lock_id", text(&|door| &door.lock)),
        ("door_group", text(&|door| &door.group)),
        ("name", text(&|door| &door.name)),
        ("place", text(&|door| &door.place)),
        ("created_at", Column::I64(vec![now.micros(); doors.len()])),
        ("updated_at", Column::I64(vec![now.micros(); doors.len()])),
        ("mac", Column::Bytes(doors.iter().map(mac).collect())),
    ]);
    tx.insert_rows("door_lock", rows, "").await
}

/// Replaces what an operator sets. Whatever a row was before: what it is now is the operator's.
pub(in crate::keyring) async fn replace(
    tx: &Tx,
    doors: &[DoorLock],
    now: Timestamp,
) -> Result<(), DbError> {
    let text =
        |f: &dyn Fn(&DoorLock) -> &str| Column::Text(doors.iter().map(|d| f(d).into()).collect());
    let mac = |door: &DoorLock| LOCK.mac(tx, door.id.uuid(), &fields(door));
    let rows = Rows::new(vec![
        ("id", Column::Uuid(doors.iter().map(|door| door.id.uuid()).collect())),
        ("door_group", text(&|door| &door.group)),
        ("name", text(&|door| &door.name)),
        ("place", text(&|door| &door.place)),
        ("updated_at", Column::I64(vec![now.micros(); doors.len()])),
        ("mac", Column::Bytes(doors.iter().map(mac).collect())),
    ]);
    let set = "door_group = r.door_group, name = r.name, place = r.place, \
               updated_at = r.updated_at, mac = r.mac";
    tx.write_all(vec![Write::Update { table: "door_lock", rows, set, guard: "true" }]).await
}

fn fields(door: &DoorLock) -> [Field; 3] {
    [door.school.number().into(), (*door.lock).into(), (*door.group).into()]
}

fn authentic(source: Source<'_>, row: &QueryResult) -> Result<DoorLock, DbError> {
    let door = door_of(row)?;
    let mac: Option<Vec<u8>> = row.try_get("", "mac")?;
    LOCK.check(source.macs(), door.id.uuid(), &fields(&door), mac.as_deref())?;
    Ok(door)
}

fn door_of(row: &QueryResult) -> Result<DoorLock, DbError> {
    Ok(DoorLock {
        id: DoorId::from_uuid(row.try_get("", "id")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        lock: read::<LockId>(row, "lock_id")?,
        group: read::<DoorGroup>(row, "door_group")?,
        name: read(row, "name")?,
        place: row.try_get("", "place")?,
    })
}

fn read<T: FromStr>(row: &QueryResult, column: &str) -> Result<T, DbError> {
    let text: String = row.try_get("", column)?;
    text.parse().map_err(|_| DbError::Inconsistent { table: "door_lock", what: "invalid name" })
}
