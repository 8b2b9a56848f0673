//! The columns of a person that its MAC covers: passwords and standing.

use super::PersonRow;
use crate::{
    base::{
        clock::Day,
        crypto::row_mac::Field,
        db::{Authority, FieldKind},
        ids::SchoolId,
    },
    schools::person::PersonStatus,
};
use entity::person;

/// Who signs in with which password, and may pay.
pub(in crate::schools) const PERSON: Authority = Authority {
    table: "person",
    columns: &[
        ("school_id", FieldKind::Big),
        ("student_no", FieldKind::Text),
        ("status", FieldKind::Text),
        ("valid_until", FieldKind::Int),
        ("lost_at", FieldKind::Big),
        ("dormant_at", FieldKind::Big),
        ("password_hash", FieldKind::Text),
        ("consumption_hash", FieldKind::Text),
        ("password_slip_until", FieldKind::Big),
        ("password_slip_used_at", FieldKind::Big),
    ],
    added: 2,
    live: "true",
};

pub(super) fn person_fields(row: &person::Model) -> [Field; 10] {
    [
        row.school_id.into(),
        row.student_no.as_str().into(),
        row.status.as_str().into(),
        row.valid_until.into(),
        row.lost_at.into(),
        row.dormant_at.into(),
        row.password_hash.as_deref().into(),
        row.consumption_hash.as_deref().into(),
        row.password_slip_until.into(),
        row.password_slip_used_at.into(),
    ]
}

/// The columns of a person who is new on the roster.
pub(super) fn new_person(school: SchoolId, row: &PersonRow<'_>) -> [Field; 10] {
    [
        school.number().into(),
        row.student_no.into(),
        PersonStatus::Active.code().into(),
        row.valid_until.map(Day::number).into(),
        Field::Null,
        Field::Null,
        Field::Null,
        Field::Null,
        Field::Null,
        Field::Null,
    ]
}
