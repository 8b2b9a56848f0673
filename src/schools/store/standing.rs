//! The standing of a person that is no roster's.

use super::authentic::PERSON;
use crate::{
    base::{
        clock::Timestamp,
        db::{DbError, Tx},
    },
    ledger::HeldPersons,
    schools::person::Person,
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
