//! The tables of schools and people.

pub(super) mod authentic;
pub(super) mod numbers;
pub(super) mod policy;
pub(super) mod rekey;
pub(super) mod standing;
pub(super) mod summaries;

use super::{
    person::{Person, PersonKind, PersonStatus, SealedFields},
    policy::StoredPolicy,
    school::School,
};
use crate::{
    base::{
        clock::{Day, Timestamp},
        crypto::{blind::Blind, row_mac::RowMacs},
        db::{Db, DbError, Tx},
        ids::{PersonId, SchoolId},
    },
    ledger::HeldPersons,
};
use authentic::{PERSON, new_person, person_fields};
use entity::{person, school};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};
use std::collections::HashMap;

/// The limit of schools in a deployment.
pub(super) const MAX_SCHOOLS: usize = 1000;
/// The most roster entries of one ID number.
const MAX_PEOPLE_OF_ID_NUMBER: u64 = 10;

/// All schools whose policies can be read. A school whose policy cannot be read is left out with an
/// error in the log, so that it does not affect the others.
pub(super) async fn schools(db: &Db) -> Result<Vec<School>, DbError> {
    let rows = school::Entity::find()
        .order_by_asc(school::Column::Code)
        .limit(u64::try_from(MAX_SCHOOLS).ok())
        .all(db.conn())
        .await?;
    Ok(rows.into_iter().filter_map(school_of).collect())
}

fn school_of(row: school::Model) -> Option<School> {
    match StoredPolicy::parse(&row.policy) {
        Ok(StoredPolicy { policy, .. }) => Some(School {
            id: SchoolId::from_number(row.id),
            code: row.code,
            name: row.name,
            policy,
        }),
        Err(error) => {
            tracing::error!(school = row.code, %error, "the stored policy cannot be read");
            None
        }
    }
}

pub(super) async fn person(db: &Db, id: PersonId) -> Result<Option<Person>, DbError> {
    let found = person::Entity::find_by_id(id.uuid()).one(db.conn()).await?;
    found.map(|row| person_of(db.macs(), row)).transpose()
}

/// Locks a person's row and reads it.
pub(super) async fn hold_person(tx: &Tx, id: PersonId) -> Result<Option<Person>, DbError> {
    let mut found = person::Entity::find_by_id(id.uuid());
    if tx.has_row_locks() {
        found = found.lock(LockType::NoKeyUpdate);
    }
    found.one(tx.conn()).await?.map(|row| person_of(tx.macs(), row)).transpose()
}

pub(super) async fn person_by_student_no(
    db: &Db,
    school: SchoolId,
    student_no: &str,
) -> Result<Option<Person>, DbError> {
    let found = person::Entity::find()
        .filter(person::Column::SchoolId.eq(school.number()))
        .filter(person::Column::StudentNo.eq(student_no))
        .one(db.conn())
        .await?;
    found.map(|row| person_of(db.macs(), row)).transpose()
}

pub(super) async fn people_by_id_number(
    db: &Db,
    school: SchoolId,
    candidates: Vec<Blind>,
) -> Result<Vec<Person>, DbError> {
    let digests = candidates.into_iter().map(|blind| blind.digest.to_vec());
    let found = person::Entity::find()
        .filter(person::Column::SchoolId.eq(school.number()))
        .filter(person::Column::IdNumberIndex.is_in(digests))
        .order_by_asc(person::Column::Id)
        .limit(MAX_PEOPLE_OF_ID_NUMBER)
        .all(db.conn())
        .await?;
    found.into_iter().map(|row| person_of(db.macs(), row)).collect()
}

fn person_of(macs: &RowMacs, row: person::Model) -> Result<Person, DbError> {
    PERSON.check(macs, row.id, &person_fields(&row), row.mac.as_deref())?;
    let unknown = |what| DbError::Inconsistent { table: "person", what };
    Ok(Person {
        id: PersonId::from_uuid(row.id),
        school: SchoolId::from_number(row.school_id),
        student_no: row.student_no,
        kind: PersonKind::from_code(&row.kind).ok_or(unknown("unknown kind"))?,
        status: PersonStatus::from_code(&row.status).ok_or(unknown("unknown status"))?,
        department: row.department,
        class_name: row.class_name,
        valid_until: row.valid_until.map(Day::from_number),
        password_hash: row.password_hash,
        consumption_hash: row.consumption_hash,
        lost_at: row.lost_at.map(Timestamp::from_micros),
        dormant: row.dormant_at.is_some(),
        lost_chip: row.lost_chip_sealed,
        slip_until: row.password_slip_until.map(Timestamp::from_micros),
        slip_used: row.password_slip_used_at.is_some(),
        sealed: SealedFields {
            name: row.name_sealed,
            id_number: row.id_number_sealed,
            phone: row.phone_sealed,
            chip: row.chip_sealed,
        },
    })
}

