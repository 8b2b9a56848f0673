//! The table of events.

use super::{Event, Happening, NewEvent, Position};
use crate::base::{
    clock::{Day, Timestamp},
    db::{Column, Db, DbError, Rows, Source, Tx, Write},
    ids::PersonId,
};
use entity::event;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::HashMap;
use uuid::Uuid;

const COLUMNS: &str = "person_id, number, school_id, day, at, content";
/// `ahead` numbers the events of the same person within the batch, from one.
const PICKS: &str = "r.person_id, r.ahead + COALESCE((SELECT MAX(e.number) FROM event e \
    WHERE e.person_id = r.person_id), 0), r.school_id, r.day, r.at, r.content";

/// The limit for one statement on both databases: in a second statement, `ahead` would start again.
const MOST_AT_ONCE: usize = 1000;

/// The write of [`add`](super::add), to be sent together with others: at most 1,000 events.
pub fn write_of(new: &[NewEvent]) -> Result<Write, DbError> {
    if new.len() > MOST_AT_ONCE {
        return Err(broken("too many events in one batch"));
    }
    let mut counted: HashMap<PersonId, i64> = HashMap::new();
    let ahead = new.iter().map(|event| {
        let count = counted.entry(event.person).or_default();
        *count = count.saturating_add(1);
        *count
    });
    let content = |event: &NewEvent| {
        serde_json::to_string(&event.what).map_err(|_| broken("an event cannot be serialised"))
    };
    let rows = Rows::new(vec![
        ("person_id", Column::Uuid(new.iter().map(|event| event.person.uuid()).collect())),
        ("ahead", Column::I64(ahead.collect())),
        ("school_id", Column::I64(new.iter().map(|event| event.school.number()).collect())),
        ("day", Column::I32(new.iter().map(|event| event.at.day().number()).collect())),
        ("at", Column::I64(new.iter().map(|event| event.at.micros()).collect())),
        ("content", Column::Text(new.iter().map(content).collect::<Result<_, _>>()?)),
    ]);
    Ok(Write::InsertPicked { table: "event", rows, columns: COLUMNS, picks: PICKS })
}

pub(super) async fn after(
    db: &Db,
    person: PersonId,
    position: Position,
    most: u64,
) -> Result<Vec<Event>, DbError> {
    let rows = event::Entity::find()
        .filter(event::Column::PersonId.eq(person.uuid()))
        .filter(event::Column::Number.gt(position.number()))
        .order_by_asc(event::Column::Number)
        .limit(most)
        .all(db.conn())
        .await?;
    rows.iter().map(event_of).collect()
}

fn event_of(row: &event::Model) -> Result<Event, DbError> {
    let what: Happening =
        serde_json::from_str(&row.content).map_err(|_| broken("invalid content"))?;
    Ok(Event { number: Position::new(row.number), at: Timestamp::from_micros(row.at), what })
}

pub(super) async fn ends(
    db: &Db,
    persons: &[PersonId],
) -> Result<Vec<(PersonId, Position)>, DbError> {
    let ids = persons.iter().map(|person| person.uuid()).collect();
    // One index lookup per person instead of a scan of all their events.
    let sql = "SELECT r.id, (SELECT MAX(e.number) FROM event e WHERE e.person_id = r.id) \
               AS number FROM {rows}";
    let rows = Rows::new(vec![("id", Column::Uuid(ids))]);
    let mut ends = Vec::with_capacity(persons.len());
    for row in Source::Db(db).select_rows(sql, rows).await? {
        let number: Option<i64> = row.try_get("", "number")?;
        let person = PersonId::from_uuid(row.try_get("", "id")?);
        ends.extend(number.map(|number| (person, Position::new(number))));
    }
    Ok(ends)
}

/// At most `most` events before that day, the oldest first.
pub(super) async fn older(db: &Db, than: Day, most: u64) -> Result<Vec<(Uuid, i64)>, DbError> {
    let found = event::Entity::find()
        .select_only()
        .columns([event::Column::PersonId, event::Column::Number])
        .filter(event::Column::Day.lt(than.number()))
        .order_by_asc(event::Column::Day)
        .limit(most)
        .into_tuple()
        .all(db.conn())
        .await?;
    Ok(found)
}

/// Deletes those of the events that are not their person's newest, and sets the day of the others
/// to `today`, so that they are examined again when that is old.
pub(super) async fn delete_old(tx: &Tx, old: &[(Uuid, i64)], today: Day) -> Result<(), DbError> {
    let rows = || {
        let (persons, numbers) = old.iter().copied().unzip();
        vec![("person_id", Column::Uuid(persons)), ("number", Column::I64(numbers))]
    };
    let delete = "DELETE FROM event WHERE (person_id, number) IN \
        (SELECT r.person_id, r.number FROM {rows} WHERE EXISTS (SELECT 1 FROM event later \
         WHERE later.person_id = r.person_id AND later.number > r.number)) RETURNING number";
    tx.select_rows(delete, Rows::new(rows())).await?;
    let mut kept = rows();
    kept.push(("day", Column::I32(vec![today.number(); old.len()])));
    tx.write_some(Write::Update {
        table: "event",
        rows: Rows::new(kept),
        set: "day = r.day",
        guard: "event.number = r.number",
    })
    .await
    .map(drop)
}

const fn broken(what: &'static str) -> DbError {
    DbError::Inconsistent { table: "event", what }
}
