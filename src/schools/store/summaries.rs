//! The columns of people that decisions read in bulk.

use super::authentic::PERSON;
use crate::{
    base::{
        clock::Day,
        crypto::row_mac::RowMacs,
        db::{Column, DbError, Found, Question},
        ids::PersonId,
    },
    schools::{PersonStatus, PersonSummary, Standing},
};

/// The summaries of these persons.
pub(in crate::schools) fn question(persons: &[PersonId]) -> Question {
    Question {
        columns: &[
            ("p.id", "uuid"),
            ("p.status", "text"),
            ("p.valid_until", "integer"),
            ("p.lost_at", "bigint"),
            ("p.dormant_at", "bigint"),
            ("p.name_sealed", "bytea"),
        ],
        from: "person p WHERE p.id {keys1}",
        keys: vec![Column::Uuid(persons.iter().map(|person| person.uuid()).collect())],
    }
}

/// Parses a row of [`question`].
pub(in crate::schools) fn summary(found: &Found) -> Result<PersonSummary, DbError> {
    let status: String = found.get(1)?;
    let unknown = DbError::Inconsistent { table: "person", what: "unknown status" };
    Ok(PersonSummary {
        person: PersonId::from_uuid(found.get(0)?),
        standing: Standing {
            status: PersonStatus::from_code(&status).ok_or(unknown)?,
            valid_until: found.get::<Option<i32>>(2)?.map(Day::from_number),
            lost: found.get::<Option<i64>>(3)?.is_some(),
            dormant: found.get::<Option<i64>>(4)?.is_some(),
        },
        name: found.get(5)?,
    })
}

/// The summaries of these persons, with what their MACs cover.
pub(in crate::schools) fn authentic_question(persons: &[PersonId]) -> Question {
    Question {
        columns: &[
            ("p.id", "uuid"),
            ("p.status", "text"),
            ("p.valid_until", "integer"),
            ("p.lost_at", "bigint"),
            ("p.dormant_at", "bigint"),
            ("p.name_sealed", "bytea"),
            ("p.school_id", "bigint"),
            ("p.student_no", "text"),
            ("p.password_hash", "text"),
            ("p.consumption_hash", "text"),
            ("p.password_slip_until", "bigint"),
            ("p.password_slip_used_at", "bigint"),
            ("p.mac", "bytea"),
        ],
        ..question(persons)
    }
}

/// Parses a row of [`authentic_question`], whose MAC must fit.
pub(in crate::schools) fn authentic(
    macs: &RowMacs,
    found: &Found,
) -> Result<PersonSummary, DbError> {
    let fields = [
        found.get::<i64>(6)?.into(),
        found.get::<Option<String>>(7)?.as_deref().into(),
        found.get::<Option<String>>(1)?.as_deref().into(),
        found.get::<Option<i32>>(2)?.into(),
        found.get::<Option<i64>>(3)?.into(),
        found.get::<Option<i64>>(4)?.into(),
        found.get::<Option<String>>(8)?.as_deref().into(),
        found.get::<Option<String>>(9)?.as_deref().into(),
        found.get::<Option<i64>>(10)?.into(),
        found.get::<Option<i64>>(11)?.into(),
    ];
    let mac: Option<Vec<u8>> = found.get(10)?;
    PERSON.check(macs, found.get(0)?, &fields, mac.as_deref())?;
    summary(found)
}
