//! The table of used codes, written in bulk.

use crate::{
    base::{
        clock::Timestamp,
        db::{Column, Db, DbError, Found, Question, Rows, Source, Tx, Write},
    },
    passcode::{CodePurpose, DeviceId, ShownCode, SubCounter, uses::UseKey},
};
use sea_orm::{ConnectionTrait, QueryResult, Statement};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// How many rows one clean-up step deletes.
const PRUNED_AT_ONCE: i64 = 500;

/// On PostgreSQL the devices' rows are locked: a transaction that ends a device waits for this one,
/// and a later one sees the end. They are selected by a list so that the planner does not scan the
/// table, whatever its estimates.
const USE_UP_POSTGRES: &str = "WITH q AS (SELECT r.* FROM {rows}), \
    live AS (SELECT d.id, d.generation FROM device d \
        WHERE d.id = ANY(ARRAY(SELECT q.device_id FROM q)) AND d.ended_at IS NULL \
        AND LEAST(d.expires_at, d.stale_at) > (SELECT MAX(q.used_at) FROM q) \
        ORDER BY d.id FOR KEY SHARE OF d), \
    used AS (INSERT INTO code_use SELECT q.* FROM q ON CONFLICT DO NOTHING \
        RETURNING shown_at, device_id, generation, purpose, scope, sub) \
    SELECT u.*, CAST(CASE WHEN EXISTS (SELECT 1 FROM live l WHERE l.id = u.device_id \
        AND l.generation = u.generation) THEN 1 ELSE 0 END AS BIGINT) AS live FROM used u";

/// SQLite has a single writer, so no locks are needed.
const USE_UP_SQLITE: &str = "INSERT INTO code_use SELECT r.* FROM {rows} WHERE true \
    ON CONFLICT DO NOTHING RETURNING shown_at, device_id, generation, purpose, scope, sub, \
    EXISTS (SELECT 1 FROM device d WHERE d.id = code_use.device_id \
        AND d.generation = code_use.generation AND d.ended_at IS NULL \
        AND d.expires_at > code_use.used_at AND d.stale_at > code_use.used_at) AS live";

/// The new uses, each with whether its device is live.
pub(in crate::passcode) async fn use_up(
    tx: &Tx,
    uses: &[(ShownCode, &str)],
    now: Timestamp,
) -> Result<HashMap<UseKey, bool>, DbError> {
    let sql = if tx.has_row_locks() { USE_UP_POSTGRES } else { USE_UP_SQLITE };
    let found = tx.select_rows(sql, rows(uses, now)).await?;
    found.iter().map(use_of).collect()
}

/// The uses, on condition that no code was used before and all devices are live: see
/// [`write_of_first`](crate::passcode::write_of_first).
pub(in crate::passcode) fn write_of_first(uses: &[(ShownCode, &str)], now: Timestamp) -> Write {
    let guard = "EXISTS (SELECT 1 FROM device d WHERE d.id = r.device_id \
                 AND d.generation = r.generation AND d.ended_at IS NULL \
                 AND LEAST(d.expires_at, d.stale_at) > r.used_at FOR KEY SHARE OF d)";
    Write::InsertIf { table: "code_use", rows: rows(uses, now), guard }
}

/// Whether the device of a code is live in the generation that showed it.
pub(in crate::passcode) async fn is_live(
    tx: &Tx,
    shown: &ShownCode,
    now: Timestamp,
) -> Result<bool, DbError> {
    let sql = "SELECT id FROM device WHERE id = $1 AND generation = $2 AND ended_at IS NULL \
               AND expires_at > $3 AND stale_at > $3";
    let generation = i64::from(shown.generation);
    let values = vec![shown.device.uuid().into(), generation.into(), now.micros().into()];
    Ok(!Source::Tx(tx).select(sql, values).await?.is_empty())
}

/// In the order of the table's columns.
fn rows(uses: &[(ShownCode, &str)], now: Timestamp) -> Rows {
    let i64s =
        |f: &dyn Fn(&ShownCode) -> i64| Column::I64(uses.iter().map(|(s, _)| f(s)).collect());
    let scopes = uses.iter().map(|(_, scope)| (*scope).to_owned());
    let purposes = uses.iter().map(|(shown, _)| shown.purpose.as_str().to_owned());
    let number = |tick: u64| i64::try_from(tick).unwrap_or(i64::MAX);
    Rows::new(vec![
        ("shown_at", i64s(&|s| s.shown_at().micros())),
        ("device_id", Column::Uuid(uses.iter().map(|(s, _)| s.device.uuid()).collect())),
        ("generation", i64s(&|s| s.generation.into())),
        ("purpose", Column::Text(purposes.collect())),
        ("scope", Column::Text(scopes.collect())),
        ("sub", Column::I32(uses.iter().map(|(s, _)| s.sub.number().into()).collect())),
        ("tick", i64s(&|s| number(s.tick.number()))),
        ("school_id", i64s(&|s| s.school.number())),
        ("day", Column::I32(vec![now.day().number(); uses.len()])),
        ("used_at", i64s(&|_| now.micros())),
    ])
}

