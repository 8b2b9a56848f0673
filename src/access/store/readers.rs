//! The table of libraries' readers.

use crate::{
    access::readers::Reader,
    base::{
        db::{Column, DbError, Found, Question, Rows, Source, Tx},
        ids::{PersonId, SchoolId},
    },
};
use std::collections::HashMap;

/// Keeps the pseudonyms of people who have none yet; returns those of all of them.
pub(in crate::access) async fn keep(
    tx: &Tx,
    school: SchoolId,
    made: &[(PersonId, Reader)],
) -> Result<HashMap<PersonId, Reader>, DbError> {
    let found = of(tx, made).await?;
    let missing = made.iter().filter(|(person, _)| !found.contains_key(person));
    let missing: Vec<&(PersonId, Reader)> = missing.collect();
    if missing.is_empty() {
        return Ok(found);
    }
    let rows = Rows::new(vec![
        ("person_id", Column::Uuid(missing.iter().map(|(person, _)| person.uuid()).collect())),
        ("school_id", Column::I64(vec![school.number(); missing.len()])),
        ("reader", Column::Text(missing.iter().map(|(_, reader)| reader.0.clone()).collect())),
    ]);
    tx.insert_rows("library_reader", rows, "ON CONFLICT (person_id) DO NOTHING").await?;
    // Somebody else may have kept one meanwhile, made under another key.
    of(tx, made).await
}

async fn of(tx: &Tx, made: &[(PersonId, Reader)]) -> Result<HashMap<PersonId, Reader>, DbError> {
    let persons: Vec<PersonId> = made.iter().map(|(person, _)| *person).collect();
    let [found] = Source::Tx(tx).ask([question(&persons)]).await?;
    readers(&found)
}

/// A question for the pseudonyms of persons.
pub(in crate::access) fn question(persons: &[PersonId]) -> Question {
    Question {
        columns: &[("l.person_id", "uuid"), ("l.reader", "text")],
        from: "library_reader l WHERE l.person_id {keys1}",
        keys: vec![Column::Uuid(persons.iter().map(|person| person.uuid()).collect())],
    }
}

/// The answer to [`question`].
pub(in crate::access) fn readers(found: &[Found]) -> Result<HashMap<PersonId, Reader>, DbError> {
    let read = |found: &Found| Ok((PersonId::from_uuid(found.get(0)?), Reader(found.get(1)?)));
    found.iter().map(read).collect()
}
