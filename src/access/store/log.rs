//! The table of the log.

use super::{conditions, counted};
use crate::{
    access::{
        listing::DoorFilter,
        log::{AccessEntry, AccessEntryId, AccessWay, DoorDecision, LoggedAccess, LoggedRead},
    },
    base::{
        clock::Timestamp,
        db::{Column, Db, DbError, Found, Keyset, Question, Rows, Source, Tx, Write},
        ids::{PersonId, SchoolId, first_uuid_at},
    },
    passcode::ShownCode,
};
use sea_orm::{QueryResult, Value};
use uuid::Uuid;

/// Adds entries, together with other writes.
pub fn write_of(entries: &[AccessEntry]) -> Write {
    let uuids = |f: fn(&AccessEntry) -> Uuid| Column::Uuid(entries.iter().map(f).collect());
    let i64s = |f: fn(&AccessEntry) -> i64| Column::I64(entries.iter().map(f).collect());
    let text = |f: fn(&AccessEntry) -> &str| {
        Column::Text(entries.iter().map(|entry| f(entry).to_owned()).collect())
    };
    let of_code = |f: fn(&ShownCode) -> i64| {
        Column::I64(entries.iter().map(|entry| entry.shown.as_ref().map_or(0, f)).collect())
    };
    let devices = entries.iter().map(|entry| entry.shown.map(|shown| shown.device.uuid()));
    let sub = |entry: &AccessEntry| entry.shown.map_or(0, |shown| shown.sub.number().into());
    let rows = Rows::new(vec![
        ("id", uuids(|entry| entry.id.uuid())),
        ("school_id", i64s(|entry| entry.school.number())),
        ("at", i64s(|entry| entry.at.micros())),
        ("person_id", uuids(|entry| entry.person.uuid())),
        ("door_group", text(|entry| &entry.group)),
        ("way", text(|entry| entry.way.code())),
        ("place_id", uuids(|entry| entry.place)),
        ("decision", text(|entry| entry.decision.code())),
        ("reason", text(|entry| entry.reason)),
        ("device_id", Column::OptUuid(devices.collect())),
        ("generation", of_code(|shown| shown.generation.into())),
        ("purpose", text(|entry| entry.shown.map_or("", |shown| shown.purpose.as_str()))),
        ("shown_at", of_code(|shown| shown.shown_at().micros())),
        ("sub", Column::I32(entries.iter().map(sub).collect())),
    ]);
    Write::Insert { table: "access_log", rows, suffix: "" }
}

/// Adds entries and makes other writes, in one statement.
pub(in crate::access) async fn add(
    tx: &Tx,
    entries: &[AccessEntry],
    mut beside: Vec<Write>,
) -> Result<(), DbError> {
    beside.push(write_of(entries));
    tx.write_all(beside).await
}

/// A question for the readings of a code at a place.
pub(in crate::access) fn reads_question(place: Uuid, shown: &ShownCode) -> Question {
    Question {
        columns: &[("l.at", "bigint"), ("l.decision", "text"), ("l.reason", "text")],
        from: "access_log l WHERE l.place_id {keys1} AND l.device_id {keys2} \
            AND l.shown_at {keys3} AND l.generation {keys4} AND l.purpose {keys5} \
            AND l.sub {keys6}",
        keys: vec![
            Column::Uuid(vec![place]),
            Column::Uuid(vec![shown.device.uuid()]),
            Column::I64(vec![shown.shown_at().micros()]),
            Column::I64(vec![shown.generation.into()]),
            Column::Text(vec![shown.purpose.as_str().to_owned()]),
            Column::I32(vec![shown.sub.number().into()]),
        ],
    }
}

/// The answer to [`reads_question`].
pub(in crate::access) fn reads(found: &[Found]) -> Result<Vec<LoggedRead>, DbError> {
    let broken = DbError::Inconsistent { table: "access_log", what: "unknown decision" };
    let read = |found: &Found| {
        let decision = DoorDecision::from_code(&found.get::<String>(1)?);
        Ok(LoggedRead {
            at: Timestamp::from_micros(found.get(0)?),
            decision: decision.ok_or(broken.clone())?,
            reason: found.get(2)?,
        })
    };
    found.iter().map(read).collect()
}

/// A page of the entries of a school.
pub(in crate::access) async fn list(
    source: Source<'_>,
    school: SchoolId,
    filter: &DoorFilter,
    page: Keyset,
) -> Result<Vec<LoggedAccess>, DbError> {
    let (which, mut values) = conditions("l", school, filter);
    let place = page.sql("l.id", &mut values);
    let sql = format!("SELECT l.* FROM access_log l WHERE l.school_id = $1{which}{place}");
    source.select(&sql, values).await?.iter().map(logged).collect()
}

/// How many of them there are, among the first `most`.
pub(in crate::access) async fn count(
    source: Source<'_>,
    school: SchoolId,
    filter: &DoorFilter,
    most: u32,
) -> Result<u64, DbError> {
    let (which, values) = conditions("l", school, filter);
    let sql =
        format!("SELECT 1 AS one FROM access_log l WHERE l.school_id = $1{which} LIMIT {most}");
    counted(source, &sql, values).await
}

fn logged(row: &QueryResult) -> Result<LoggedAccess, DbError> {
    let broken = DbError::Inconsistent { table: "access_log", what: "unknown way or decision" };
    let way = AccessWay::from_code(&row.try_get::<String>("", "way")?);
    let decision = DoorDecision::from_code(&row.try_get::<String>("", "decision")?);
    Ok(LoggedAccess {
        id: AccessEntryId::from_uuid(row.try_get("", "id")?),
        at: Timestamp::from_micros(row.try_get("", "at")?),
        person: PersonId::from_uuid(row.try_get("", "person_id")?),
        group: row.try_get("", "door_group")?,
        way: way.ok_or(broken.clone())?,
        place: row.try_get("", "place_id")?,
        decision: decision.ok_or(broken)?,
        reason: row.try_get("", "reason")?,
    })
}

/// Deletes some of a school's entries from before an instant, oldest first; false if there were none.
pub(in crate::access) async fn delete_before(
    db: &Db,
    school: SchoolId,
    before: Timestamp,
) -> Result<bool, DbError> {
    let sql = "DELETE FROM access_log WHERE id IN (SELECT id FROM access_log \
               WHERE school_id = $1 AND id < $2 ORDER BY id LIMIT 500) RETURNING id";
    let values: Vec<Value> = vec![school.number().into(), first_uuid_at(before).into()];
    let delete = async |tx: &Tx| Source::Tx(tx).select(sql, values.clone()).await;
    Ok(!db.in_tx(delete).await?.is_empty())
}