/// Replaces the password hash that `before` was read with by `hash`, which a slip tells that is good for so
/// long, or somebody chose; false if it is another by now.
pub(super) async fn set_password(
    tx: &Tx,
    before: &Person,
    (hash, slip_until): (&str, Option<Timestamp>),
    now: Timestamp,
) -> Result<bool, DbError> {
    let (id, until) = (before.id, slip_until.map(Timestamp::micros));
    let stored = match before.password_hash.as_deref() {
        Some(before) => person::Column::PasswordHash.eq(before),
        None => person::Column::PasswordHash.is_null(),
    };
    let update = async {
        let updated = person::Entity::update_many()
            .col_expr(person::Column::PasswordHash, Expr::value(hash))
            .col_expr(person::Column::PasswordSlipUntil, Expr::value(until))
            .col_expr(person::Column::PasswordSlipUsedAt, Expr::value(None::<i64>))
            .col_expr(person::Column::UpdatedAt, Expr::value(now.micros()))
            .filter(person::Column::Id.eq(id.uuid()))
            .filter(stored)
            .exec(tx.conn())
            .await?;
        Ok(updated.rows_affected == 1)
    };
    PERSON.changed(tx, &[id.uuid()], update).await
}

/// Marks the slip of a held person as used; false if it was before.
pub(super) async fn use_slip(tx: &Tx, id: PersonId, now: Timestamp) -> Result<bool, DbError> {
    let update = async {
        let updated = person::Entity::update_many()
            .col_expr(person::Column::PasswordSlipUsedAt, Expr::value(now.micros()))
            .filter(person::Column::Id.eq(id.uuid()))
            .filter(person::Column::PasswordSlipUntil.is_not_null())
            .filter(person::Column::PasswordSlipUsedAt.is_null())
            .exec(tx.conn())
            .await?;
        Ok(updated.rows_affected == 1)
    };
    PERSON.changed(tx, &[id.uuid()], update).await
}

/// A person in the database with a student number of the roster.
#[derive(Debug)]
pub(super) struct OnRoster {
    pub(super) id: PersonId,
    /// The digest of the row that was imported last.
    pub(super) digest: Vec<u8>,
    /// The name, sealed.
    pub(super) name: Vec<u8>,
    /// The blind index of the ID number, if there is one.
    pub(super) id_number_index: Option<Vec<u8>>,
    /// The last day of the card.
    pub(super) valid_until: Option<Day>,
    /// Whether the name is indexed: rows of earlier releases are not.
    pub(super) has_name_index: bool,
}

/// The people with these student numbers.
pub(super) async fn on_roster(
    tx: &Tx,
    school: SchoolId,
    student_nos: impl IntoIterator<Item = &str>,
) -> Result<HashMap<String, OnRoster>, DbError> {
    type Found =
        (String, uuid::Uuid, Vec<u8>, Vec<u8>, Option<Vec<u8>>, Option<i32>, Option<Vec<u8>>);
    let found: Vec<Found> = person::Entity::find()
        .select_only()
        .columns([
            person::Column::StudentNo,
            person::Column::Id,
            person::Column::RosterDigest,
            person::Column::NameSealed,
            person::Column::IdNumberIndex,
            person::Column::ValidUntil,
            person::Column::NameIndex,
        ])
        .filter(person::Column::SchoolId.eq(school.number()))
        .filter(person::Column::StudentNo.is_in(student_nos))
        .into_tuple()
        .all(tx.conn())
        .await?;
    let known = found.into_iter();
    Ok(known
        .map(|(student_no, id, digest, name, id_number_index, last, name_index)| {
            let (id, valid_until) = (PersonId::from_uuid(id), last.map(Day::from_number));
            let has_name_index = name_index.is_some();
            let found = OnRoster { id, digest, name, id_number_index, valid_until, has_name_index };
            (student_no, found)
        })
        .collect())
}

