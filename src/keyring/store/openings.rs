//! Rows of attempts to open doors.

use crate::{
    base::{
        clock::Timestamp,
        db::{Column, Db, DbError, Rows, Source, Tx, Write},
        ids::{PersonId, SchoolId},
    },
    keyring::{
        DoorId, OpeningId,
        opening::{FIRST_ASK, Opening, OpeningState},
    },
};
use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

const COLUMNS: &str =
    "id, school_id, person_id, door_lock_id, state, reason, created_at, open_until, tries";
/// What is to be asked about at `$2`.
const DUE: &str = "state = 'unknown' AND ask_at <= $2";
/// How many rows one clean-up step deletes.
const PRUNED_AT_ONCE: i64 = 500;

/// A person's attempt.
pub(in crate::keyring) async fn opening(
    source: Source<'_>,
    person: PersonId,
    id: OpeningId,
) -> Result<Option<Opening>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM door_opening WHERE id = $1 AND person_id = $2");
    let found = source.select(&sql, vec![id.uuid().into(), person.uuid().into()]).await?;
    found.first().map(opening_of).transpose()
}

/// The attempt at a door that a held person made under this key.
pub(in crate::keyring) async fn by_key(
    tx: &Tx,
    person: PersonId,
    door: DoorId,
    key: &str,
) -> Result<Option<Opening>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM door_opening \
         WHERE person_id = $1 AND door_lock_id = $2 AND idempotency_key = $3"
    );
    let values = vec![person.uuid().into(), door.uuid().into(), key.into()];
    let found = Source::Tx(tx).select(&sql, values).await?;
    found.first().map(opening_of).transpose()
}

/// A held person's attempts since an instant, newest first; at most `most`.
pub(in crate::keyring) async fn since(
    tx: &Tx,
    person: PersonId,
    since: Timestamp,
    most: usize,
) -> Result<Vec<Opening>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM door_opening WHERE person_id = $1 AND created_at > $2 \
         ORDER BY created_at DESC, id DESC LIMIT {most}"
    );
    let values = vec![person.uuid().into(), since.micros().into()];
    let found = Source::Tx(tx).select(&sql, values).await?;
    found.iter().map(opening_of).collect()
}

/// A new attempt. One that is known already is never asked about.
pub(in crate::keyring) async fn insert(
    tx: &Tx,
    opening: &Opening,
    key: &str,
) -> Result<(), DbError> {
    let sql = "INSERT INTO door_opening (id, school_id, person_id, door_lock_id, idempotency_key, \
               state, reason, created_at, open_until, looked_at, ask_at, tries, ended_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12)";
    let at = opening.created_at;
    let (ask_at, ended_at) = match opening.state {
        OpeningState::Unknown => (Some(at.plus(FIRST_ASK).micros()), None),
        OpeningState::Opened | OpeningState::Refused(_) => (None, Some(at.micros())),
    };
    let values: [Value; 12] = [
        opening.id.uuid().into(),
        opening.school.number().into(),
        opening.person.uuid().into(),
        opening.door.uuid().into(),
        key.into(),
        opening.state.code().into(),
        reason_of(opening.state).into(),
        at.micros().into(),
        opening.open_until.micros().into(),
        at.micros().into(),
        ask_at.into(),
        ended_at.into(),
    ];
    let statement = Statement::from_sql_and_values(tx.backend(), sql, values);
    tx.conn().execute_raw(statement).await?;
    Ok(())
}

/// Ends an attempt of which nobody knew; `false` if somebody else has ended it.
pub(in crate::keyring) async fn end(
    tx: &Tx,
    id: OpeningId,
    state: OpeningState,
    now: Timestamp,
) -> Result<bool, DbError> {
    let reason = reason_of(state).unwrap_or_default().to_owned();
    let rows = Rows::new(vec![
        ("id", Column::Uuid(vec![id.uuid()])),
        ("now", Column::Text(vec![state.code().to_owned()])),
        ("why", Column::Text(vec![reason])),
        ("ended_at", Column::I64(vec![now.micros()])),
    ]);
    let set = "state = r.now, reason = NULLIF(r.why, ''), ended_at = r.ended_at, ask_at = NULL";
    let guard = "door_opening.state = 'unknown'";
    Ok(tx.write_some(Write::Update { table: "door_opening", rows, set, guard }).await? == 1)
}

