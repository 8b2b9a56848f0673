//! The standing of a person: what is no roster's is set, and what was read is held.

use super::authentic::PERSON;
use crate::{
    base::{
        clock::{Day, Timestamp},
        db::{Column, DbError, Rows, Tx, Write},
    },
    ledger::HeldPersons,
    schools::{PersonSummary, person::Person},
};
use entity::person;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

/// Marks the card of a held person as reported lost at `lost_at`, with the sealed number of its chip, or
/// as found.
pub(in crate::schools) async fn set_lost(
    tx: &Tx,
    held: &HeldPersons,
    person: &Person,
    (lost_at, chip): (Option<Timestamp>, Option<Vec<u8>>),
    now: Timestamp,
) -> Result<(), DbError> {
    if !held.has(person.school, person.id) {
        let what = "a standing is changed without the person's lock";
        return Err(DbError::Inconsistent { table: "person", what });
    }
    let id = person.id.uuid();
    let was = match person.lost_at {
        Some(at) => person::Column::LostAt.eq(at.micros()),
        None => person::Column::LostAt.is_null(),
    };
    let update = async {
        let updated = person::Entity::update_many()
            .set(person::ActiveModel {
                lost_at: Set(lost_at.map(Timestamp::micros)),
                lost_chip_sealed: Set(chip),
                updated_at: Set(now.micros()),
                ..Default::default()
            })
            .filter(person::Column::Id.eq(id))
            .filter(was)
            .exec(tx.conn())
            .await?;
        if updated.rows_affected == 1 { Ok(()) } else { Err(DbError::Raced { table: "person" }) }
    };
    PERSON.changed(tx, &[id], update).await
}

/// Holds persons whose standings are as they were read.
pub(in crate::schools) fn unchanged(read: &[&PersonSummary]) -> Write {
    let flag = |f: fn(&PersonSummary) -> bool| {
        Column::I32(read.iter().map(|person| i32::from(f(person))).collect())
    };
    let last = |person: &&PersonSummary| person.standing.valid_until.map_or(NO_LAST, Day::number);
    let status = |person: &&PersonSummary| person.standing.status.code().to_owned();
    let rows = Rows::new(vec![
        ("id", Column::Uuid(read.iter().map(|person| person.person.uuid()).collect())),
        ("status", Column::Text(read.iter().map(status).collect())),
        ("valid_until", Column::I32(read.iter().map(last).collect())),
        ("lost", flag(|person| person.standing.lost)),
        ("dormant", flag(|person| person.standing.dormant)),
    ]);
    let guard = "person.status = r.status \
        AND COALESCE(person.valid_until, 2147483647) = r.valid_until \
        AND (person.lost_at IS NOT NULL) = (r.lost = 1) \
        AND (person.dormant_at IS NOT NULL) = (r.dormant = 1)";
    Write::Unchanged { table: "person", rows, guard, held: true }
}

/// In place of no last day, in [`unchanged`].
const NO_LAST: i32 = i32::MAX;