/// The people with these ids, without those whose rows are not authentic.
pub(super) async fn authentic_people(
    tx: &Tx,
    ids: Vec<uuid::Uuid>,
) -> Result<Vec<Person>, DbError> {
    let found = person::Entity::find().filter(person::Column::Id.is_in(ids)).all(tx.conn()).await?;
    Ok(found.into_iter().filter_map(|row| person_of(tx.macs(), row).ok()).collect())
}

/// The roster's data of a person, sealed for the person's row.
pub(super) struct PersonRow<'a> {
    pub(super) id: PersonId,
    pub(super) student_no: &'a str,
    pub(super) sealed: SealedFields,
    pub(super) id_number_index: Option<&'a Blind>,
    pub(super) phone_index: Option<&'a Blind>,
    pub(super) name_index: &'a Blind,
    pub(super) kind: PersonKind,
    pub(super) department: &'a str,
    pub(super) class_name: &'a str,
    pub(super) valid_until: Option<Day>,
    pub(super) digest: &'a Blind,
}

/// The columns that a roster sets, without the standing.
fn roster_columns(row: PersonRow<'_>, now: Timestamp) -> person::ActiveModel {
    let digest = |blind: Option<&Blind>| Set(blind.map(|blind| blind.digest.to_vec()));
    person::ActiveModel {
        name_sealed: Set(row.sealed.name),
        id_number_sealed: Set(row.sealed.id_number),
        id_number_index: digest(row.id_number_index),
        phone_sealed: Set(row.sealed.phone),
        // A roster need not list it.
        chip_sealed: row.sealed.chip.map_or(NotSet, |chip| Set(Some(chip))),
        phone_index: digest(row.phone_index),
        name_index: digest(Some(row.name_index)),
        index_key: Set(row.digest.key_id.clone()),
        kind: Set(row.kind.code().to_owned()),
        department: Set(row.department.to_owned()),
        class_name: Set(row.class_name.to_owned()),
        roster_digest: Set(row.digest.digest.to_vec()),
        updated_at: Set(now.micros()),
        ..person::ActiveModel::default()
    }
}

/// Inserts people.
pub(super) async fn insert_people(
    tx: &Tx,
    school: SchoolId,
    rows: Vec<PersonRow<'_>>,
    now: Timestamp,
) -> Result<(), DbError> {
    let rows = rows.into_iter().map(|row| person::ActiveModel {
        id: Set(row.id.uuid()),
        school_id: Set(school.number()),
        student_no: Set(row.student_no.to_owned()),
        status: Set(PersonStatus::Active.code().to_owned()),
        password_hash: Set(None),
        created_at: Set(now.micros()),
        closed_at: Set(None),
        lost_at: Set(None),
        dormant_at: Set(None),
        valid_until: Set(row.valid_until.map(Day::number)),
        consumption_hash: Set(None),
        password_slip_until: Set(None),
        password_slip_used_at: Set(None),
        mac: Set(Some(PERSON.mac(tx, row.id.uuid(), &new_person(school, &row)))),
        ..roster_columns(row, now)
    });
    person::Entity::insert_many(rows).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Updates the roster's columns of people whose rows still have the given digests; the standing only
/// of those who are held.
pub(super) async fn update_people(
    tx: &Tx,
    held: &HeldPersons,
    school: SchoolId,
    changed: Vec<(PersonRow<'_>, Vec<u8>)>,
    now: Timestamp,
) -> Result<(), DbError> {
    let ids: Vec<_> = changed.iter().map(|(row, _)| row.id.uuid()).collect();
    let update = async {
        for (row, was) in changed {
            update_person(tx, held, (school, row), was, now).await?;
        }
        Ok(())
    };
    PERSON.changed(tx, &ids, update).await
}

/// Updates the roster's columns of a person whose row still has the digest `was`; the standing only if
/// the person is held.
async fn update_person(
    tx: &Tx,
    held: &HeldPersons,
    (school, row): (SchoolId, PersonRow<'_>),
    was: Vec<u8>,
    now: Timestamp,
) -> Result<(), DbError> {
    let id = row.id;
    let valid_until =
        if held.has(school, id) { Set(row.valid_until.map(Day::number)) } else { NotSet };
    let columns = person::ActiveModel { valid_until, ..roster_columns(row, now) };
    let updated = person::Entity::update_many()
        .filter(person::Column::Id.eq(id.uuid()))
        .filter(person::Column::RosterDigest.eq(was))
        .set(columns)
        .exec(tx.conn())
        .await?;
    if updated.rows_affected == 1 { Ok(()) } else { Err(DbError::Raced { table: "person" }) }
}
