//! The table of libraries' readers.

use crate::{
    access::readers::Reader,
    base::{
        db::{Column, DbError, Rows, Tx},
        ids::{PersonId, SchoolId},
    },
};
use std::collections::HashMap;

/// Keeps the pseudonyms of people who have none yet; returns those of all of them.
pub(in crate::access) async fn keep(
    tx: &Tx,
    school: SchoolId,
    readers: &[(PersonId, Reader)],
) -> Result<HashMap<PersonId, Reader>, DbError> {
    let ids = || readers.iter().map(|(person, _)| person.uuid());
    let rows = Rows::new(vec![
        ("person_id", Column::Uuid(ids().collect())),
        ("school_id", Column::I64(vec![school.number(); readers.len()])),
        ("reader", Column::Text(readers.iter().map(|(_, reader)| reader.0.clone()).collect())),
    ]);
    tx.insert_rows("library_reader", rows, "ON CONFLICT (person_id) DO NOTHING").await?;
    let sql = "SELECT person_id, reader FROM library_reader WHERE person_id {keys1}";
    let found = tx.select_keys(sql, vec![Column::Uuid(ids().collect())]).await?;
    let read = |row: &sea_orm::QueryResult| {
        let person = PersonId::from_uuid(row.try_get("", "person_id")?);
        Ok((person, Reader(row.try_get("", "reader")?)))
    };
    found.iter().map(read).collect()
}
