//! The columns of a person that depend on keys.

use crate::{
    base::{
        clock::Day,
        db::{DbError, Tx},
        ids::{PersonId, SchoolId},
    },
    schools::{person::PersonKind, roster::Listed},
};
use entity::person;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

/// How many people one step reads and writes.
const AT_ONCE: u64 = 500;

/// What of a person's row is sealed or indexed, and what its digest covers.
#[derive(Clone)]
pub(in crate::schools) struct PersonKeying {
    pub(in crate::schools) id: PersonId,
    pub(in crate::schools) school: SchoolId,
    pub(in crate::schools) name: Vec<u8>,
    pub(in crate::schools) id_number: Option<Vec<u8>>,
    pub(in crate::schools) phone: Option<Vec<u8>>,
    pub(in crate::schools) chip: Option<Vec<u8>>,
    pub(in crate::schools) lost_chip: Option<Vec<u8>>,
    pub(in crate::schools) id_number_index: Option<Vec<u8>>,
    pub(in crate::schools) phone_index: Option<Vec<u8>>,
    pub(in crate::schools) name_index: Option<Vec<u8>>,
    pub(in crate::schools) roster_digest: Vec<u8>,
    pub(in crate::schools) index_key: String,
    pub(in crate::schools) roster: Listed,
}

/// Locks and reads the people after `after`, in the order of their ids.
pub(in crate::schools) async fn lock_page(
    tx: &Tx,
    after: Option<PersonId>,
) -> Result<Vec<PersonKeying>, DbError> {
    let mut page = person::Entity::find();
    if let Some(after) = after {
        page = page.filter(person::Column::Id.gt(after.uuid()));
    }
    let page = page.order_by_asc(person::Column::Id).limit(AT_ONCE).lock_exclusive();
    page.all(tx.conn()).await?.into_iter().map(keying).collect()
}

fn keying(row: person::Model) -> Result<PersonKeying, DbError> {
    let unknown = DbError::Inconsistent { table: "person", what: "unknown kind" };
    Ok(PersonKeying {
        id: PersonId::from_uuid(row.id),
        school: SchoolId::from_number(row.school_id),
        name: row.name_sealed,
        id_number: row.id_number_sealed,
        phone: row.phone_sealed,
        chip: row.chip_sealed,
        lost_chip: row.lost_chip_sealed,
        id_number_index: row.id_number_index,
        phone_index: row.phone_index,
        name_index: row.name_index,
        roster_digest: row.roster_digest,
        index_key: row.index_key,
        roster: Listed {
            student_no: row.student_no,
            kind: PersonKind::from_code(&row.kind).ok_or(unknown)?,
            department: row.department,
            class_name: row.class_name,
            valid_until: row.valid_until.map(Day::from_number),
        },
    })
}

/// Writes a person who is locked. Nothing that the row's MAC covers is written.
pub(in crate::schools) async fn write(tx: &Tx, row: PersonKeying) -> Result<(), DbError> {
    let row = person::ActiveModel {
        id: Unchanged(row.id.uuid()),
        name_sealed: Set(row.name),
        id_number_sealed: Set(row.id_number),
        phone_sealed: Set(row.phone),
        chip_sealed: Set(row.chip),
        lost_chip_sealed: Set(row.lost_chip),
        id_number_index: Set(row.id_number_index),
        phone_index: Set(row.phone_index),
        name_index: Set(row.name_index),
        roster_digest: Set(row.roster_digest),
        index_key: Set(row.index_key),
        ..Default::default()
    };
    person::Entity::update(row).exec(tx.conn()).await?;
    Ok(())
}