fn use_of(row: &QueryResult) -> Result<(UseKey, bool), DbError> {
    let (generation, sub) = (row.try_get("", "generation")?, row.try_get("", "sub")?);
    let (purpose, scope): (String, String) =
        (row.try_get("", "purpose")?, row.try_get("", "scope")?);
    let shown = (row.try_get("", "device_id")?, row.try_get("", "shown_at")?);
    let key = key_of(shown, (generation, sub), (&purpose, scope))?;
    Ok((key, row.try_get::<i64>("", "live")? == 1))
}

fn key_of(
    (device, shown_at): (Uuid, i64),
    (generation, sub): (i64, i32),
    (purpose, scope): (&str, String),
) -> Result<UseKey, DbError> {
    let broken = DbError::Inconsistent { table: "code_use", what: "invalid key" };
    let sub = u8::try_from(sub).ok().and_then(SubCounter::from_number);
    Ok(UseKey {
        shown_at: Timestamp::from_micros(shown_at),
        device: DeviceId::from_uuid(device),
        generation: u32::try_from(generation).map_err(|_| broken.clone())?,
        purpose: CodePurpose::from_code(purpose).ok_or(broken.clone())?,
        scope,
        sub: sub.ok_or(broken)?,
    })
}

/// A question for the uses of these codes, in any scope, among others of their devices. On databases that
/// can lock rows.
///
/// Each device is looked up by itself, through the key. The limit, which is far above what one device can
/// show in so many steps, keeps the planner from reading every code of a step, whatever its estimates.
pub(in crate::passcode) fn question(shown: &[ShownCode]) -> Question {
    Question {
        columns: &[
            ("u.device_id", "uuid"),
            ("u.shown_at", "bigint"),
            ("u.generation", "bigint"),
            ("u.sub", "integer"),
            ("u.purpose", "text"),
            ("u.scope", "text"),
        ],
        from: "device d CROSS JOIN LATERAL (SELECT * FROM code_use u WHERE u.shown_at {keys1} \
            AND u.device_id = d.id LIMIT 10000) u WHERE d.id {keys2}",
        keys: vec![
            Column::I64(distinct(shown.iter().map(|shown| shown.shown_at().micros()))),
            Column::Uuid(distinct(shown.iter().map(|shown| shown.device.uuid()))),
        ],
    }
}

fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.collect::<BTreeSet<_>>().into_iter().collect()
}

/// A row of the answer to [`question`].
pub(in crate::passcode) fn found(found: &Found) -> Result<UseKey, DbError> {
    let shown = (found.get(0)?, found.get(1)?);
    let (purpose, scope): (String, String) = (found.get(4)?, found.get(5)?);
    key_of(shown, (found.get(2)?, found.get(3)?), (&purpose, scope))
}

/// The codes of a device and step that were used, in any scope.
pub(in crate::passcode) async fn used_subs(
    db: &Db,
    device: DeviceId,
    generation: u32,
    purpose: CodePurpose,
    shown_at: Timestamp,
) -> Result<Vec<SubCounter>, DbError> {
    let sql = "SELECT DISTINCT sub FROM code_use WHERE shown_at = $1 AND device_id = $2 \
               AND generation = $3 AND purpose = $4";
    let values = vec![
        shown_at.micros().into(),
        device.uuid().into(),
        i64::from(generation).into(),
        purpose.as_str().into(),
    ];
    let rows = Source::Db(db).select(sql, values).await?;
    let sub = |row: &QueryResult| row.try_get::<i32>("", "sub");
    let subs: Result<Vec<i32>, _> = rows.iter().map(sub).collect();
    let read = |sub: i32| u8::try_from(sub).ok().and_then(SubCounter::from_number);
    Ok(subs?.into_iter().filter_map(read).collect())
}

/// Deletes some of the uses of codes shown before `before`, oldest first; those of one instant are
/// deleted together. Returns whether there were any.
pub(in crate::passcode) async fn prune(db: &Db, before: Timestamp) -> Result<bool, DbError> {
    let sql = format!(
        "SELECT shown_at FROM code_use WHERE shown_at < $1 ORDER BY shown_at LIMIT {PRUNED_AT_ONCE}"
    );
    let rows = Source::Db(db).select(&sql, vec![before.micros().into()]).await?;
    let Some(last) = rows.last() else { return Ok(false) };
    let until: i64 = last.try_get("", "shown_at")?;
    let sql = "DELETE FROM code_use WHERE shown_at <= $1";
    let statement = Statement::from_sql_and_values(db.backend(), sql, [until.into()]);
    db.in_tx(async |tx| Ok::<_, DbError>(tx.conn().execute_raw(statement.clone()).await?)).await?;
    Ok(true)
}
