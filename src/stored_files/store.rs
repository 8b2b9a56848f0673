//! Rows of stored files and of their parts.

use super::{FileId, NewFile, StoredFile};
use crate::base::{
    clock::Timestamp,
    db::{Column, Db, DbError, Rows, Source, Write},
    ids::SchoolId,
};
use sea_orm::QueryResult;

pub(super) async fn begin(
    db: &Db,
    id: FileId,
    new: &NewFile,
    now: Timestamp,
) -> Result<(), DbError> {
    let rows = || {
        Rows::new(vec![
            ("id", Column::Uuid(vec![id.uuid()])),
            ("school_id", Column::I64(vec![new.school.number()])),
            ("owner_id", Column::Uuid(vec![new.owner])),
            ("purpose", Column::Text(vec![new.purpose.to_owned()])),
            ("name", Column::Text(vec![new.name.clone()])),
            ("created_at", Column::I64(vec![now.micros()])),
            ("expires_at", Column::I64(vec![now.plus(new.lifetime).micros()])),
        ])
    };
    insert(db, "stored_file", rows).await
}

pub(super) async fn add_part(
    db: &Db,
    id: FileId,
    (position, sealed): (i32, Vec<u8>),
) -> Result<(), DbError> {
    let rows = || {
        Rows::new(vec![
            ("file_id", Column::Uuid(vec![id.uuid()])),
            ("position", Column::I32(vec![position])),
            ("sealed", Column::Bytes(vec![sealed.clone()])),
        ])
    };
    insert(db, "stored_file_part", rows).await
}

async fn insert(db: &Db, table: &'static str, rows: impl Fn() -> Rows) -> Result<(), DbError> {
    // A commit whose answer was lost is tried again.
    let suffix = "ON CONFLICT DO NOTHING";
    let write = || Write::Insert { table, rows: rows(), suffix };
    db.in_tx(async |tx| tx.write_some(write()).await.map(drop)).await
}

pub(super) async fn complete(
    db: &Db,
    id: FileId,
    (parts, bytes): (i32, u64),
) -> Result<(), DbError> {
    let rows = || {
        Rows::new(vec![
            ("id", Column::Uuid(vec![id.uuid()])),
            ("parts", Column::I32(vec![parts])),
            ("bytes", Column::I64(vec![i64::try_from(bytes).unwrap_or(i64::MAX)])),
        ])
    };
    let set = "parts = r.parts, bytes = r.bytes";
    let write = || Write::Update { table: "stored_file", rows: rows(), set, guard: "true" };
    db.in_tx(async |tx| tx.write_all(vec![write()]).await).await
}

pub(super) async fn find(db: &Db, id: FileId) -> Result<Option<StoredFile>, DbError> {
    let sql = "SELECT id, school_id, owner_id, purpose, name, parts, bytes, expires_at \
               FROM stored_file WHERE id = $1 AND parts IS NOT NULL";
    let found = Source::Db(db).select(sql, vec![id.uuid().into()]).await?;
    found.first().map(file_of).transpose()
}

fn file_of(row: &QueryResult) -> Result<StoredFile, DbError> {
    Ok(StoredFile {
        id: FileId::from_uuid(row.try_get("", "id")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        owner: row.try_get("", "owner_id")?,
        purpose: row.try_get("", "purpose")?,
        name: row.try_get("", "name")?,
        bytes: u64::try_from(row.try_get::<i64>("", "bytes")?).unwrap_or(0),
        expires_at: Timestamp::from_micros(row.try_get("", "expires_at")?),
        parts: row.try_get("", "parts")?,
    })
}

pub(super) async fn part(db: &Db, id: FileId, position: i32) -> Result<Option<Vec<u8>>, DbError> {
    let sql = "SELECT sealed FROM stored_file_part WHERE file_id = $1 AND position = $2";
    let found = Source::Db(db).select(sql, vec![id.uuid().into(), position.into()]).await?;
    Ok(found.first().map(|row| row.try_get("", "sealed")).transpose()?)
}

pub(super) async fn expired(db: &Db, now: Timestamp, most: u64) -> Result<Vec<FileId>, DbError> {
    let sql = "SELECT id FROM stored_file WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2";
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let found = Source::Db(db).select(sql, vec![now.micros().into(), most.into()]).await?;
    found.iter().map(|row| Ok(FileId::from_uuid(row.try_get("", "id")?))).collect()
}

/// Deletes files with their parts.
pub(super) async fn delete(db: &Db, ids: &[FileId]) -> Result<(), DbError> {
    let keys = || vec![Column::Uuid(ids.iter().map(|id| id.uuid()).collect())];
    db.in_tx(async |tx| {
        for sql in [
            "DELETE FROM stored_file_part WHERE file_id {keys1}",
            "DELETE FROM stored_file WHERE id {keys1}",
        ] {
            tx.select_keys(sql, keys()).await?;
        }
        Ok(())
    })
    .await
}