/// Sets when an attempt of which nobody knows is asked about again; `None`: not any more.
pub(in crate::keyring) async fn ask_again(
    tx: &Tx,
    id: OpeningId,
    at: Option<Timestamp>,
) -> Result<(), DbError> {
    let rows = Rows::new(vec![
        ("id", Column::Uuid(vec![id.uuid()])),
        ("at", Column::I64(vec![at.map_or(0, Timestamp::micros)])),
    ]);
    let (set, guard) = ("ask_at = NULLIF(r.at, 0)", "door_opening.state = 'unknown'");
    tx.write_some(Write::Update { table: "door_opening", rows, set, guard }).await?;
    Ok(())
}

/// Takes the turn to ask about an attempt for its person; `false` if it was asked about after `since`,
/// or has ended.
pub(in crate::keyring) async fn take_look(
    tx: &Tx,
    id: OpeningId,
    since: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let rows = Rows::new(vec![
        ("id", Column::Uuid(vec![id.uuid()])),
        ("since", Column::I64(vec![since.micros()])),
        ("now", Column::I64(vec![now.micros()])),
    ]);
    let guard = "door_opening.state = 'unknown' AND door_opening.looked_at <= r.since";
    let set = "looked_at = r.now";
    Ok(tx.write_some(Write::Update { table: "door_opening", rows, set, guard }).await? == 1)
}

/// True if an attempt is due: an idle server only reads.
pub(in crate::keyring) async fn is_any_due(db: &Db, now: Timestamp) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM door_opening WHERE state = 'unknown' AND ask_at <= $1 LIMIT 1";
    Ok(!Source::Db(db).select(sql, vec![now.micros().into()]).await?.is_empty())
}

/// Claims attempts that are due until `until`, the longest overdue first.
pub(in crate::keyring) async fn claim(
    tx: &Tx,
    now: Timestamp,
    until: Timestamp,
    most: i64,
) -> Result<Vec<Opening>, DbError> {
    // See the outbox.
    let (within, lock, end) = if tx.has_row_locks() {
        ("= ANY(ARRAY", "FOR UPDATE SKIP LOCKED", "))")
    } else {
        ("IN", "", ")")
    };
    let sql = format!(
        "UPDATE door_opening SET ask_at = $1, looked_at = $2, tries = tries + 1 \
         WHERE {DUE} AND id {within} (SELECT id FROM door_opening \
         WHERE {DUE} ORDER BY ask_at LIMIT $3 {lock}{end} RETURNING {COLUMNS}"
    );
    let values = [until.micros().into(), now.micros().into(), most.into()];
    let statement = Statement::from_sql_and_values(tx.backend(), &sql, values);
    tx.conn().query_all_raw(statement).await?.iter().map(opening_of).collect()
}

/// Deletes some of a school's attempts from before an instant; `true` if there may be more.
pub(in crate::keyring) async fn prune(
    tx: &Tx,
    school: SchoolId,
    before: Timestamp,
) -> Result<bool, DbError> {
    let within = if tx.has_row_locks() { ("= ANY(ARRAY", "))") } else { ("IN ", ")") };
    let sql = format!(
        "DELETE FROM door_opening WHERE id {}(SELECT id FROM door_opening \
         WHERE school_id = $1 AND created_at < $2 LIMIT {PRUNED_AT_ONCE}{}",
        within.0, within.1
    );
    let values = [school.number().into(), before.micros().into()];
    let statement = Statement::from_sql_and_values(tx.backend(), &sql, values);
    let deleted = tx.conn().execute_raw(statement).await?.rows_affected();
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX) == PRUNED_AT_ONCE)
}

fn reason_of(state: OpeningState) -> Option<&'static str> {
    match state {
        OpeningState::Refused(refusal) => Some(refusal.code()),
        OpeningState::Unknown | OpeningState::Opened => None,
    }
}

fn opening_of(row: &QueryResult) -> Result<Opening, DbError> {
    let state: String = row.try_get("", "state")?;
    let reason: Option<String> = row.try_get("", "reason")?;
    let broken = DbError::Inconsistent { table: "door_opening", what: "unknown state" };
    Ok(Opening {
        id: OpeningId::from_uuid(row.try_get("", "id")?),
        school: SchoolId::from_number(row.try_get("", "school_id")?),
        person: PersonId::from_uuid(row.try_get("", "person_id")?),
        door: DoorId::from_uuid(row.try_get("", "door_lock_id")?),
        state: OpeningState::read(&state, reason.as_deref()).ok_or(broken)?,
        created_at: Timestamp::from_micros(row.try_get("", "created_at")?),
        open_until: Timestamp::from_micros(row.try_get("", "open_until")?),
        tries: u32::try_from(row.try_get::<i32>("", "tries")?).unwrap_or(u32::MAX),
    })
}
